"""The pictures as the documents' dictionaries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from companion_async.autonomy.decision import Decision, Outcome
from companion_async.sdk import dictionaries
from companion_async.status.module import ErrorEntry, ModuleStatus

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
MODULE = ModuleStatus(name="crawler", state="running", category="phase3", priority="medium", uptime=100.0)


def test_moments_are_naive_and_local():
    """What is shown compares with datetime.now(), in summer and in winter."""
    for moment in (NOW, datetime(2026, 1, 1, tzinfo=UTC)):
        assert dictionaries.local(moment) == datetime.fromtimestamp(moment.timestamp())
        assert dictionaries.local(moment).tzinfo is None


@pytest.mark.feature("CB-23", "CB-30")
def test_last_activity_is_the_start_until_there_is_one():
    """Before the first task the module's start stands there, afterwards its last task's end."""
    fresh = dictionaries.module(MODULE, NOW)
    assert fresh["last_activity"] == dictionaries.local(NOW - timedelta(seconds=100)).isoformat()
    used = dictionaries.module(msgspec.structs.replace(MODULE, last_activity=NOW), NOW + timedelta(seconds=9))
    assert used["last_activity"] == dictionaries.local(NOW).isoformat()


@pytest.mark.feature("CB-23", "CB-30")
@pytest.mark.parametrize(
    ("state", "alive"),
    [
        ("initializing", True),
        ("running", True),
        ("paused", True),
        ("waiting", True),
        ("stopping", True),
        ("stopped", False),
        ("error", False),
    ],
)
def test_who_is_alive(state, alive):
    """Whoever takes work, or holds it for later, is alive; the priority is the documents' number."""
    shown = dictionaries.module(msgspec.structs.replace(MODULE, state=state), NOW)
    assert (shown["state"], shown["is_alive"], shown["priority"]) == (state, alive, 3)


@pytest.mark.feature("CB-24")
def test_errors_are_texts_that_name_their_task():
    """A task's error has its id in front, the module's own has none."""
    errors = (ErrorEntry("OSError", "gone", NOW, "t-1"), ErrorEntry("ValueError", "never started", NOW))
    shown = dictionaries.module(msgspec.structs.replace(MODULE, errors=errors), NOW)
    assert shown["errors"] == ["Task t-1: OSError: gone", "ValueError: never started"]


@pytest.mark.feature("CB-21")
def test_a_decision_says_why_and_what_came_of_it_in_its_data():
    """Reason, application and outcome stand with the rest of the data, in plain types."""
    outcome = Outcome("threads", 5, 3, 3, True, 10.0)
    made = Decision(7, "scale_down", "phase2", {"old": 5, "new": 3}, "Low utilization", True, NOW, outcome)
    shown = dictionaries.decision(made)
    assert shown == {
        "decision_id": 7,
        "type": "scale_down",
        "context": "phase2",
        "data": {
            "old": 5,
            "new": 3,
            "reason": "Low utilization",
            "applied": True,
            "outcome": {"metric": "threads", "before": 5, "expected": 3, "after": 3, "met": True, "seconds": 10.0},
        },
        "timestamp": dictionaries.local(NOW).isoformat(),
    }
