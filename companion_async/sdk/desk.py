"""What both facades ask of a brain from outside: its pictures and its tasks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec

from companion_async.autonomy.decision import Decision
from companion_async.brain.assembly import ShutdownReport
from companion_async.brain.brain import Brain
from companion_async.errors import BrainClosedError, UnknownModuleError, UnknownTaskError
from companion_async.scheduling.task import Task
from companion_async.sdk.future import TaskFuture
from companion_async.sdk.portal import Portal
from companion_async.status.module import ModuleStatus
from companion_async.status.system import SystemStatus

B = TypeVar("B", bound=Brain)
R = TypeVar("R")

_ALL = 1_000_000


class LastView(msgspec.Struct, frozen=True):
    """What was known of a brain when it had shut down."""

    status: SystemStatus
    modules: dict[str, ModuleStatus]
    decisions: list[Decision]
    tasks: dict[str, Task[Any]]


class Desk(Generic[B]):
    """A brain behind a portal. Any thread. What can be read can be read after the shutdown too, as it was then."""

    def __init__(self, make: Callable[[], B], *, name: str) -> None:
        self._last: LastView | None = None
        self.portal: Portal[B] = Portal(make, name=name, before_end=self._look_back)

    @property
    def brain(self) -> B:
        """The brain, for functions that the portal calls on its loop."""
        return self.portal.brain

    def shutdown(self, timeout: float) -> ShutdownReport:
        """`Portal.close`."""
        return self.portal.close(timeout)

    @property
    def moment(self) -> datetime:
        """When the pictures are of: now, and after the shutdown the end."""
        return datetime.now(UTC) if self._last is None else self._last.status.timestamp

    # -- pictures --------------------------------------------------------------------------------------------------

    def status(self) -> SystemStatus:
        """The whole runtime."""
        return self.read(lambda: self.brain.status(), lambda last: last.status)

    def module(self, name: str) -> ModuleStatus | None:
        """One module; None if there is none of that name."""
        try:
            return self.read(lambda: self.brain.module_status(name), lambda last: last.modules.get(name))
        except UnknownModuleError:
            return None

    def decisions(self, limit: int = 1000) -> list[Decision]:
        """What the brain decided by itself, newest last."""
        return self.read(lambda: self.brain.decisions(limit), lambda last: last.decisions[-limit:])

    # -- tasks -----------------------------------------------------------------------------------------------------

    def task(self, task_id: str) -> Task[Any] | None:
        """The task of that id; None if it never was, or has left the history."""
        try:
            return self.read(lambda: self.brain.task(task_id), lambda last: last.tasks.get(task_id))
        except UnknownTaskError:
            return None

    def tasks(self) -> list[Task[Any]]:
        """Every task that is known, the newest first."""
        return self.read(lambda: self.brain.tasks(limit=_ALL), lambda last: list(last.tasks.values()))

    def future(self, task_id: str) -> TaskFuture[Any]:
        """The task's end as a future; `UnknownTaskError` where `task` finds none."""
        return self.read(lambda: self.future_of(self.brain.task(task_id)), lambda last: _settled(last, task_id))

    def cancel(self, task_id: str, reason: str = "") -> bool:
        """`Task.cancel`; False also where there is no such task, or no brain any more."""
        try:
            return bool(self.portal.call(self.brain.cancel, task_id, reason))
        except (UnknownTaskError, BrainClosedError):
            return False

    def future_of(self, task: Task[Any]) -> TaskFuture[Any]:
        """The future of a task at hand. Loop only."""
        future: TaskFuture[Any] = TaskFuture(task)
        if future.task.done():
            future.settle()
        else:
            self.portal.follow(future, future.task.wait)
        return future

    # -- before and after ------------------------------------------------------------------------------------------

    def read(self, live: Callable[[], R], last: Callable[[LastView], R]) -> R:
        """``live()``, called on the loop; after the shutdown ``last(view)``."""
        try:
            return self.portal.call(live)  # type: ignore[no-any-return]
        except BrainClosedError:
            if self._last is None:
                raise
            return last(self._last)

    def _look_back(self, brain: B) -> None:
        status = brain.status()
        self._last = LastView(
            status,
            {name: brain.module_status(name) for name in status.module_threads},
            brain.decisions(1000),
            {task.id: task for task in brain.tasks(limit=_ALL)},
        )


def _settled(last: LastView, task_id: str) -> TaskFuture[Any]:
    task = last.tasks.get(task_id)
    if task is None:
        raise UnknownTaskError(task_id)
    future: TaskFuture[Any] = TaskFuture(task)
    future.settle()
    return future
