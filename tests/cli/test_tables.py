from __future__ import annotations

import io

import pytest
from rich.console import Console

from companion_async.cli.tables import decisions_table, modules_table, seconds, threads_table

pytestmark = pytest.mark.feature("CB-33")


def text_of(renderable, width=100):
    page = io.StringIO()
    Console(file=page, width=width).print(renderable)
    return page.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0 us"),
        (0.000_42, "420 us"),
        (0.0042, "4.2 ms"),
        (0.042, "42 ms"),
        (0.42, "420 ms"),
        (4.2, "4.2 s"),
        (119.0, "119.0 s"),
        (600.0, "10 min"),
        (7200.0, "2.0 h"),
    ],
)
def test_durations_have_a_unit_that_suits_them(value, text):
    """A person reads three digits and a unit, whatever the size."""
    assert seconds(value) == text


MODULE = {
    "name": "web_crawler",
    "state": "error",
    "category": "phase3",
    "running": 0,
    "queue_size": 7,
    "tasks_completed": 9_999,
    "tasks_failed": 1,
    "success_rate": 0.9999,
}


@pytest.mark.parametrize(("rate", "text"), [(1.0, "100%"), (0.9999, "99.9%"), (0.5, "50.0%"), (0.0, "0.0%")])
def test_a_failure_is_never_rounded_away(rate, text):
    """Only a module without failures has a success of 100%."""
    assert text_of(modules_table([{**MODULE, "success_rate": rate}])).rstrip().endswith(text)


@pytest.mark.parametrize("width", [80, 120])
def test_modules_fit_a_terminal(width):
    """The longest names stand whole on 80 columns."""
    page = text_of(modules_table([{**MODULE, "name": "multimodal_processor", "state": "initializing"}]), width)
    assert "multimodal_processor" in page
    assert "initializing" in page
    assert "…" not in page


DECISION = {
    "type": "scale_up",
    "context": "phase3",
    "reason": "every slot is busy",
    "applied": True,
    "timestamp": "2026-11-22T12:30:05Z",
    "outcome": None,
}


@pytest.mark.feature("X-19")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "every slot is busy"),
        ({"applied": False}, "(not applied)"),
        ({"applied": False, "error": "QueueFullError"}, "(not applied: QueueFullError)"),
        ({"outcome": ("rate", 1.0, 2.5, True)}, "rate 1 -> 2.5 after 5.0 s: as expected"),
        ({"outcome": ("rate", 1.0, 0.5, False)}, "rate 1 -> 0.5 after 5.0 s: not as expected"),
        ({"outcome": ("state", "error", None, None)}, "state error -> None after 5.0 s: could not be measured"),
    ],
)
def test_decisions_say_why_and_what_came_of_it(change, said):
    """A decision stands with its time, its reason, whether it was carried out, and its measured effect."""
    if "outcome" in change:
        metric, before, after, met = change["outcome"]
        change = {"outcome": {"metric": metric, "before": before, "after": after, "met": met, "seconds": 5.0}}
    page = text_of(decisions_table([{**DECISION, **change}]))
    assert said in page
    assert "12:30:05" in page


def test_a_reason_cannot_write_markup():
    """What a decision says is printed as it is; brackets in it are no colours."""
    assert "[red]x[/red]" in text_of(decisions_table([{**DECISION, "reason": "[red]x[/red]"}]))


def test_what_runs_on_the_loop_makes_no_thread_idle_below_none():
    """Coroutines are busy and have no thread: a category of them alone shows no idle ones, not fewer than none."""
    category = {"active": 3, "total": 1, "max": 6, "queued": 0, "abandoned": 0}
    status = {
        "categories": {"agi": category},
        "stats": {
            "total_tasks_completed": 5,
            "total_tasks_failed": 0,
            "total_threads_created": 1,
            "threads_restarted": 0,
        },
        "total_threads": 1,
        "active_threads": 3,
        "abandoned_threads": 0,
        "max_threads": 50,
        "pending_tasks": 3,
        "uptime": 5.0,
    }
    lines = text_of(threads_table(status, {})).splitlines()
    agi, everything = (next(line for line in lines if line.startswith(name)) for name in ("agi", "all"))
    assert agi.split()[:4] == ["agi", "3", "0", "6"]
    assert everything.split()[:4] == ["all", "3", "0", "50"]
