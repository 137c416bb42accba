"""Waiting inside work: the slot is lent while the work waits, and cycles are refused before the wait begins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from companion_async.errors import DeadlockError, TaskCancelledError
from companion_async.offload.slot import Seat, Slot
from companion_async.scheduling.dependencies import path_to
from companion_async.scheduling.task import Task

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler

_FIRST_GLANCE = 0.002
_GLANCE = 0.05
"""Seconds after which a waiting thread looks whether its own task was cancelled, or whether it must help."""


class Joins:
    """Who waits for whom inside work."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

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
                self.sleep_lent(slot, done, until, lambda: other)
        finally:
            scheduler.mailbox.post(self._unregister, (waiter, other, done))
        return other.result()

    def sleep_lent(
        self, seat: Seat, done: threading.Event, until: float | None, wanted: Callable[[], Task[Any] | None]
    ) -> None:
        """Block the seat's thread until ``done``, its place lent to a stand-in; ``wanted()`` is the task behind it, as
        soon as there is one. `TimeoutError` at ``until``, `TaskCancelledError` when the seat's own task is given up.
        """
        job: Any = seat.job
        job.lane.pool.lend(seat)
        try:
            self._sleep(job, done, until, wanted)
        finally:
            self.take_back(seat)

    def take_back(self, seat: Seat) -> None:
        """Block the seat's thread until it has its place back."""
        job: Any = seat.job
        granted = threading.Event()
        if not job.lane.pool.reclaim(seat, granted.set):
            granted.wait()

    def _register(self, waiter: Task[Any], other: Task[Any], done: threading.Event) -> None:
        self.begin(waiter, other)
        other.expect_end()
        if other.ended >= 0:
            done.set()
        else:
            other.rare().events.append(done)

    def _unregister(self, entry: tuple[Task[Any], Task[Any], threading.Event]) -> None:
        waiter, other, done = entry
        self.end(waiter, other)
        if other.more is not None and done in other.more.events:
            other.more.events.remove(done)

    def _sleep(
        self, waiter: Task[Any], done: threading.Event, until: float | None, wanted: Callable[[], Task[Any] | None]
    ) -> None:
        scheduler, glance = self._scheduler, _FIRST_GLANCE
        while not done.wait(glance):
            glance = _GLANCE
            if waiter.signalled:
                raise TaskCancelledError(waiter.id, waiter.module, "while it waited for another task")
            if until is not None and scheduler.clock.monotonic() >= until:
                raise TimeoutError("The task that was waited for did not end in time; it goes on.")
            if scheduler.house.live >= scheduler.house.max_threads:
                other = wanted()
                if other is not None and other.owner is scheduler:
                    self._help(other)

    def _help(self, other: Task[Any]) -> None:
        """No thread can be had for a stand-in: run right here what is waited for, or what that waits for itself."""
        stack, seen = [other], {other}
        while stack:
            task = stack.pop()
            seat = task.lane.pool.steal(task)
            if seat is not None:
                self._run_here(task, seat)
                return
            waits = task.more.waits_for if task.more is not None else None
            for ahead in {*self._scheduler.dependencies.upstream(task), *tuple(waits or ())} - seen:
                seen.add(ahead)
                stack.append(ahead)

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
