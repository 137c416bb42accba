"""A task's end as a future for threads, which coroutines can await as well."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, TypeVar

from companion_async.brain.executor import WorkFuture
from companion_async.scheduling.context import TaskContext, current_seat
from companion_async.scheduling.task import Task
from companion_async.sdk.refusals import WouldBlockError

T = TypeVar("T")


class SharedFuture(WorkFuture[T]):
    """A future for threads that every event loop can await."""

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.wrap_future(self).__await__()


class TaskFuture(SharedFuture[T]):
    """Follows a task; giving up on it, or `cancel`, which returns False, leaves the task alone.

    ``result`` and ``exception`` may be asked for in any thread but the brain's own. Inside work of the same brain they
    lend the slot, and refuse to wait in a circle (`DeadlockError`). ``await future`` works on every event loop.
    """

    def __init__(self, task: Task[T]) -> None:
        super().__init__()
        self.task = task
        self.set_running_or_notify_cancel()

    def result(self, timeout: float | None = None) -> T:
        if not self.done():
            owner, seat = self.task.owner, current_seat()
            if owner.on_loop_thread():
                raise WouldBlockError("Waiting for a task")
            if seat is not None and getattr(seat.job, "owner", None) is owner:
                return TaskContext(seat).wait(self.task, timeout)  # type: ignore[no-any-return]
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        if not self.done():
            try:
                self.result(timeout)
            except BaseException as error:
                if error is self.task.error:
                    return error
                if not self.done():
                    raise  # out of patience, or refused: not what the task has ended with
            else:
                return None
        return super().exception(timeout)

    def __await__(self) -> Generator[Any, None, T]:
        if not self.done() and self.task.owner.on_loop_thread():
            return self.task.wait().__await__()
        return super().__await__()

    def settle(self) -> None:
        """The task has ended: so has this."""
        if self.task.error is not None:
            self.set_exception(self.task.error)
        else:
            self.set_result(self.task.result())
