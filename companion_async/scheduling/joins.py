"""Waiting inside work: the slot is lent while the work waits, and cycles are refused before the wait begins."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from companion_async.errors import DeadlockError, TaskCancelledError
from companion_async.offload.slot import Seat, Slot
from companion_async.scheduling.dependencies import path_to
from companion_async.scheduling.task import Task

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler

_GLANCE = 0.05
"""Seconds after which a waiting thread looks whether its own task was cancelled, or whether it must help."""


class Joins:
    """Who waits for whom inside work."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._lent: dict[Seat, int] = {}

    def begin(self, waiter: Task[Any], other: Task[Any]) -> None:
        """Note the edge; `DeadlockError` if it closes a cycle. Loop only."""
        blocked_by = self._scheduler.dependencies.upstream

        def ahead(step: Task[Any]) -> list[Task[Any]]:
            waits = step.more.waits_for if step.more is not None else None
            return [*(waits or ()), *blocked_by(step)]

        cycle = path_to(waiter, [other], ahead)
        if cycle:
            raise DeadlockError(tuple(f"{step.id} ({step.module}.{step.target})" for step in cycle))
        more = waiter.rare()
        more.waits_for = [*(more.waits_for or ()), other]

    def end(self, waiter: Task[Any], other: Task[Any]) -> None:
        """Forget the edge. Loop only."""
        if waiter.more is not None and waiter.more.waits_for and other in waiter.more.waits_for:
            waiter.more.waits_for.remove(other)

    # -- in a thread -----------------------------------------------------------------------------------------------

    def wait_in_thread(self, slot: Seat, waiter: Task[Any], other: Task[Any], timeout: float | None) -> Any:
        """Block the slot's thread until ``other`` has ended, its place lent to a stand-in."""
        scheduler = self._scheduler
        patience = None if timeout is None else scheduler.check_patience(timeout)
        until = None if patience is None else scheduler.clock.monotonic() + patience
        done = threading.Event()
        scheduler.call_on_loop(self._register, waiter, other, done)
        try:
            if not done.is_set():
                self.lend(slot)
                try:
                    self._sleep(waiter, other, done, until)
                finally:
                    self.reclaim_in_thread(slot)
        finally:
            scheduler.mailbox.post(self._unregister, (waiter, other, done))
        return other.result()

    def _register(self, waiter: Task[Any], other: Task[Any], done: threading.Event) -> None:
        self.begin(waiter, other)
        if other.more is not None and other.more.stream is not None and not other.more.stream.touched:
            other.more.stream.collect()
        if other.ended >= 0:
            done.set()
        else:
            other.rare().events.append(done)

    def _unregister(self, entry: tuple[Task[Any], Task[Any], threading.Event]) -> None:
        waiter, other, done = entry
        self.end(waiter, other)
        if other.more is not None and done in other.more.events:
            other.more.events.remove(done)

    def _sleep(self, waiter: Task[Any], other: Task[Any], done: threading.Event, until: float | None) -> None:
        scheduler = self._scheduler
        while not done.wait(_GLANCE):
            if waiter.signalled:
                raise TaskCancelledError(waiter.id, waiter.module, "while it waited for another task")
            if until is not None and scheduler.clock.monotonic() >= until:
                raise TimeoutError(f"Task {other.id} did not end in time; it goes on.")
            if scheduler.house.live >= scheduler.house.max_threads:
                self._help(other)

    def _help(self, other: Task[Any]) -> None:
        """No thread can be had for a stand-in: run what is waited for right here, if it still queues."""
        stack, seen = [other], {other}
        while stack:
            task = stack.pop()
            seat = task.lane.pool.steal(task)
            if seat is not None:
                self._run_here(task, seat)
                return
            for upstream in self._scheduler.dependencies.upstream(task) - seen:
                seen.add(upstream)
                stack.append(upstream)

    def _run_here(self, task: Task[Any], seat: Seat) -> None:
        scheduler = self._scheduler
        ident = threading.get_ident()
        mine = Slot.running[ident]
        Slot.running[ident] = seat
        scheduler.guests.add(seat)
        value: Any = None
        error: BaseException | None = None
        task.started = seat.beat = scheduler.clock.monotonic()
        try:
            context: Any = task.context
            value = context.run(task.function, *task.args, **task.kwargs)
        except BaseException as raised:
            error = raised
        finally:
            Slot.running[ident] = mine
            scheduler.guests.discard(seat)
            task.lane.pool.left(seat)
        scheduler.mailbox.post(scheduler.deliver, (task, value, error, scheduler.clock.monotonic(), None))

    def lend(self, slot: Seat) -> None:
        """The work in this seat is about to block. Any thread."""
        job: Any = slot.job
        job.lane.pool.lend(slot)

    def reclaim_in_thread(self, slot: Seat) -> None:
        """Block until the seat has its place back."""
        job: Any = slot.job
        granted = threading.Event()
        if not job.lane.pool.reclaim(slot, granted.set):
            granted.wait()

    # -- on the loop -----------------------------------------------------------------------------------------------

    async def lend_while(self, seat: Seat, other: Task[Any]) -> None:
        """Await ``other`` from a coroutine that works, its place lent until the last such wait of it ends."""
        waiter: Any = seat.job
        pool = waiter.lane.pool
        self.begin(waiter, other)
        future = other.join()
        self._lent[seat] = self._lent.get(seat, 0) + 1
        if self._lent[seat] == 1:
            pool.lend(seat)
        try:
            await future
        except asyncio.CancelledError:
            if other.leave(future):
                self._scheduler.cancel(other, "its only waiter was cancelled")
            raise
        finally:
            self.end(waiter, other)
            self._lent[seat] -= 1
            if not self._lent[seat]:
                del self._lent[seat]
                await self._reclaim_on_loop(seat, pool)

    async def _reclaim_on_loop(self, seat: Seat, pool: Any) -> None:
        if seat.job is None:
            return
        loop = self._scheduler.loop
        back: asyncio.Future[None] = loop.create_future()

        def grant() -> None:
            if not back.done():
                back.set_result(None)

        if not pool.reclaim(seat, lambda: loop.call_soon_threadsafe(grant)):
            # Shielded from nothing: a cancelled coroutine leaves the line through Pool.left, which clears its seat.
            await back
