"""The plain diagnosis: a table of statuses and what should be said of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from companion_async.status.category import CategoryStatus
from companion_async.status.diagnosis import DiagnosisSettings, diagnose
from companion_async.status.module import ModuleBrief
from companion_async.status.picture import FrozenMap
from companion_async.status.system import SystemStatus

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def system(overloaded: bool = False, **module: Any) -> SystemStatus:
    brief = ModuleBrief(**{"name": "m", "state": "running", "category": "core", "priority": "high", **module})
    category = CategoryStatus(name="core", max=10, configured=10, queued=4, abandoned=10, overloaded=overloaded)
    return SystemStatus(
        timestamp=NOW,
        max_threads=50,
        auto_scaling=True,
        categories=FrozenMap(core=category),
        module_threads=FrozenMap(m=brief),
    )


LONG_AGO = NOW - timedelta(seconds=301)
RECENTLY = NOW - timedelta(seconds=299)


@pytest.mark.feature("CB-32")
@pytest.mark.parametrize(
    ("module", "kinds"),
    [
        ({}, []),
        ({"success_rate": 0.8}, []),
        ({"success_rate": 0.79}, ["low_success_rate"]),
        ({"tasks_failed": 10}, []),
        ({"tasks_failed": 11, "success_rate": 0.9}, ["many_failures"]),
        ({"tasks_failed": 11, "success_rate": 0.1}, ["low_success_rate", "many_failures"]),
        ({"last_activity": LONG_AGO}, []),  # idle is healthy
        ({"last_activity": LONG_AGO, "queue_size": 2}, ["idle_with_work"]),
        ({"last_activity": LONG_AGO, "queue_size": 2, "state": "paused"}, ["idle_with_work"]),
        ({"last_activity": LONG_AGO, "queue_size": 2, "running": 1}, []),  # busy is not idle
        ({"last_activity": RECENTLY, "queue_size": 2}, []),
        ({"uptime": 301.0, "queue_size": 2}, ["idle_with_work"]),  # it has never run
        ({"uptime": 10.0, "queue_size": 2}, []),
    ],
)
def test_the_diagnosis_names_what_a_person_should_look_at(module: dict[str, Any], kinds: list[str]) -> None:
    """Success under 0.8, more than 10 failures, and over 5 minutes without a run while work waits."""
    findings = diagnose(system(**module))
    assert [finding.kind for finding in findings] == kinds
    assert all(finding.subject == "m" and "m" in finding.message for finding in findings)


@pytest.mark.feature("CB-32")
def test_overloaded_categories_are_named_and_thresholds_can_be_moved() -> None:
    """An overload says how much waits; stricter settings find more."""
    (finding,) = diagnose(system(overloaded=True))
    assert (finding.kind, finding.subject, finding.value) == ("overloaded", "core", 4.0)
    strict = DiagnosisSettings(success_rate=0.95, tasks_failed=0, idle_seconds=1.0)
    status = system(success_rate=0.9, tasks_failed=1, last_activity=RECENTLY, queue_size=1)
    assert [finding.kind for finding in diagnose(status, strict)] == [
        *("low_success_rate", "many_failures", "idle_with_work")
    ]
