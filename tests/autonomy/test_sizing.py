"""The adaptive rule as tables: figures in, a size out."""

from __future__ import annotations

import math
from typing import Any

import pytest

from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.sizing import SizeFigures, Trial, adaptive, need, regretted

SETTINGS = AutonomySettings()
FULL: dict[str, Any] = {
    "name": "phase2",
    "limit": 5,
    "configured": 5,
    "most": 50,
    "running": 5,
    "queued": 20,
    "full_for": 2.0,
    "arrival_rate": 10.0,
    "service": 1.0,
}
DOUBLED = (math.log(2), 0.05, 60)
"""Runs that take twice as long as undisturbed, surely."""


def figures(**changes: Any) -> SizeFigures:
    return SizeFigures(**{**FULL, **changes})


@pytest.mark.feature("CB-14", "CB-20")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (10, "demand")),  # the need is 10 + 2 sqrt(10) + 20, bounded by doubling
        ({"limit": 2}, (6, "demand")),  # a small one may grow by four
        ({"limit": 30, "running": 30}, (37, "demand")),  # at the need itself
        ({"limit": 40, "running": 40}, None),  # enough already
        ({"queued": 0, "arrival_rate": 1.0}, None),  # nothing waits
        ({"most": 7}, (7, "demand")),  # the house has two more
        ({"most": 5}, None),
        ({"barred": "the loop is late"}, None),
        ({"service": None}, (7, "unknown")),  # no run has ended
        ({"service": None, "full_for": 0.0}, None),
        ({"service": None, "brief": True}, None),
        ({"service": None, "barred": "x"}, None),
        ({"stretch": 1.3, "stretch_surely": 1.1, "limit": 20}, (22, "demand")),  # a little stretched: slowly
        ({"stretch": 1.3, "stretch_surely": 1.1, "brief": True}, None),  # and not between two full looks
        ({"stretch": 1.6, "stretch_surely": 1.3}, None),  # surely stretched: not at all
        ({"stretch": 1.3, "stretch_surely": 0.9}, (10, "demand")),  # stretched by chance
        ({"cautious": True}, (6, "demand")),
        ({"ceiling": 8}, (8, "demand")),  # where the knee was
        ({"ceiling": 4}, None),
        ({"trial": Trial(7, 5, 0.7)}, None),  # a cut is on trial
        ({"cpu": 1.0}, None),  # it computes: 1 + 2 slots keep the lock busy, and there are 5
        ({"cpu": 0.3}, (7, "demand")),  # 3.3 + 2 sqrt(3.3)
    ],
)
def test_waiting_work_gets_the_slots_that_it_needs(changes: dict[str, Any], expected: tuple[int, str] | None) -> None:
    """As far as nothing stretches, nothing forbids it, and the house and the interpreter can carry it."""
    assert adaptive(figures(**changes), SETTINGS) == expected


@pytest.mark.feature("CB-15", "CB-20")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"settled": DOUBLED, "limit": 20, "running": 20}, (14, "downstream")),  # at most to 0.7
        ({"settled": (math.log(1.4), 0.04, 60), "limit": 5}, (4, "downstream")),  # by one at least
        ({"settled": (math.log(1.4), 0.1, 60)}, (10, "demand")),  # it may be chance
        ({"settled": (math.log(2), 0.05, 19)}, (10, "demand")),  # too few runs
        ({"settled": DOUBLED, "full_for": 0.0}, (10, "demand")),  # not full: it is not the number
        ({"settled": DOUBLED, "cpu": 0.2}, (10, "demand")),  # it is the interpreter that they wait for
        ({"settled": DOUBLED, "limit": 1, "running": 1, "queued": 0}, None),
        ({"settled": DOUBLED, "brief": True}, (10, "demand")),
    ],
)
def test_who_only_waits_for_each_other_are_made_fewer(
    changes: dict[str, Any], expected: tuple[int, str] | None
) -> None:
    """Where the runs of a full category take surely longer than undisturbed, and computing is not the reason."""
    assert adaptive(figures(**changes), SETTINGS) == expected


@pytest.mark.feature("CB-15")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"limit": 20, "peak_need": 12.2}, (13, "decline")),
        ({"limit": 40, "peak_need": 3.0}, (20, "decline")),  # at most halving
        ({"limit": 8, "peak_need": 3.0}, (5, "decline")),  # never below what was configured
        ({"limit": 5, "peak_need": 1.0}, None),
        ({"limit": 2, "peak_need": 1.0}, None),  # one that was cut below it stays
        ({"limit": 20, "peak_need": 19.5}, None),
        ({"limit": 16, "peak_need": 12.2, "peak_running": 9}, (10, "decline")),  # one above what was at work
        ({"limit": 16, "peak_need": 12.2, "peak_running": 15}, (13, "decline")),
        ({"limit": 16, "peak_need": 12.2, "peak_running": 1}, (8, "decline")),
        ({"limit": 20, "peak_need": 12.2, "brief": True}, None),
        ({"limit": 20, "peak_need": 12.2, "queued": 3}, None),
    ],
)
def test_what_is_not_needed_goes_back(changes: dict[str, Any], expected: tuple[int, str] | None) -> None:
    """To the highest need of the reserve's span and no more than were at work in it, or to what was configured."""
    quiet = {"running": 1, "queued": 0, "full_for": 0.0, "arrival_rate": 1.0}
    assert adaptive(figures(**{**quiet, **changes}), SETTINGS) == expected


@pytest.mark.parametrize(
    ("mean", "error", "runs", "expected"),
    [
        (math.log(2.0), 0.05, 60, True),  # as long as before: it was not their number
        (math.log(1.4), 0.05, 60, False),  # as much shorter as there are fewer
        (math.log(2.0), 0.05, 19, None),  # too few have ended
        (math.log(1.7), 0.3, 40, None),  # too uncertain yet
        (math.log(1.7), 0.3, 60, False),  # and for good: who is not sure does not regret
    ],
)
def test_a_cut_is_regretted_where_the_runs_took_no_less_long(
    mean: float, error: float, runs: int, expected: bool | None
) -> None:
    """Throughput is slots over time: it fell unless the time did."""
    trial = Trial(old=10, new=7, before=math.log(2.0))
    assert regretted(figures(limit=7, trial=trial, settled=(mean, error, runs))) is expected


def test_a_regretted_cut_is_undone() -> None:
    """Where work waits; where none does, nothing was lost."""
    cut = {"limit": 7, "trial": Trial(10, 7, math.log(2.0)), "settled": (math.log(2.0), 0.05, 60)}
    assert adaptive(figures(**cut), SETTINGS) == (10, "regret")
    assert adaptive(figures(**cut, queued=0, arrival_rate=6.0), SETTINGS) is None


def test_the_need_is_the_offered_load_its_spread_and_the_backlog() -> None:
    """10 arrivals of 1 s need 10 slots, twice the root of it for chance, and 20 that wait one each; what contention
    added to the runs is left out, and a task needs no more than one slot.
    """
    assert need(figures(), 1.0) == pytest.approx(10 + 2 * 10**0.5 + 20)
    assert need(figures(service=2.0, stretch=2.0), 1.0) == need(figures(), 1.0)
    assert need(figures(service=30.0, arrival_rate=0.0), 1.0) == 20
    assert need(figures(service=0.1, arrival_rate=0.0), 1.0) == pytest.approx(2)
    assert need(figures(service=None), 1.0) is None
