"""Rates, stretches and steps, from readings of one category over time."""

from __future__ import annotations

from typing import Any

import pytest

from companion_async.autonomy.scaling import CategoryLoad
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.situation import CategoryReading, Situation
from companion_async.autonomy.trend import CategoryTrend

SETTINGS = AutonomySettings()


class Watched:
    """A category whose readings a test gives, each on top of the one before."""

    def __init__(self) -> None:
        self.trend = CategoryTrend(SETTINGS)
        self.figures: dict[str, Any] = {"name": "c", "limit": 4, "configured": 4}

    def at(self, now: float, **changes: Any) -> CategoryLoad:
        self.figures.update(changes)
        reading = CategoryReading(**self.figures)
        return self.trend.load(Situation(now=now, categories=(reading,)), reading, room=9)


def test_rates_are_differences_over_the_window() -> None:
    """Arrivals and runs per second, and the mean run of those that ended in it; older ones no longer count."""
    watched = Watched()
    first = watched.at(0.0, arrivals=100, completions=50, run_seconds=100.0)
    assert (first.arrival_rate, first.throughput, first.service) == (0.0, 0.0, 2.0)
    load = watched.at(20.0, arrivals=140, completions=90, run_seconds=120.0)
    assert (load.arrival_rate, load.throughput, load.service) == (2.0, 2.0, 0.5)
    watched.at(40.0)
    load = watched.at(60.0, arrivals=160, completions=100, run_seconds=130.0)
    assert (load.throughput, load.service) == (0.5, 1.0)
    assert watched.at(100.0).service == 1.3, "with nothing ended in the window, all runs speak"


def test_a_load_that_has_just_begun_is_not_thinned_out_by_the_quiet_before() -> None:
    """The last stretch counts by itself where it is the busier one, unless it is too short to say anything."""
    watched = Watched()
    watched.at(0.0)
    watched.at(10.0)
    assert watched.at(20.0, arrivals=100).arrival_rate == 10.0
    assert watched.at(20.5, arrivals=120).arrival_rate == pytest.approx(120 / 20.5)


def test_low_utilisation_counts_from_the_first_low_reading_without_a_break() -> None:
    """One busier reading begins it again, and so does a resize."""
    watched = Watched()
    lows = [watched.at(10.0 * n, working=working).low_for for n, working in enumerate((1, 1, 1, 2, 1, 1, 1))]
    assert lows == [0.0, 10.0, 20.0, 0.0, 0.0, 10.0, 20.0]
    watched.trend.resized(60.0)
    assert watched.at(70.0).low_for == 10.0
    watched.at(80.0, working=4)
    watched.trend.resized(80.0)
    assert watched.at(90.0).low_for == 0.0, "a busy category does not become low by a resize"


def test_peaks_are_those_of_the_window() -> None:
    """What was used within the last minute."""
    watched = Watched()
    watched.at(0.0, working=4, completions=10, run_seconds=10.0)
    needed = watched.at(10.0, working=3, arrivals=50, completions=60, run_seconds=60.0).service
    assert needed == 1.0
    assert watched.at(20.0, working=1).peak_working == 4
    watched.at(59.0)
    assert watched.at(100.0, working=0).peak_working == 1


def test_a_resize_by_anyone_is_noticed() -> None:
    """The span since the last resize is counted from the reading before the change, or from our own doing."""
    watched = Watched()
    assert watched.at(0.0).since_resize == 1e9
    watched.at(10.0)
    assert watched.at(20.0, limit=6).since_resize == 10.0
    watched.trend.resized(20.0)
    assert watched.at(23.0).since_resize == 3.0
