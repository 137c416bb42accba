"""Work that runs on the loop itself, under the same limits as the work in threads."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from loguru import logger

from companion_async.errors import trace_of
from companion_async.modules.handlers import HandlerKind
from companion_async.offload.frames import ours
from companion_async.offload.slot import Seat
from companion_async.scheduling.context import SEAT
from companion_async.scheduling.task import Task

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler


class Postponed(Exception):
    """Raised by a run that has not begun: it is to wait its turn again."""


class Coroutines:
    """Runs ``async def`` targets, and waits for those in processes, each in an `asyncio.Task` of its own that lets
    nothing out. Loop only.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._running: dict[Seat, asyncio.Task[None]] = {}
        self._followers: set[asyncio.Task[None]] = set()
        self.count = 0

    @property
    def seats(self) -> tuple[Seat, ...]:
        """The places of those that run."""
        return tuple(self._running)

    def work_of(self, coroutine: asyncio.Task[Any]) -> Any:
        """The task that the calling coroutine is the run of; None if it is not, or was only started by one."""
        if not self._running:
            return None
        seat = SEAT.get()
        return seat.job if seat is not None and self._running.get(seat) is coroutine else None

    def start(self, task: Task[Any]) -> None:
        """Run a task that the queue has given its turn."""
        seat = Seat(task, loose=True)
        if task.ended >= 0:
            task.lane.pool.left(seat)
            return
        scheduler = self._scheduler
        now = seat.beat = scheduler.clock.monotonic()
        if isinstance(task.function, _Continuation):
            task.started = task.rare().work[-1]  # one run in two parts, under one limit
        elif not task.plan.remote:  # that says itself when a process has begun
            task.started = now
            scheduler.announcer.started(task)
            if task.plan.kind is HandlerKind.THREAD:
                self._call(task, seat)
                return
        self.count += 1
        self._running[seat] = scheduler.loop.create_task(
            self._run(task, seat), context=task.context, name=f"companion {task.id}"
        )

    @ours
    async def _run(self, task: Task[Any], seat: Seat) -> None:
        SEAT.set(seat)
        value: Any = None
        error: BaseException | None = None
        try:
            value = await task.function(*task.args, **task.kwargs)
        except Postponed:
            self._put_back(task, seat)
            return
        except BaseException as raised:
            error = raised
        self._ended(task, seat, value, error)

    @ours
    def _call(self, task: Task[Any], seat: Seat) -> None:
        value: Any = None
        error: BaseException | None = None
        try:
            context: Any = task.context
            value = context.run(_with_seat, seat, task.function, task.args, task.kwargs)
        except BaseException as raised:
            error = raised
        self._ended(task, seat, value, error)

    def _ended(self, task: Task[Any], seat: Seat, value: Any, error: BaseException | None) -> None:
        scheduler = self._scheduler
        self._leave(task, seat)
        scheduler.limits.held.pop(seat, None)
        scheduler.limits.thread_ended(task.lane.pool)
        now = scheduler.clock.monotonic()
        if task.started < 0:
            task.started = now  # it has ended before it could begin
        if error is not None and error.__traceback__ is not None and error.__traceback__.tb_next is not None:
            error = error.with_traceback(error.__traceback__.tb_next)
        scheduler.deliver((task, value, error, now, seat.cpu))

    def _leave(self, task: Task[Any], seat: Seat) -> None:
        if self._running.pop(seat, None) is not None:
            self.count -= 1
        task.lane.pool.left(seat)

    def _put_back(self, task: Task[Any], seat: Seat) -> None:
        """It could not begin, and its module is held: it waits in its queue again."""
        self._leave(task, seat)
        if task.ended < 0:
            task.lane.pool.put(task)

    def stop(self, seat: Seat) -> None:
        """Cancel the coroutine of a seat, if it is one."""
        running = self._running.get(seat)
        if running is not None:
            running.cancel()
            self._scheduler.loop.call_soon(self._never_begun, seat, running)

    def _never_begun(self, seat: Seat, running: asyncio.Task[None]) -> None:
        """A coroutine that is cancelled before its first step never runs, and so cannot say that it has ended."""
        if running.done() and seat in self._running:
            task: Any = seat.job
            self._ended(task, seat, None, asyncio.CancelledError())

    def go_on(self, task: Task[Any], coroutine: CoroutineType[Any, Any, Any]) -> None:
        """A plain callable returned a coroutine: the rest of the work runs on the loop, in the module's place."""
        task.rare().work = (task.function, task.args, task.kwargs, task.on_loop, task.started)
        task.function, task.args, task.kwargs = _Continuation(coroutine), (), {}
        task.on_loop = True
        task.started = -1.0
        task.lane.pool.put(task)

    def give_up(self, task: Task[Any]) -> None:
        """The task has ended: what was to go on here and has not begun never will."""
        if isinstance(task.function, _Continuation):
            task.function.close()

    def follow(self, coroutine: Coroutine[Any, Any, Any], task: Task[Any]) -> None:
        """Run the coroutine that a callback returned; its errors are logged and counted."""
        follower = self._scheduler.loop.create_task(self._guard(coroutine, task.id))
        self._followers.add(follower)
        follower.add_done_callback(self._followers.discard)

    async def _guard(self, coroutine: Coroutine[Any, Any, Any], task_id: str) -> None:
        try:
            await coroutine
        except BaseException as error:
            self._scheduler.endings.callback_errors += 1
            if not isinstance(error, asyncio.CancelledError):
                logger.warning("A callback of task {} raised.\n{}", task_id, trace_of(error))

    async def close(self) -> None:
        """Cancel what still runs here and let it end."""
        tasks = [*self._running.values(), *self._followers]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)


class _Continuation:
    """The rest of a piece of work, as a function of no arguments."""

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def __call__(self) -> Coroutine[Any, Any, Any]:
        return self._coroutine

    def close(self) -> None:
        """Close the coroutine if it has not begun; one that has is its task's to end."""
        if inspect.getcoroutinestate(self._coroutine) == inspect.CORO_CREATED:
            self._coroutine.close()


@ours
def _with_seat(seat: Seat, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    SEAT.set(seat)
    return function(*args, **kwargs)
