"""Waiting inside work: the slot is lent while the work waits, and cycles are refused before the wait begins."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any

from companion_async.errors import TaskCancelledError
from companion_async.locks.ledger import wake
from companion_async.locks.wait_graph import WaitGraph
from companion_async.offload.slot import Seat, Slot
from companion_async.scheduling.task import Task

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler

_FIRST_GLANCE = 0.002
_GLANCE = 0.05
"""Seconds after which a waiting thread looks whether its own task was cancelled, or whether it must help."""


class Joins:
    """Who waits for whom inside work: the tasks' part of the wait-for graph, beside that of the locks.

    A place in a category is no node of it: work that waits lends its place, and where a full house has no thread for a
    stand-in, the waiting thread runs what it waits for itself. So what is queued can always go on.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._waits: dict[Hashable, list[Task[Any]]] = {}
        self._joined: dict[Task[Any], int] = {}
        self.outsiders: set[Hashable] = set()
        self.graph = WaitGraph()
        self.graph.others.append(self)
        self.graph.wanted.append(self._is_awaited)

    def begin(self, waiter: Hashable, other: Task[Any]) -> None:
        """Note the edge; `DeadlockError` if it closes a cycle. ``waiter`` is a task, or an `asyncio.Task` that is no
        work and holds a lock. Loop only.
        """
        with self.graph.mutex:
            self._waits.setdefault(waiter, []).append(other)
            self._joined[other] = self._joined.get(other, 0) + 1
            cycle, woken = self.graph.settle(waiter)
            if cycle:
                self._forget(waiter, other)
        wake(woken)
        if cycle:
            raise self.graph.refuse(cycle)

    def end(self, waiter: Hashable, other: Task[Any]) -> None:
        """Forget the edge. Loop only."""
        with self.graph.mutex:
            if other in self._waits.get(waiter, ()):
                self._forget(waiter, other)

    def outsider(self) -> Hashable | None:
        """The coroutine that calls, if it is no work but holds a lock, so that others may wait for it. Loop only."""
        if not self.outsiders:
            return None
        caller = asyncio.current_task()
        return caller if caller in self.outsiders else None

    async def wait_outside(self, other: Task[Any], wait: Callable[[], Awaitable[None]]) -> None:
        """Await ``wait()``, which ``other`` ends, in a coroutine that may be an `outsider`. Loop only."""
        outsider = self.outsider()
        if outsider is None:
            await wait()
            return
        self.begin(outsider, other)
        try:
            await wait()
        finally:
            self.end(outsider, other)

    # -- the tasks' part of the graph, under its mutex -------------------------------------------------------------

    def ahead(self, node: Hashable) -> list[Hashable]:
        """The tasks that a task waits for, and the one that its thread runs meanwhile."""
        found: list[Any] = list(self._waits.get(node, ()))
        if isinstance(node, Task):
            if node.ended >= 0:
                return []  # what is left of its run is about to stop
            found += self._scheduler.dependencies.upstream(node)
            if self._scheduler.guests:
                found += [seat.job for seat, host in tuple(self._scheduler.guests.items()) if host is node]
        return found

    def label(self, node: Hashable) -> str | None:
        """A task in words."""
        return f"{node.id} ({node.module}.{node.target})" if isinstance(node, Task) else None

    def edges(self) -> list[tuple[Hashable, Hashable]]:
        """Who waits for whom."""
        return [(waiter, other) for waiter, others in self._waits.items() for other in others]

    def _is_awaited(self, node: Hashable) -> bool:
        scheduler = self._scheduler
        if node in self._joined or node in scheduler.dependencies.dependents:
            return True
        return bool(scheduler.guests) and any(seat.job is node for seat in tuple(scheduler.guests))

    def _forget(self, waiter: Hashable, other: Task[Any]) -> None:
        waits = self._waits[waiter]
        waits.remove(other)
        if not waits:
            del self._waits[waiter]
        self._joined[other] -= 1
        if not self._joined[other]:
            del self._joined[other]

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
        self,
        seat: Seat,
        done: threading.Event,
        until: float | None,
        wanted: Callable[[], Task[Any] | None] = lambda: None,
    ) -> None:
        """Block the seat's thread until ``done``, its place lent to a stand-in; ``wanted()`` is the task behind it,
        where the graph does not know of that. `TimeoutError` at ``until``, `TaskCancelledError` when the seat's own
        task is given up.
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
                raise TaskCancelledError(waiter.id, waiter.module, "while it waited")
            if until is not None and scheduler.clock.monotonic() >= until:
                raise TimeoutError("What was waited for did not come in time; it goes on.")
            if scheduler.house.live >= scheduler.house.max_threads:
                self._help(waiter, wanted())

    def _help(self, waiter: Task[Any], wanted: Task[Any] | None) -> None:
        """No thread can be had for a stand-in: run right here what is waited for, or what that waits for itself."""
        nodes = self.graph.reached(waiter)
        if wanted is not None and wanted not in nodes:
            nodes += self.graph.reached(wanted)
        for task in nodes:
            if isinstance(task, Task) and task.owner is self._scheduler:
                seat = task.lane.pool.steal(task)
                if seat is not None:
                    self._run_here(waiter, task, seat)
                    return

    def _run_here(self, host: Task[Any], task: Task[Any], seat: Seat) -> None:
        scheduler = self._scheduler
        ident = threading.get_ident()
        mine = Slot.running[ident]
        Slot.running[ident] = seat
        scheduler.guests[seat] = host
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
            scheduler.guests.pop(seat, None)
            task.lane.pool.left(seat)
        scheduler.mailbox.post(scheduler.deliver, (task, value, error, scheduler.clock.monotonic(), None))
