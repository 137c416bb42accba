"""A coroutine's place in its category, lent to others for as long as it waits for another task."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from companion_async.offload.slot import Seat, Slot
from companion_async.scheduling.task import Task

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler


class Loan:
    """How many waits of one run go on at once, and the way back of the last, while others have its place."""

    __slots__ = ("back", "waits")

    def __init__(self) -> None:
        self.waits = 0
        self.back: asyncio.Future[None] | None = None


class Loans:
    """Lends the places of coroutines. One run may wait in several of its own asyncio tasks: its place is lent with the
    first of these waits and taken back with the last. Loop only.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._loans: dict[Seat, Loan] = {}

    async def join(self, seat: Seat, other: Task[Any]) -> None:
        """Wait for ``other`` in the seat's work; a cancelled wait that was the only one cancels ``other``."""
        future = other.join()
        try:
            await self.wait(seat, (other,), lambda: future)
        except asyncio.CancelledError:
            if other.leave(future):
                self._scheduler.cancel(other, "its only waiter was cancelled")
            raise
        except BaseException:
            other.leave(future)
            raise

    async def wait(self, seat: Seat, others: Iterable[Task[Any]], wait: Callable[[], Awaitable[Any]]) -> Any:
        """What ``wait()``, which some of ``others`` end, comes to, the seat's place being lent meanwhile.

        `DeadlockError` before it begins, if one of them waits for the seat's work.
        """
        waiter: Any = seat.job
        joins = self._scheduler.joins
        # A coroutine that work has started beside itself, and that holds a lock, waits for it on its own account too.
        outsider = joins.outsider()
        waiters = (waiter,) if outsider is None else (waiter, outsider)
        begun: list[tuple[Any, Task[Any]]] = []
        try:
            for other in others:
                for one in waiters:
                    joins.begin(one, other)
                    begun.append((one, other))
            self._lend(seat)
            try:
                return await wait()
            finally:
                await self._take_back(seat)
        finally:
            for one, other in begun:
                joins.end(one, other)

    def block(self, wait: Callable[[], None]) -> None:
        """Call ``wait()``, which blocks the calling work's thread, with its place lent."""
        seat = Slot.running[threading.get_ident()]
        job: Any = seat.job
        job.lane.pool.lend(seat)
        try:
            wait()
        finally:
            self._scheduler.joins.take_back(seat)

    def sleep(self, done: threading.Event, seconds: float | None) -> None:
        """Block the calling thread until ``done``, at most ``seconds``. If it is at work its place is lent, and
        `TaskCancelledError` ends the wait when that work is given up.
        """
        seat = Slot.running.get(threading.get_ident())
        owner: Any = getattr(seat.job, "owner", None) if seat is not None else None
        if seat is None or owner is None or seat.waiting:
            done.wait(seconds)
            return
        until = None if seconds is None else owner.clock.monotonic() + seconds
        with contextlib.suppress(TimeoutError):
            owner.joins.sleep_lent(seat, done, until, lambda: None)

    async def pause(self, wait: Callable[[], Awaitable[Any]]) -> None:
        """Await ``wait()`` in the calling coroutine's work, with its place lent."""
        seat = self._scheduler.seat_of_caller() if self._scheduler.on_loop_thread() else None
        if seat is None:
            await wait()
        else:
            await self.wait(seat, (), wait)

    def _lend(self, seat: Seat) -> None:
        loan = self._loans.get(seat)
        if loan is None:
            loan = self._loans[seat] = Loan()
        loan.waits += 1
        if loan.waits == 1 and loan.back is None:
            job: Any = seat.job
            job.lane.pool.lend(seat)

    async def _take_back(self, seat: Seat) -> None:
        loan = self._loans[seat]
        loan.waits -= 1
        if loan.waits:
            return  # another wait of the same run goes on: it brings the place back
        job: Any = seat.job
        if job is None:  # the run has ended without waiting for this
            self._loans.pop(seat, None)
            return
        back = loan.back
        if back is None:
            back = loan.back = self._scheduler.loop.create_future()
            if job.lane.pool.reclaim(seat, lambda: self._scheduler.mailbox.post(self._granted, seat)):
                self._granted(seat)
        if not back.done():
            # Shielded, since others may wait for the same way back. A run that ends here leaves it by Places.left.
            await asyncio.shield(back)

    def _granted(self, seat: Seat) -> None:
        loan = self._loans.get(seat)
        if loan is None or loan.back is None:
            return
        loan.back.set_result(None)
        loan.back = None
        if not loan.waits:
            del self._loans[seat]
        elif seat.job is not None:
            job: Any = seat.job
            job.lane.pool.lend(seat)  # one of its waits has begun since
