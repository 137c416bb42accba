"""What work can ask and say while it runs, in a thread or on the loop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from companion_async.errors import InvalidArgumentError, TaskCancelledError
from companion_async.offload.processes import inside
from companion_async.offload.slot import Seat, Slot
from companion_async.scheduling.particulars import Progress
from companion_async.scheduling.task import Task
from companion_async.security import check_fraction

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler

SEAT: ContextVar[Seat | None] = ContextVar("companion_seat", default=None)
"""The seat of the coroutine that runs on the loop. Threads find theirs by their identity."""


def current_seat() -> Seat | None:
    """The place that the calling work has among those that run; None outside of work."""
    seat = Slot.running.get(threading.get_ident())
    if seat is None:
        seat = SEAT.get()
    # An errand of the runtime's own has no owner, and is no task.
    return seat if seat is not None and getattr(seat.job, "owner", None) is not None else None


def current_task() -> TaskContext:
    """The context of the work that calls; `InvalidArgumentError` outside of work."""
    seat = current_seat()
    if seat is None:
        if inside.running is not None:
            return cast("TaskContext", inside.running)  # the same from the inside of a process
        raise InvalidArgumentError(
            "No task of a brain is running here. Call current_task() from inside work that was submitted."
        )
    return TaskContext(seat)


def deadline_of(task: Task[Any]) -> float | None:
    """The instant by which the run or the whole task must have ended, None for never."""
    until = task.started + task.limit
    if task.more is not None and task.more.spans is not None and task.more.spans.total is not None:
        until = min(until, task.submitted + task.more.spans.total)
    return until if until != float("inf") else None


class TaskContext:
    """The running task, from the inside. Valid until the work returns."""

    __slots__ = ("_seat", "_task")

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._task: Task[Any] = seat.job  # type: ignore[assignment]

    @property
    def id(self) -> str:
        """The task's id."""
        return self._task.id

    @property
    def module(self) -> str:
        """The module's name."""
        return self._task.module

    @property
    def attempt(self) -> int:
        """Which run this is, from 1."""
        return self._task.tries + 1

    @property
    def cancelled(self) -> bool:
        """Whether the task was cancelled or passed a limit: nobody wants its result any more."""
        return self._task.signalled

    @property
    def deadline(self) -> float | None:
        """The instant, on `time.monotonic`'s scale, by which the run or the whole task must have ended, or None."""
        return deadline_of(self._task)

    def check_cancelled(self) -> None:
        """Raise `TaskCancelledError` if the task was cancelled or passed a limit: let it end the work."""
        if self._task.signalled:
            more = self._task.more
            raise TaskCancelledError(self._task.id, self._task.module, more.reason if more is not None else "")

    def progress(self, fraction: float, message: str = "") -> None:
        """Say how far the work is, from 0 to 1, and that it is alive, which the idle limit asks for. Any thread."""
        self._task.rare().progress = Progress(check_fraction(fraction, "progress"), str(message)[:500])
        self._seat.beat = self._task.owner.clock.monotonic()

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Inside this block no exception is raised into the thread from outside (see `BaseModule.interruptible`)."""
        gate = self._seat.interrupts if isinstance(self._seat, Slot) else None
        if gate is None:
            yield
        else:
            with gate.shielded():
                yield

    def submit(self, module: str, target: Any = "run", /, *args: Any, **options: Any) -> Task[Any]:
        """``brain.submit`` from inside work, in a thread too: there it returns once the loop has accepted the task,
        and raises here what submitting raises.
        """
        scheduler: Scheduler = self._task.owner
        return scheduler.call_on_loop(scheduler.submit, module, target, *args, **options)  # type: ignore[no-any-return]

    def wait(self, task: Task[Any], timeout: float | None = None) -> Any:
        """Wait in this thread for another task: its result, or its error raised.

        The slot is lent to a stand-in meanwhile, so work that waits for work of its own category cannot fill it up.
        Waiting for oneself, or for work that waits for this, raises `DeadlockError`. Ends early with
        `TaskCancelledError` when this task is cancelled, with `TimeoutError` after ``timeout`` seconds.
        """
        scheduler: Scheduler = self._task.owner
        given: Any = task
        if not isinstance(given, Task) or given.owner is not scheduler:
            raise InvalidArgumentError(f"wait() takes a task of the same brain; {given!r:.80} is none.")
        if scheduler.on_loop_thread():
            raise InvalidArgumentError("wait() would block the event loop: in a coroutine, await the task instead.")
        return scheduler.joins.wait_in_thread(self._seat, self._task, task, timeout)
