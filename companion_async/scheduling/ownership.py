"""Who owns a lock among tasks and coroutines, and how work waits for one: with its place lent, as for a task."""

from __future__ import annotations

import asyncio
import threading
from asyncio import _get_running_loop
from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

from companion_async.errors import TaskCancelledError
from companion_async.locks.work import Caller, PlainWork
from companion_async.offload.slot import Seat, Slot
from companion_async.scheduling.context import SEAT
from companion_async.scheduling.task import Task

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler


class Ownership(PlainWork):
    """The `Work` of a brain.

    The owner is the task, in its thread and in its own coroutine alike. A coroutine that the work starts beside itself
    is an owner of its own, as are coroutines and threads that are no work: two that run at once never share a lock.
    What a task holds is taken back when its run ends, or is given up; not while a run that was cancelled unwinds.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__(scheduler.clock)
        self._scheduler = scheduler
        self._loop = scheduler.loop

    def caller(self) -> Caller:
        """`Work.caller`."""
        scheduler = self._scheduler
        ident = threading.get_ident()
        if ident == scheduler.thread:  # known without asking asyncio, which before 3.12 asks the system each time
            task = asyncio.current_task(self._loop)
            if task is not None:
                own: Any = scheduler.routines.work_of(task)
                return task if own is None else own, self._loop
        elif _get_running_loop() is None:
            seat = Slot.running.get(ident)
            if seat is not None and isinstance(seat.job, Task):
                return seat.job, None
        return super().caller()

    def watch(self, owner: Hashable, ended: Callable[[Hashable], None]) -> None:
        """`Work.watch`."""
        scheduler = self._scheduler
        if isinstance(owner, Task):
            owner.rare().left.append(partial(ended, owner))
            # From here on, whoever gives it up will see the note; whoever has before is seen by this look.
            if owner.ended >= 0 and _given_up(owner):
                raise TaskCancelledError(owner.id, owner.module, "it was given up, and can hold no lock any more")
            return
        super().watch(owner, ended)
        if isinstance(owner, asyncio.Task) and owner.get_loop() is scheduler.loop:
            scheduler.joins.outsiders.add(owner)
            scheduler.routines.count += 1
            owner.add_done_callback(self._outsider_ended)

    def block(self, owner: Hashable, woken: threading.Event, until: float | None) -> None:
        """`Work.block`. Ends early with `TaskCancelledError` when the task is cancelled."""
        seat = Slot.running.get(threading.get_ident())
        if isinstance(owner, Task) and seat is not None:
            owner.owner.joins.sleep_lent(seat, woken, until)
        else:
            super().block(owner, woken, until)

    async def pause(self, owner: Hashable, sleep: Callable[[], Awaitable[None]]) -> None:
        """`Work.pause`."""
        if SEAT.get() is not None and self._scheduler.on_loop_thread():
            await self._scheduler.loans.pause(sleep)
        else:
            await sleep()

    def shield(self) -> AbstractContextManager[None]:
        """`Work.shield`."""
        slot = Slot.running.get(threading.get_ident())
        gate = slot.interrupts if isinstance(slot, Slot) else None
        return super().shield() if gate is None else gate.shielded()

    def _outsider_ended(self, owner: asyncio.Task[Any]) -> None:
        self._scheduler.joins.outsiders.discard(owner)
        self._scheduler.routines.count -= 1


def _given_up(task: Task[Any]) -> bool:
    seat: Seat | None = SEAT.get() if _get_running_loop() else Slot.running.get(threading.get_ident())
    return seat is not None and (seat.abandoned or seat in task.owner.limits.held)
