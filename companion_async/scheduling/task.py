"""A task: the handle its submitter holds and the record the scheduler keeps, one object."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextvars import Context, copy_context
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from companion_async.errors import CompanionError, InvalidArgumentError
from companion_async.offload.slot import Seat
from companion_async.offload.stream import Stream
from companion_async.priority import Priority
from companion_async.scheduling.particulars import Particulars, Progress
from companion_async.scheduling.port import Port, Target

T = TypeVar("T")


class TaskState(StrEnum):
    """Where a task is. Every accepted task reaches exactly one of the last four."""

    BLOCKED = "blocked"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


class TaskStep(msgspec.Struct, frozen=True):
    """One entry of a task's history."""

    state: str
    timestamp: datetime
    detail: str = ""


class Owner(Protocol):
    """The scheduler, as a task sees it."""

    loop: asyncio.AbstractEventLoop
    prefix: str

    def cancel(self, task: Task[Any], reason: str = "") -> bool: ...
    def date(self, monotonic: float) -> datetime: ...
    def check_thread(self, operation: str) -> None: ...
    def seat_of_caller(self) -> Seat | None: ...


_NO_PROGRESS = Progress()
_MAKING = threading.Lock()
"""Held while particulars are made: the loop and a thread that reports progress may come at once."""


class Task(msgspec.Struct, Generic[T], eq=False, weakref=True):
    """Work that was accepted. Await it for its result.

    ``await task`` equals the result (of a generator: the list of its items, or, once an iterator has taken more than
    1,024, of those it has not taken) or raises what the work raised, with a note that names task and module.
    Cancelling its only waiter cancels the task, as with an `asyncio.Task`; `wait` leaves it alone. Everything here is
    for the loop's thread, except reading attributes.
    """

    number: int
    owner: Any
    lane: Port
    plan: Target
    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    context: Context | None
    level: int
    submitted: float
    ready: float
    deadline: float
    expected: float
    limit: float
    light: bool
    measured: bool
    on_loop: bool
    interruptible: bool
    ticket: int = -1
    phase: TaskState = TaskState.QUEUED
    tries: int = 0
    started: float = -1.0
    ended: float = -1.0
    value: Any = None
    error: BaseException | None = None
    signalled: bool = False
    waiter: Any = None
    more: Particulars | None = None

    # -- what it is ------------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Unique among all brains: pass it to ``brain.task`` to find the task again."""
        return f"{self.owner.prefix}-{self.number}"

    @property
    def module(self) -> str:
        """The module's name."""
        return self.lane.name

    @property
    def target(self) -> str:
        """The handler's name, or the callable's."""
        return self.plan.name

    @property
    def priority(self) -> Priority:
        """How urgent it is now."""
        return Priority(self.level)

    @property
    def state(self) -> TaskState:
        """Where it is now; a run that has just begun in a thread shows at once."""
        return TaskState.RUNNING if self.running else self.phase

    @property
    def attempt(self) -> int:
        """How many runs have begun."""
        return self.tries + 1 if self.running else self.tries

    @property
    def running(self) -> bool:
        """Whether a run is under way. Threads write ``started`` alone: ``phase`` is the loop's."""
        return self.phase is TaskState.QUEUED and self.started >= 0 and self.ticket < 0 and self.ended < 0

    @property
    def progress(self) -> Progress:
        """What the work last reported."""
        return self.more.progress if self.more is not None else _NO_PROGRESS

    @property
    def submitted_at(self) -> datetime:
        """When it was accepted, UTC."""
        return self.owner.date(self.submitted)  # type: ignore[no-any-return]

    @property
    def started_at(self) -> datetime | None:
        """When its last run began, UTC; None before the first."""
        return self.owner.date(self.started) if self.started >= 0 else None

    @property
    def finished_at(self) -> datetime | None:
        """When it ended, UTC; None before."""
        return self.owner.date(self.ended) if self.ended >= 0 else None

    @property
    def history(self) -> tuple[TaskStep, ...]:
        """Its events so far, oldest first."""
        date = self.owner.date
        steps = [("queued", self.submitted, "")]
        if self.more is not None:
            steps += self.more.steps
        if self.started >= 0:
            steps.append(("running", self.started, f"attempt {self.attempt}"))
        if self.ended >= 0:
            steps.append((self.phase.value, self.ended, _summary(self.error)))
        steps.sort(key=lambda step: step[1])
        return tuple(TaskStep(state, date(when), detail) for state, when, detail in steps)

    # -- its end ---------------------------------------------------------------------------------------------------

    def done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.ended >= 0

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.phase is TaskState.CANCELLED

    def result(self) -> T:
        """The result, or raise the error; `asyncio.InvalidStateError` before the end."""
        if self.ended < 0:
            raise asyncio.InvalidStateError(f"Task {self.id} has not ended; await it.")
        if self.error is not None:
            raise self._failure()
        return self.value  # type: ignore[no-any-return]

    def exception(self) -> BaseException | None:
        """The error it ended with, or None; a cancelled task raises, as a future does."""
        if self.ended < 0:
            raise asyncio.InvalidStateError(f"Task {self.id} has not ended; await it.")
        if self.phase is TaskState.CANCELLED and self.error is not None:
            raise self._failure()
        return self.error

    def cancel(self, reason: str = "") -> bool:
        """Cancel it; False if it has ended already.

        Queued: it never runs. Running: waiters get `TaskCancelledError` at once and the work is signalled; a thread
        that has not stopped within ``cancel_grace`` is abandoned and its slot replaced.
        """
        self.owner.check_thread("task.cancel()")
        return self.owner.cancel(self, reason)  # type: ignore[no-any-return]

    def add_done_callback(self, callback: Callable[[Task[T]], Any]) -> None:
        """Call ``callback(task)`` once at the end on the loop, in this call's context; its errors touch nothing."""
        self.owner.check_thread("task.add_done_callback()")
        if self.ended < 0:
            self.rare().done_callbacks.append((callback, copy_context()))
        else:
            self.owner.loop.call_soon(self.owner.call_back, callback, self)

    def remove_done_callback(self, callback: Callable[[Task[T]], Any]) -> int:
        """Take back a callback that has not been called; how many times it was there. `asyncio.wait` needs it."""
        self.owner.check_thread("task.remove_done_callback()")
        callbacks = self.more.done_callbacks if self.more is not None else []
        kept = [one for one in callbacks if one[0] != callback]
        removed = len(callbacks) - len(kept)
        callbacks[:] = kept
        return removed

    def __await__(self) -> Generator[Any, None, T]:
        if self.ended < 0.0:  # between floats it is compared at once
            owner = self.owner
            seat = outsider = None
            if owner.routines.count:
                seat = owner.seat_of_caller()
                outsider = owner.joins.outsider()
            if seat is None:
                if outsider is not None:
                    owner.joins.begin(outsider, self)
                waiter: Any = self.join()
                waiter._asyncio_future_blocking = True  # `yield from waiter`, without the iterator that it makes
                try:
                    yield waiter
                except asyncio.CancelledError:
                    if self.leave(waiter):
                        owner.cancel(self, "its only waiter was cancelled")
                    raise
                except RuntimeError:  # another loop's task cannot wait for a future of ours
                    self.leave(waiter)
                    owner.check_thread("await task")
                    raise
                finally:
                    if outsider is not None:
                        owner.joins.end(outsider, self)
            else:
                yield from owner.loans.join(seat, self).__await__()
        if self.error is not None:
            raise self._failure()
        return self.value  # type: ignore[no-any-return]

    async def wait(self, timeout: float | None = None) -> T:
        """The result, as by awaiting; giving up after ``timeout`` seconds (`TimeoutError`) or being cancelled leaves
        the task alone.
        """
        owner = self.owner
        owner.check_thread("task.wait()")
        if timeout is not None:
            timeout = owner.check_patience(timeout)
        if self.ended < 0:
            seat = owner.seat_of_caller()
            if seat is None:
                await owner.joins.wait_outside(self, lambda: owner.patience(self, timeout))
            else:
                await owner.loans.wait(seat, (self,), lambda: owner.patience(self, timeout))
        return self.result()

    def __aiter__(self) -> AsyncGenerator[Any, None]:
        return self.items()

    async def items(self) -> AsyncGenerator[Any, None]:
        """The items of a generator target as they come; the producer waits while too many are unread.

        After the last item the task's error is raised, if it has one. One reader at a time, a second is refused;
        cancelling it while it is the only one that waits cancels the task. Once a reader has left, another may go on
        where it stopped, and awaiting the task lets the work go on to its end.
        """
        self.owner.check_thread("async for item in task")
        stream: Stream | None = self.more.stream if self.more is not None else None
        if stream is None:
            raise CompanionError(
                f"Target {self.target!r} of module {self.module!r} is no generator: await the task instead."
            )
        if stream.reading:
            raise InvalidArgumentError(f"Task {self.id} is being iterated already: its items go to one reader.")
        stream.begin_reading(by_work=self.owner.seat_of_caller() is not None)
        try:
            while True:
                while stream.unread:
                    yield stream.next()
                if self.ended >= 0:
                    break
                try:
                    seat = self.owner.seat_of_caller()
                    if seat is None:
                        await stream.arrival()
                    else:
                        await self.owner.loans.wait(seat, (self,), stream.arrival)
                except asyncio.CancelledError:
                    if self.ended < 0 and self.waiter is None:
                        self.owner.cancel(self, "its only reader was cancelled")
                    raise
        finally:
            stream.end_reading()
        if self.error is not None:
            raise self._failure()

    # -- the scheduler's side --------------------------------------------------------------------------------------

    def rare(self) -> Particulars:
        """Its particulars, made when first needed."""
        if self.more is None:
            with _MAKING:
                if self.more is None:
                    self.more = Particulars()
        return self.more

    def expect_end(self) -> None:
        """Somebody waits for the end: let a stream that nobody reads go on to it."""
        if self.more is not None and self.more.stream is not None:
            self.more.stream.collect()

    def join(self) -> asyncio.Future[None]:
        """A future that is set when the task ends."""
        if self.more is not None:
            self.expect_end()
        waiter: asyncio.Future[None] = self.owner.loop.create_future()
        if self.waiter is None:
            self.waiter = waiter
        else:
            self.rare().waiters.append(waiter)
        return waiter

    def leave(self, waiter: asyncio.Future[None]) -> bool:
        """A waiter goes; True if nobody waits any more for a task that is still alive."""
        if self.waiter is waiter:
            self.waiter = None
        elif self.more is not None and waiter in self.more.waiters:
            self.more.waiters.remove(waiter)
        return self.ended < 0 and self.waiter is None and not (self.more is not None and self.more.waiters)

    def _failure(self) -> BaseException:
        """Its error, ready to be raised: without the frames of those who have raised it before."""
        error: Any = self.error
        return error.with_traceback(self.more.trace if self.more is not None else None)  # type: ignore[no-any-return]

    def point_at(self, function: Callable[..., Any]) -> None:
        """Have the run, when it comes, call another function: its module has a new instance."""
        if self.more is not None and self.more.work is not None:
            self.more.work = (function, *self.more.work[1:])
        elif self.more is not None and self.more.stream is not None:
            self.args = (function, *self.args[1:])
        else:
            self.function = function

    def __repr__(self) -> str:
        return f"<Task {self.id} {self.module}.{self.target} {self.state.value}>"


# msgspec's own assignment looks after structs that the collector may leave out. A task is none, and the interpreter
# knows a short way for `object`'s: a fourth of the time, for a dozen assignments a task.
Task.__setattr__ = object.__setattr__  # type: ignore[method-assign]
Task.__delattr__ = object.__delattr__  # type: ignore[method-assign]


def _summary(error: BaseException | None) -> str:
    return "" if error is None else type(error).__name__
