"""Many instants on one timer of the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from companion_async.clock import SystemClock
from companion_async.scheduling.timers import Timers
from companion_async.testing.clock import VirtualClock, until


class Counting(VirtualClock):
    """Counts the timers that it is asked for."""

    calls = 0

    def call_later(self, delay: float, callback: Callable[[], None]):
        self.calls += 1
        return super().call_later(delay, callback)


@pytest.fixture
def clock() -> Counting:
    return Counting()


@pytest.fixture
def timers(clock: Counting) -> Timers:
    return Timers(clock)


async def test_calls_come_in_the_order_of_their_instants(clock, timers):
    """Each is called at its instant, those of one instant in the order they were set."""
    seen: list[tuple[str, float]] = []
    for name, delay in [("c", 3.0), ("a", 1.0), ("b1", 2.0), ("b2", 2.0)]:
        timers.after(delay, lambda name=name: seen.append((name, clock.monotonic())))
    await clock.advance(2.5)
    assert seen == [("a", 1.0), ("b1", 2.0), ("b2", 2.0)]
    assert len(timers) == 1
    await clock.advance(1)
    assert seen[-1] == ("c", 3.0)


async def test_thousands_of_instants_hold_one_timer_of_the_clock(clock, timers):
    """However many are set, the loop has one timer to look after."""
    called: list[int] = []
    for number in range(5000):
        timers.after(1 + number % 50, lambda number=number: called.append(number))
    assert clock.pending == 1
    await clock.advance(60)
    assert len(called) == 5000
    assert clock.pending == 0
    assert clock.calls <= 51


async def test_an_earlier_instant_moves_the_timer_forward(clock, timers):
    """What is set later but is due earlier is called first, in time."""
    seen: list[float] = []
    timers.after(10, lambda: seen.append(clock.monotonic()))
    timers.after(1, lambda: seen.append(clock.monotonic()))
    await clock.advance(10)
    assert seen == [1, 10]


async def test_an_instant_that_is_past_is_called_on_the_loops_next_turn(clock, timers):
    """Late is not never, and `at` itself calls nothing."""
    seen: list[str] = []
    await clock.advance(5)
    timers.at(1, lambda: seen.append("late"))
    assert seen == []
    await clock.advance(0)
    assert seen == ["late"]


async def test_a_cancelled_call_is_never_made_and_leaves_no_garbage_that_grows(clock, timers):
    """Ten thousand limits that were not needed take the room of a few."""
    seen: list[str] = []
    timers.after(100, lambda: seen.append("stays"))
    for _ in range(10_000):
        timer = timers.after(50, lambda: seen.append("never"))
        timer.cancel()
        timer.cancel()
    assert len(timers) == 1
    assert len(timers._heap) < 200
    await clock.advance(100)
    assert seen == ["stays"]


async def test_one_call_can_cancel_another_of_the_same_instant(clock, timers):
    """Of two that are due together, the first may still take back the second."""
    seen: list[str] = []

    def spoil() -> None:
        seen.append("first")
        doomed[0].cancel()

    first = timers.after(1, spoil)
    doomed = [timers.after(1, lambda: seen.append("second"))]
    await clock.advance(2)
    assert seen == ["first"]
    first.cancel()
    assert len(timers) == 0


async def test_a_call_that_raises_takes_no_other_with_it(clock, timers):
    """A limit fires although another call that is due with it has an error, and the loop hears of the error."""
    seen: list[str] = []

    def broken() -> None:
        raise ZeroDivisionError("broken")

    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, report: reports.append(report))
    timers.after(1, broken)
    timers.after(1, lambda: seen.append("together"))
    timers.after(2, lambda: seen.append("later"))
    await clock.advance(1)
    assert seen == ["together"]
    await clock.advance(2)
    assert seen == ["together", "later"]
    assert [type(report["exception"]) for report in reports] == [ZeroDivisionError]


async def test_calls_set_from_a_call_come_in_their_turn(clock, timers):
    """A call may set the next one; it is not called in the same breath."""
    seen: list[float] = []

    def again() -> None:
        seen.append(clock.monotonic())
        if len(seen) < 5:
            timers.after(0.5, again)

    timers.after(0.5, again)
    await clock.advance(10)
    assert seen == [0.5, 1.0, 1.5, 2.0, 2.5]


async def test_after_closing_nothing_is_called_any_more(clock, timers):
    """Closing forgets what was set, and what is set from then on."""
    seen: list[str] = []
    timers.after(1, lambda: seen.append("before"))
    timers.close()
    timers.after(1, lambda: seen.append("after"))
    await clock.advance(5)
    assert seen == []
    assert clock.pending == 0


async def test_a_crowd_due_at_once_lets_the_loop_have_turns_between():
    """A thousand calls of one instant are made in order, some hundreds in a turn, with other callbacks in between."""
    loop, called, turns = asyncio.get_running_loop(), list[int](), list[int]()
    timers = Timers(SystemClock())
    for number in range(1000):
        timers.after(0.0, partial(called.append, number))

    def look() -> None:
        turns.append(len(called))
        if len(called) < 1000:
            loop.call_soon(look)

    loop.call_soon(look)
    await until(lambda: len(called) == 1000)
    assert called == list(range(1000))
    assert 0 < max(after - before for before, after in pairwise(turns)) < 500


async def test_the_machines_clock_asks_for_whole_milliseconds_and_rounds_up(monkeypatch):
    """Uvloop rounds to the nearest: it would turn without sleeping for up to half a millisecond before each instant."""
    asked = list[float]()
    loop = asyncio.get_running_loop()
    later = loop.call_later

    class Loop:
        def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
            asked.append(delay)
            return later(delay, callback)

    monkeypatch.setattr(asyncio, "get_running_loop", Loop)
    for delay in (0.0, 1e-6, 0.0004, 0.001, 0.0123, 2.0):
        SystemClock().call_later(delay, lambda: None).cancel()
    assert asked == pytest.approx([0.0, 0.001, 0.001, 0.001, 0.013, 2.0])


async def test_a_timer_that_was_called_can_be_set_again(clock, timers):
    """The same one comes at one instant after the other, and cancelled it comes no more."""
    seen = list[float]()
    timer = timers.at(1.0, lambda: seen.append(clock.monotonic()))
    await clock.advance(1.5)
    assert len(timers) == 0
    timers.again(timer, 2.0)
    assert len(timers) == 1
    await clock.advance(1.0)
    timers.again(timer, 3.0)
    timer.cancel()
    timer.cancel()
    assert len(timers) == 0
    await clock.advance(2.0)
    assert seen == [1.0, 2.0]
