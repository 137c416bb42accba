"""Time that a test owns: it stands still until the test moves it, and then passes through every timer on its way."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import heapq
import itertools
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from companion_async.security import check_seconds

_EPOCH = 1_767_225_600.0  # 2026-01-01T00:00:00Z
_RESOLUTION = 1e-9  # sums of floats that mean the same instant differ by less
_QUIET_PASSES = 3  # a delivery from a thread, the callback it schedules, and the task that this one wakes
_MOST_PASSES = 20_000
_HOLD_LIMIT = 5.0  # real seconds: a test that forgot to release fails, with the reason, before its own timeout

# Two tasks that settle at once would each take the other for busy.
_settling: weakref.WeakSet[asyncio.Task[object]] = weakref.WeakSet()


class _Timer:
    """One call to come. Compared by its place in the heap's tuple, never itself."""

    __slots__ = ("callback", "context", "handle")

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback
        self.context = contextvars.copy_context()
        self.handle: asyncio.Handle | None = None

    def cancel(self) -> None:
        self.callback = None
        if self.handle is not None:
            self.handle.cancel()
            self.handle = None


class VirtualClock:
    """A `Clock` whose time moves only in `advance`. Any thread may read it; the rest belongs to the loop's thread.

    Timers fire in the order of their instants (those of one instant in the order they were set) and each sees
    ``monotonic()`` at its own instant. Work in real threads is not time: while the test holds it back with events of
    its own, time may pass it (that is how a hung run is tested); work that must end before time moves is wrapped in
    `hold`.
    """

    def __init__(self, start: float = 0.0, epoch: float = _EPOCH) -> None:
        self._now = start
        self._epoch = epoch - start
        self._heap: list[tuple[float, int, _Timer]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._holds = 0
        self._holds_begun = 0
        self._released: Callable[[], object] | None = None

    def monotonic(self) -> float:
        return self._now

    def time(self) -> float:
        return self._epoch + self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> _Timer:
        """Call ``callback`` on the loop once time has moved ``delay`` seconds on, in the context of this call."""
        asyncio.get_running_loop()
        delay = check_seconds(max(delay, 0.0), "delay", zero=True)
        timer = _Timer(callback)
        heapq.heappush(self._heap, (self._now + delay, next(self._order), timer))
        return timer

    async def sleep(self, delay: float) -> None:
        """Return once time has moved ``delay`` seconds on; 0 or less gives the loop one turn."""
        if delay <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        timer = self.call_later(delay, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()

    @property
    def pending(self) -> int:
        """How many timers are still to fire."""
        return sum(timer.callback is not None for _, _, timer in self._heap)

    async def advance(self, seconds: float) -> None:
        """Move time on by ``seconds``, firing what falls due on the way.

        The loop settles (see `settle`) before the first instant and after each one. Timers that are set on the way
        fire too if they fall due in time. While a `hold` is open, time stands still and this waits for it, at most 5
        real seconds. Cancellation leaves time where it had come to.
        """
        target = self._now + check_seconds(seconds, "seconds", zero=True)
        await self._settle_and_wait()
        while (instant := self._next()) is not None and instant <= target + _RESOLUTION:
            self._now = max(self._now, instant)
            self._fire(asyncio.get_running_loop())
            await self._settle_and_wait()
        self._now = max(self._now, target)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Time stands still inside this block. Any thread may enter; leave it after the result is handed over."""
        with self._lock:
            self._holds += 1
            self._holds_begun += 1
        try:
            yield
        finally:
            with self._lock:
                self._holds -= 1
                released = self._released if self._holds == 0 else None
            if released is not None:
                released()

    def _next(self) -> float | None:
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _fire(self, loop: asyncio.AbstractEventLoop) -> None:
        while (instant := self._next()) is not None and instant <= self._now:
            timer = heapq.heappop(self._heap)[2]
            if timer.callback is not None:
                timer.handle = loop.call_soon(timer.callback, context=timer.context)

    async def _settle_and_wait(self) -> None:
        while True:
            # What a hold has handed over is dealt with only if the loop settles after the hold was seen to be over.
            begun = self._holds_begun
            if self._holds:
                await self._until_released()
            await settle()
            if self._holds_begun == begun and not self._holds:
                return

    async def _until_released(self) -> None:
        free = asyncio.Event()
        self._released = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, free.set)
        try:
            if self._holds:
                await asyncio.wait_for(free.wait(), _HOLD_LIMIT)
        except TimeoutError:
            message = f"Work has held the clock for {_HOLD_LIMIT:g} real seconds. Does it wait for the clock itself?"
            raise TimeoutError(message) from None
        finally:
            self._released = None


async def settle() -> None:
    """Let the loop run until every other task waits for something and what threads have handed over is dealt with.

    It gives the loop turns (``asyncio.sleep(0)``) and takes no real time beyond the work done in them. Quiet means
    three turns in a row in which every other task waits for a future that is not done, or is in `settle` itself. A
    chain of bare ``call_soon`` callbacks that wakes no task can be longer than that, and a thread that has not handed
    over yet is not waited for (use `until`). A loop that is never quiet raises `RuntimeError`.
    """
    this = asyncio.current_task()
    assert this is not None  # a coroutine of asyncio runs in one
    _settling.add(this)
    try:
        quiet = 0
        for _ in range(_MOST_PASSES):
            await asyncio.sleep(0)
            quiet = 0 if any(map(_is_busy, asyncio.all_tasks())) else quiet + 1
            if quiet == _QUIET_PASSES:
                return
        busy = "; ".join(repr(task) for task in asyncio.all_tasks() if _is_busy(task))
        raise RuntimeError(f"The loop is still busy after {_MOST_PASSES} turns: {busy:.1000}")
    finally:
        _settling.discard(this)


async def until(predicate: Callable[[], object], timeout: float = 30.0) -> None:
    """Return once ``predicate()`` is true; `TimeoutError` after ``timeout`` real seconds.

    For conditions that real threads bring about. It looks again in every turn of the loop at first, then every
    millisecond: it does poll, because a thread may change what the predicate reads without waking the loop. It looks
    a hundred times for each second of ``timeout`` at least, so that a machine which stood still is given its time.
    """
    end = time.monotonic() + timeout
    turns = 0
    while not predicate():
        if time.monotonic() >= end and turns >= 100 * timeout:
            raise TimeoutError(f"{predicate} was still false after {timeout:g} real seconds.")
        turns += 1
        await asyncio.sleep(0 if turns < 50 else 0.001)


def _is_busy(task: asyncio.Task[object]) -> bool:
    # The same look that anyio.wait_all_tasks_blocked takes; that one sleeps 0.1 real seconds between looks.
    waiter = getattr(task, "_fut_waiter", None)
    return (waiter is None or waiter.done()) and task not in _settling
