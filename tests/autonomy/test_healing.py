"""The healing rules as tables."""

from __future__ import annotations

from typing import Any

import pytest

from companion_async.autonomy.healing import heal, replace, spent, verdicts
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.situation import CategoryReading, ModuleReading, Situation, StuckRun

SETTINGS = AutonomySettings()


def module(name: str = "m", **changes: Any) -> ModuleReading:
    return ModuleReading(**{"name": name, "category": "core", "state": "running", **changes})


def category(**changes: Any) -> CategoryReading:
    full = {"name": "core", "limit": 2, "configured": 2, "working": 2, "queued": 3, "budget": 2}
    return CategoryReading(**{**full, **changes})


def run(**changes: Any) -> StuckRun:
    stuck = {"task_id": "t1", "module": "m", "category": "core", "running_seconds": 400.0, "still_seconds": 400.0}
    return StuckRun(**{**stuck, **changes})


@pytest.mark.feature("CB-17")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"state": "error"}, "restart_module"),
        ({"state": "error", "restarts_left": False}, "quarantine"),  # HEA-01
        ({"state": "error", "healing": True}, None),  # HEA-06: someone is at it
        ({"failures_in_row": 4}, None),
        ({"failures_in_row": 5}, "restart_module"),
        ({"failures_in_row": 5, "restarts_left": False}, "quarantine"),
        ({"failures_in_row": 9, "state": "paused"}, None),  # HEA-09: a person's word stands
        ({"failures_in_row": 9, "state": "stopped"}, None),
        ({"failures_in_row": 9, "state": "stopping"}, None),
        ({"failures_in_row": 9, "state": "initializing"}, None),
        ({"failures_in_row": 9, "state": "waiting"}, None),
    ],
)
def test_a_failing_module_is_restarted_and_in_the_end_quarantined(
    changes: dict[str, Any], expected: str | None
) -> None:
    """In error or failing run after run; never while it is being healed, and never against a person's pause or stop."""
    verdict = heal(module(**changes), SETTINGS)
    assert (verdict.type if verdict else None) == expected


def test_a_restart_names_the_generation_that_it_is_meant_for() -> None:
    """HEA-06: two rounds that see the same failure mean the same instance, so the second finds nothing to do."""
    verdict = heal(module(state="error", generation=7), SETTINGS)
    assert verdict is not None
    assert verdict.data["generation"] == 7
    assert verdict.expectation is not None
    assert (verdict.expectation.before, verdict.expectation.expected) == ("error", "running")


@pytest.mark.feature("CB-18", "X-18")
@pytest.mark.parametrize(
    ("run_changes", "category_changes", "replaced"),
    [
        ({}, {}, True),
        ({"running_seconds": 300.0}, {}, False),  # not long enough
        ({"still_seconds": 10.0}, {}, False),  # it runs long and gets on
        ({"running_seconds": 10.0, "still_seconds": 4000.0}, {}, False),  # HEA-05: idle for an hour, then a short run
        ({}, {"queued": 0}, False),  # nobody waits for its slot
        ({}, {"working": 1}, False),  # there is a free slot beside it
        ({}, {"abandoned": 2}, False),  # HEA-10: the budget is spent
        ({}, {"budget": 0}, False),
    ],
)
def test_a_run_that_stands_still_while_others_wait_loses_its_slot(
    run_changes: dict[str, Any], category_changes: dict[str, Any], replaced: bool
) -> None:
    """More than five minutes without progress, judged by this run's own time, within the budget."""
    verdict = replace(run(**run_changes), category(**category_changes), SETTINGS)
    assert (verdict is not None) is replaced


@pytest.mark.feature("X-18")
def test_the_decision_explains_itself_with_the_stack() -> None:
    """Where the run hangs is part of the decision."""
    verdict = replace(run(stack=("app.py:3 read", "socket.py:9 recv")), category(), SETTINGS)
    assert verdict is not None
    assert verdict.data == {"task_id": "t1", "category": "core", "stack": ["app.py:3 read", "socket.py:9 recv"]}
    assert "t1" in verdict.reason


@pytest.mark.feature("X-18")
@pytest.mark.parametrize(
    ("abandoned", "modules", "quarantined"),
    [
        (2, {"m": {"abandoned": 2}, "n": {}}, "m"),
        (2, {"m": {"abandoned": 1}, "n": {"abandoned": 1}}, "m"),
        (1, {"m": {"abandoned": 1}}, None),  # the budget lasts
        (2, {"m": {"abandoned": 2, "state": "stopped"}}, None),  # it is already
        (2, {"m": {"abandoned": 2, "healing": True}}, None),
        (2, {}, None),
    ],
)
def test_with_the_budget_spent_the_module_that_spent_it_is_quarantined(
    abandoned: int, modules: dict[str, dict[str, Any]], quarantined: str | None
) -> None:
    """The one with the most runs that never ended, if they are half of the budget."""
    readings = [module(name, **changes) for name, changes in modules.items()]
    verdict = spent(category(abandoned=abandoned, spent_for=30.0), readings, SETTINGS)
    assert (verdict.context if verdict else None) == quarantined


def test_a_budget_that_has_just_been_spent_is_waited_for() -> None:
    """Threads may yet come back: for half a minute the work waits and no module is stopped."""
    readings = [module(abandoned=2)]
    assert spent(category(abandoned=2, spent_for=29.9), readings, SETTINGS) is None
    assert spent(category(abandoned=2, spent_for=30.0), readings, SETTINGS) is not None


def test_a_module_with_a_small_part_in_it_is_not_quarantined() -> None:
    """Many modules that each lost one run: no single one is to blame."""
    readings = [module(f"m{n}", abandoned=1) for n in range(6)]
    assert spent(category(budget=6, abandoned=6, spent_for=60.0), readings, SETTINGS) is None


def test_a_category_without_a_budget_blames_nobody() -> None:
    """A budget of 0 is a setting, not an exhaustion."""
    assert spent(category(budget=0, spent_for=60.0), [module(abandoned=0)], SETTINGS) is None


@pytest.mark.feature("CB-18", "CB-20")
def test_one_pass_replaces_no_more_than_the_budget_allows_the_longest_still_first() -> None:
    """Three stuck runs, one place left in the budget: the worst goes; other categories are their own matter."""
    runs = (
        run(task_id="a", still_seconds=310.0),
        run(task_id="b", still_seconds=390.0),
        run(task_id="c", still_seconds=350.0),
        run(task_id="d", category="agi"),
    )
    situation = Situation(
        now=0.0, categories=(category(abandoned=1),), modules=(module(), module("e", state="error")), stuck=runs
    )
    found = [(verdict.type, verdict.data.get("task_id", verdict.context)) for verdict in verdicts(situation, SETTINGS)]
    assert found == [("restart_module", "e"), ("replace_worker", "b")]


def test_a_module_gets_one_verdict_even_with_two_reasons() -> None:
    """In error and the spender of the budget: its restart is enough for this pass."""
    situation = Situation(now=0.0, categories=(category(abandoned=2),), modules=(module(state="error", abandoned=2),))
    assert [verdict.type for verdict in verdicts(situation, SETTINGS)] == ["restart_module"]
