"""Many instants on one timer of the clock: limits, pauses between retries, tickers."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from companion_async.clock import Clock, TimerHandle

_MOST_AT_ONCE = 256
"""Calls in one turn of the loop."""


class Timer:
    """One call to come. ``cancel`` forgets it."""

    __slots__ = ("_timers", "callback", "due")

    def __init__(self, timers: Timers, callback: Callable[[], None]) -> None:
        self._timers = timers
        self.due = False
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Never call it; after it has been called this does nothing."""
        self.callback = None
        if self.due:
            self.due = False
            self._timers._forget()


class Timers:
    """A heap of calls under one armed clock timer, so that thousands cost the loop no more than the next one.

    A cancelled entry stays until its time or until half of the heap is such, whichever comes first. Loop only.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = 0
        self._dead = 0
        self._armed: TimerHandle | None = None
        self._armed_for = 0.0
        self._closed = False

    def __len__(self) -> int:
        return len(self._heap) - self._dead

    def at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` at ``when`` on the clock's monotonic scale; at once, on the loop's next turn, if past."""
        timer = Timer(self, callback)
        self.again(timer, when)
        return timer

    def again(self, timer: Timer, when: float) -> None:
        """Call it at ``when``, a timer that has been called and was not cancelled: with thousands of tickers a new one
        for each tick is a third of what the garbage collector has to go through.
        """
        timer.due = True
        self._order += 1
        heapq.heappush(self._heap, (when, self._order, timer))
        self._arm()

    def after(self, delay: float, callback: Callable[[], None]) -> Timer:
        """`at`, ``delay`` seconds from now."""
        return self.at(self._clock.monotonic() + delay, callback)

    def close(self) -> None:
        """Forget every call."""
        self._closed = True
        self._heap.clear()
        self._dead = 0
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None

    def _arm(self) -> None:
        if self._closed or not self._heap:
            return
        first = self._heap[0][0]
        if self._armed is not None:
            if first >= self._armed_for:
                return
            self._armed.cancel()
        self._armed_for = first
        self._armed = self._clock.call_later(max(0.0, first - self._clock.monotonic()), self._fire)

    def _fire(self) -> None:
        self._armed = None
        # Event loops round: a timer that comes a hair early must not be armed again and again for that hair.
        now, last = self._clock.monotonic() + 1e-6, self._order
        left = _MOST_AT_ONCE
        try:
            # What is set from here on waits for the loop's next turn, although it may be due already, and so do those
            # that are too many: each of a crowd of tickers submits a task.
            while left and self._heap and self._heap[0][0] <= now and self._heap[0][1] <= last:
                left -= 1
                timer = heapq.heappop(self._heap)[2]
                if timer.due and timer.callback is not None:
                    timer.due = False
                    timer.callback()
                else:
                    self._dead -= 1
        finally:
            # If one has raised, the others that are due come in the next turn.
            self._arm()

    def _forget(self) -> None:
        self._dead += 1
        if self._dead > 64 and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].due]
            heapq.heapify(self._heap)
            self._dead = 0
