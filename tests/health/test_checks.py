"""The health checks as tables: readings in, findings out."""

from __future__ import annotations

from typing import Any

import pytest

from companion_async.health.checks import CategoryVitals, ModuleVitals, RunVitals, Vitals, check, checks_failed
from companion_async.health.settings import HealthSettings

SETTINGS = HealthSettings()


def kinds(vitals: Vitals) -> list[str]:
    return [finding.kind for finding in check(vitals, SETTINGS)]


@pytest.mark.feature("CB-19")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"checks_failed": 2}, []),  # HEA-03: two are no proof
        ({"checks_failed": 3}, ["module_unhealthy"]),
        ({"failures_in_row": 4}, []),
        ({"failures_in_row": 5}, ["module_failing"]),
        ({"failures_in_row": 50, "checks_failed": 50}, ["module_unhealthy"]),  # one finding is enough
        ({"failures_in_row": 50, "state": "paused"}, []),  # HEA-09
        ({"failures_in_row": 50, "state": "error"}, []),  # known already
        ({"checks_failed": 50, "state": "stopped"}, []),
    ],
)
def test_a_running_module_that_fails_again_and_again_is_found(changes: dict[str, Any], expected: list[str]) -> None:
    """By its checks or by its runs, in a row; what is not running is not judged."""
    module = ModuleVitals(**{"name": "m", "state": "running", **changes})
    assert kinds(Vitals(modules=(module,))) == expected


@pytest.mark.parametrize(
    ("before", "failed", "timed_out", "progressed", "after"),
    [
        (2, False, False, False, 0),
        (2, True, False, False, 3),
        (2, True, False, True, 3),  # it said itself that it is not well
        (2, True, True, False, 3),  # no answer and no work: that counts
        (2, True, True, True, 2),  # HEA-03: no answer in time, but its work gets on
    ],
)
def test_a_check_that_ran_out_of_time_counts_only_without_progress(
    before: int, failed: bool, timed_out: bool, progressed: bool, after: int
) -> None:
    """A slow answer on a busy machine is no reason for a restart; an answer that says no is."""
    assert checks_failed(before, failed=failed, timed_out=timed_out, progressed=progressed) == after


@pytest.mark.feature("CB-18")
@pytest.mark.parametrize(
    ("running", "still", "found"),
    [(301.0, 301.0, True), (300.0, 300.0, False), (4000.0, 10.0, False), (10.0, 4000.0, False)],
)
def test_a_run_is_stuck_when_it_has_stood_still_not_when_it_is_long(running: float, still: float, found: bool) -> None:
    """HEA-05: judged by this run's own time; an hour of idling before it counts nothing."""
    run = RunVitals(
        task_id="t", module="m", category="c", running_seconds=running, beat_seconds=running, still_seconds=still
    )
    assert kinds(Vitals(runs=(run,))) == (["run_stuck"] if found else [])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"oldest_wait": 31.0}, "2 runs hold its slots"),
        ({"oldest_wait": 31.0, "abandoned": 3, "budget": 3}, "budget of abandoned threads is spent"),
        ({"oldest_wait": 30.0}, None),
        ({"oldest_wait": 31.0, "ended_lately": 1}, None),  # it gets on, if slowly
        ({"oldest_wait": 31.0, "queued": 0}, None),
    ],
)
def test_a_category_is_starved_when_work_waits_and_nothing_is_run(changes: dict[str, Any], words: str | None) -> None:
    """The finding says what holds it up."""
    category = CategoryVitals(**{"name": "c", "queued": 4, "working": 2, **changes})
    findings = check(Vitals(categories=(category,)), SETTINGS)
    assert len(findings) == (words is not None)
    if words is not None:
        assert findings[0].kind == "category_starved"
        assert words in findings[0].message


@pytest.mark.parametrize(
    ("vitals", "expected"),
    [
        ({"blocked": 0, "loop_lag": 0.2}, []),
        ({"blocked": 2, "loop_lag": 0.4}, ["loop_blocked"]),
        ({"blocked": 1}, ["loop_blocked"]),
        ({"memory_fraction": 0.79}, []),
        ({"memory_fraction": 0.8}, ["memory_high"]),
        ({"memory_fraction": 0.95}, ["memory_critical"]),
        ({"memory_fraction": None}, []),
    ],
)
def test_a_blocked_loop_and_scarce_memory_are_found(vitals: dict[str, Any], expected: list[str]) -> None:
    """What cannot be read is no finding."""
    assert kinds(Vitals(**vitals)) == expected
