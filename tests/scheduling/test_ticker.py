"""Work at a steady pace, thousands of tickers on one timer."""

from __future__ import annotations

from typing import Any

import pytest

from companion_async.errors import QueueFullError
from companion_async.scheduling.ticker import Ticker
from companion_async.scheduling.timers import Timers
from companion_async.testing.clock import VirtualClock


class Run:
    """A run that ends when the test says so."""

    def __init__(self, at: float) -> None:
        self.at = at
        self.ended = False

    def done(self) -> bool:
        return self.ended


class Runs:
    """What a ticker has submitted. ``slow`` runs stay under way; ``refused`` are not taken."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.all: list[Run] = []
        self.slow = self.refused = False

    def submit(self) -> Any:
        if self.refused:
            raise QueueFullError("core", 1, 0.1)
        run = Run(self.clock.monotonic())
        run.ended = not self.slow
        self.all.append(run)
        return run

    @property
    def instants(self) -> list[float]:
        return [round(run.at, 9) for run in self.all]


@pytest.fixture
def timers(virtual_clock: VirtualClock) -> Timers:
    return Timers(virtual_clock)


@pytest.fixture
def runs(virtual_clock: VirtualClock) -> Runs:
    return Runs(virtual_clock)


async def test_it_ticks_at_whole_periods_from_its_start(virtual_clock, timers, runs):
    """The first run comes at once, the n-th after n periods, and the thousandth has not drifted by a rounding."""
    ticker = Ticker(timers, virtual_clock, 0.1, runs.submit)
    await virtual_clock.advance(0.95)
    assert runs.instants == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    await virtual_clock.advance(100.0)
    assert ticker.runs == 1010
    assert [abs(run.at - 0.1 * number) < 1e-9 for number, run in enumerate(runs.all)] == [True] * 1010
    ticker.stop()


async def test_a_slow_run_is_skipped_over_and_never_queued_up(virtual_clock, timers, runs):
    """While one run is under way no other is submitted, and afterwards the ticking goes on at its own instants."""
    ticker = Ticker(timers, virtual_clock, 1.0, runs.submit)
    await virtual_clock.advance(0)
    runs.slow = True
    await virtual_clock.advance(3.5)
    assert runs.instants == [0.0, 1.0]
    assert (ticker.runs, ticker.skipped) == (2, 2)
    runs.all[-1].ended = True
    runs.slow = False
    await virtual_clock.advance(2.0)
    assert runs.instants == [0.0, 1.0, 4.0, 5.0]


async def test_a_refused_run_is_skipped_and_counted(virtual_clock, timers, runs):
    """A full queue or a stopped module costs the instant, not the ticker."""
    runs.refused = True
    ticker = Ticker(timers, virtual_clock, 1.0, runs.submit)
    await virtual_clock.advance(2.5)
    runs.refused = False
    await virtual_clock.advance(1.0)
    assert runs.instants == [3.0]
    assert (ticker.runs, ticker.skipped) == (1, 3)


async def test_instants_that_a_late_loop_missed_are_skipped_together(virtual_clock, timers, runs):
    """After a process was stopped for a minute there is one tick, at the right phase, and no storm."""
    ticker = Ticker(timers, virtual_clock, 1.0, runs.submit)
    await virtual_clock.advance(0.5)
    virtual_clock._now += 60.0  # as after SIGSTOP and SIGCONT: time has passed, and the loop has seen none of it
    await virtual_clock.advance(1.6)
    assert runs.instants == [0.0, 60.5, 61.0, 62.0]
    assert ticker.skipped == 59
    ticker.stop()


async def test_stopped_it_ticks_no_more(virtual_clock, timers, runs):
    """`stop` ends the ticking, leaves the run under way alone, and may be called again."""
    ticker = Ticker(timers, virtual_clock, 1.0, runs.submit)
    await virtual_clock.advance(0)
    runs.slow = True
    await virtual_clock.advance(1.5)
    ticker.stop()
    ticker.stop()
    await virtual_clock.advance(10)
    assert runs.instants == [0.0, 1.0]
    assert not runs.all[-1].ended
    assert len(timers) == 0


async def test_thousands_of_tickers_share_one_timer_of_the_clock(virtual_clock, timers, runs):
    """Three thousand tickers of thirty periods cost the loop one timer, and each keeps its pace."""
    tickers = [Ticker(timers, virtual_clock, 0.1 * (1 + number % 30), runs.submit) for number in range(3000)]
    await virtual_clock.advance(0)
    assert virtual_clock.pending == 1
    await virtual_clock.advance(1.05)
    assert [ticker.runs for ticker in tickers[:12]] == [11, 6, 4, 3, 3, 2, 2, 2, 2, 2, 1, 1]
    assert virtual_clock.pending == 1
    for ticker in tickers:
        ticker.stop()
    assert len(timers) == 0


async def test_with_a_share_the_instants_are_the_clocks_and_not_its_own(virtual_clock, timers, runs):
    """The first run comes at once, the others at ``(n + share) * period`` of the clock, whenever it was made."""
    await virtual_clock.advance(2.3)
    ticker = Ticker(timers, virtual_clock, 1.0, runs.submit, 0.5)
    await virtual_clock.advance(2.5)
    late = Ticker(timers, virtual_clock, 1.0, runs.submit, 0.1)
    await virtual_clock.advance(1.0)
    assert runs.instants == [2.3, 2.5, 3.5, 4.5, 4.8, 5.1, 5.5]
    assert (ticker.skipped, late.skipped) == (0, 0)
    ticker.stop()
    late.stop()
