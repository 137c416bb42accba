"""Work at a steady pace: drift-free, one run at a time, thousands on one timer."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from companion_async.clock import Clock
from companion_async.errors import CompanionError, QueueFullError, WrongThreadError
from companion_async.scheduling.task import Task
from companion_async.scheduling.timers import Timer, Timers


class Ticker:
    """Submits a run at ``start + n * period`` for whole ``n`` (monotonic seconds), however long the runs take.

    An instant at which the last run has not ended, or at which the work is refused (queue full, module stopped), is
    skipped and counted, never made up for. `stop` ends the ticking and leaves a run under way alone.

    Runs are submitted in the context that the ticker was made in, the first one right there: what is wrong with it is
    raised, and nothing ticks. With a ``share`` from 0 to 1 those that follow come at ``(n + share) * period`` of the
    clock, whenever it was made: tickers of one period with shares that lie apart never come together.
    """

    __slots__ = (
        "_clock",
        "_context",
        "_n",
        "_submit",
        "_thread",
        "_timer",
        "_timers",
        "period",
        "runs",
        "skipped",
        "start",
        "stopped",
        "task",
    )

    def __init__(
        self, timers: Timers, clock: Clock, period: float, submit: Callable[[], Task[Any]], share: float | None = None
    ) -> None:
        self.period = period
        self.runs = 0
        self.skipped = 0
        self.stopped = False
        self.task: Task[Any] | None = None
        self._timers = timers
        self._clock = clock
        self._submit = submit
        self._context = copy_context()
        self._thread = threading.get_ident()
        now = clock.monotonic()
        self.start = now if share is None else share * period
        self._n = math.floor((now - self.start) / period)
        self._timer: Timer | None = None
        try:
            self._begin()
        except QueueFullError:
            self.skipped += 1
        self._wait()

    def stop(self) -> None:
        """Tick no more. Calling it again does nothing."""
        if threading.get_ident() != self._thread:
            raise WrongThreadError("ticker.stop()")
        self.stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        if self.stopped:
            return
        if self.task is not None and not self.task.done():
            self.skipped += 1
        else:
            try:
                self._begin()
            except CompanionError:
                self.skipped += 1
        self._wait()

    def _begin(self) -> None:
        self.task = self._context.run(self._submit)
        self.runs += 1

    def _wait(self) -> None:
        # The next instant is counted from the start, so that no lateness adds up; those that are past already are
        # skipped together.
        now = self._clock.monotonic()
        self._n += 1
        when = self.start + self._n * self.period
        if when <= now:
            following = max(self._n, math.floor((now - self.start) / self.period + 1e-9) + 1)
            self.skipped += following - self._n
            self._n = following
            when = self.start + following * self.period
        if self._timer is None:
            self._timer = self._timers.at(when, self._tick)
        else:
            self._timers.again(self._timer, when)
