"""Deadlines that hold: kept on the loop, with no help from the threads they are about."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from loguru import logger

from companion_async.offload.places import Abandonment
from companion_async.offload.pool import Pool
from companion_async.offload.slot import Seat, Slot
from companion_async.scheduling.errands import Errand
from companion_async.scheduling.task import Task, TaskState
from companion_async.scheduling.timers import Timer

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler

_FINEST = 0.001
_GLANCE = 0.002
_INF = math.inf


class Limits:
    """Watches the runs of all categories for those that pass a limit, and gives up what does not stop.

    One timer for all runs. It fires at the earliest deadline of those that run, and not later than the shortest limit
    of those that wait, counted from its last firing: a run that begins right after it cannot be due before then. So
    starting a run costs nothing here, and every deadline is met to the millisecond.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._timer: Timer | None = None
        self.due = _INF
        self.shortest = _INF
        self.on_replaced: Callable[[Pool, Task[Any] | Errand, Seat], None] = _ignore
        self.on_held: Callable[[Pool, Task[Any] | Errand], None] = _ignore_held
        self.held: dict[Seat, Task[Any] | Errand] = {}
        self._watched: list[Pool] = []
        self._glances = False

    # -- run and idle ----------------------------------------------------------------------------------------------

    def expect(self, ready: float, limit: float) -> None:
        """A run with this limit may begin from ``ready`` on."""
        if limit < self.shortest:
            self.shortest = limit
        if limit == _INF:
            return
        if ready + limit < self.due:
            self._arm(ready + limit)

    def beat(self, task: Task[Any]) -> None:
        """The work gave a sign of life. Any thread."""
        seat = self.seat_of(task)
        if seat is not None:
            seat.beat = self._scheduler.clock.monotonic()

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.due = due
        self._timer = self._scheduler.timers.at(due, self._look)

    def _look(self) -> None:
        scheduler = self._scheduler
        self._timer, self.due = None, _INF
        # A run that has ended in time may wait in the mailbox while the loop was late.
        scheduler.mailbox.deliver(whole=True)
        now = scheduler.clock.monotonic()
        soonest = _INF
        for seat in self._seats():
            task: Any = seat.job
            if task is None or task.ended >= 0:
                continue
            started = task.started if task.started >= 0 else now
            due, span, limit = started + task.limit, "run", task.limit
            idle = task.more.spans.idle if task.more is not None and task.more.spans is not None else None
            if idle is not None and max(seat.beat, started) + idle < due:
                due, span, limit = max(seat.beat, started) + idle, "idle", idle
            if due <= now + 1e-6:
                scheduler.endings.time_out(task, span, limit, now, now - started)
            else:
                soonest = min(soonest, due)
        if scheduler.live:
            soonest = min(soonest, now + max(self.shortest, _FINEST))
        else:
            self.shortest = _INF
        if soonest < self.due:
            self._arm(soonest)

    def _seats(self) -> list[Seat]:
        scheduler = self._scheduler
        seats: list[Seat] = [
            slot for pool in scheduler.pools.values() for slot in tuple(pool.alive) if slot.job is not None
        ]
        seats += scheduler.routines.seats
        seats += tuple(scheduler.guests)
        return seats

    def seat_of(self, task: Task[Any] | Errand) -> Seat | None:
        """Where the task runs just now."""
        for slot in tuple(task.lane.pool.alive):
            if slot.job is task:
                return slot
        scheduler = self._scheduler
        for seat in (*scheduler.routines.seats, *tuple(scheduler.guests)):
            if seat.job is task:
                return seat
        return None

    # -- queue and total -------------------------------------------------------------------------------------------

    def total(self, task: Task[Any], limit: float) -> None:
        """Limit the task from its submission to its end."""
        self._at(
            task,
            task.submitted + limit,
            lambda now: self._scheduler.endings.time_out(task, "total", limit, now, self._run(task, now)),
        )

    def queue(self, task: Task[Any], limit: float) -> None:
        """Limit the time until it starts."""

        def late(now: float) -> None:
            waits = task.ticket >= 0 or task.started < 0 or task.phase is TaskState.BLOCKED
            if waits and task.ready + limit <= now + 1e-6:  # since a retry it may be ready for less
                self._scheduler.endings.time_out(task, "queue", limit, now)

        self._at(task, task.ready + limit, late)

    def _run(self, task: Task[Any], now: float) -> float | None:
        return now - task.started if task.running else None

    def _at(self, task: Task[Any], when: float, act: Callable[[float], None]) -> None:
        def due() -> None:
            self._scheduler.mailbox.deliver(whole=True)
            if task.ended < 0:
                act(self._scheduler.clock.monotonic())

        task.rare().timers.append(self._scheduler.timers.at(when, due))

    # -- stopping what runs ----------------------------------------------------------------------------------------

    def stop(self, task: Task[Any] | Errand) -> None:
        """Signal a run that nobody wants any more; give its thread up now (it passed a limit) or after the grace."""
        seat = self.seat_of(task)
        if seat is None:
            return
        scheduler = self._scheduler
        scheduler.routines.stop(seat)
        if task.interruptible and isinstance(seat, Slot) and seat.interrupts is not None:
            seat.interrupts.interrupt()
        if isinstance(task.error, TimeoutError):
            self._give_up(task, seat)
        else:
            scheduler.timers.after(scheduler.settings.cancel_grace, lambda: self._give_up(task, seat))

    def _give_up(self, task: Task[Any] | Errand, seat: Seat) -> None:
        pool = task.lane.pool
        if seat.kill is not None and seat.job is task:
            seat.kill()  # it holds its place for the moment until it is dead, and nothing is left behind
            return
        found = pool.abandon(seat, task)
        if found is not Abandonment.ENDED and task.more is not None:
            self._scheduler.endings.left(task)
        if found is Abandonment.REPLACED:
            self.held.pop(seat, None)
            logger.bind(task=task.id, module=task.module).warning(
                "A run does not stop: its thread is abandoned and its slot replaced."
            )
            self.on_replaced(pool, task, seat)
        elif found is Abandonment.HELD:
            self.held[seat] = task
            self._scheduler.admission.overloaded(pool, "abandoned_budget")
            self.on_held(pool, task)
        else:
            self.held.pop(seat, None)

    def let_go(self, task: Task[Any] | Errand) -> None:
        """A run that was given up has ended after all: it holds its slot no more."""
        for seat in [seat for seat, held in self.held.items() if held is task]:
            del self.held[seat]

    def thread_ended(self, pool: Pool) -> None:
        """A thread of the pool has gone: with the budget free again, runs that were held may be replaced."""
        for seat, task in tuple(self.held.items()):
            if task.lane.pool is pool and pool.abandoned < pool.budget:
                self._give_up(task, seat)

    # -- light jobs that are not -----------------------------------------------------------------------------------

    def watch_light(self, pool: Pool) -> None:
        """Look again soon whether the thread that a light job relied on has really come back."""
        if not pool.watched:
            pool.watched = True
            self._watched.append(pool)
            if not self._glances:
                self._glances = True
                self._scheduler.loop.call_later(_GLANCE, self._glance)

    def _glance(self) -> None:
        watched, self._watched = self._watched, []
        going_on = [pool for pool in watched if pool.kick()]
        for pool in watched:
            pool.watched = False
        self._glances = False
        # A thread that is held up by one of a batch has not woken the loop for those that it ran before.
        self._scheduler.mailbox.deliver()
        for pool in going_on:
            self.watch_light(pool)


def _ignore(pool: Pool, task: Task[Any] | Errand, seat: Seat) -> None:
    return None


def _ignore_held(pool: Pool, task: Task[Any] | Errand) -> None:
    return None
