"""What the scheduler tells the event bus. Unheard, it costs the look at a flag."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from companion_async.events.bus import EventBus
from companion_async.events.kinds import (
    SystemOverload,
    SystemRecovered,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    TaskQueued,
    TaskRetrying,
    TaskStarted,
    TaskTimedOut,
    utc,
)
from companion_async.offload.pool import Pool
from companion_async.scheduling.task import Task, TaskState

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler


class Announcer:
    """Publishes the life of tasks. Loop only."""

    def __init__(self, bus: EventBus, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.queued_topic = bus.topic("task.queued")
        self.started_topic = bus.topic("task.started")
        self.completed_topic = bus.topic("task.completed")
        self._failed = bus.topic("task.failed")
        self._cancelled = bus.topic("task.cancelled")
        self._timed_out = bus.topic("task.timed_out")
        self._retrying = bus.topic("task.retrying")
        self._overload = bus.topic("system.overload")
        self._recovered = bus.topic("system.recovered")

    def queued(self, task: Task[Any]) -> None:
        """The task was accepted, or may run again."""
        if self.queued_topic.active:
            self.queued_topic.publish(
                TaskQueued(
                    task.id,
                    task.module,
                    task.lane.pool.name,
                    self._scheduler.date(task.ready),
                    task.target,
                    task.priority.name.lower(),
                    task.phase is TaskState.BLOCKED,
                )
            )

    def attach(self, task: Task[Any]) -> None:
        """Have a run in a thread announced as it begins."""
        if not self.started_topic.active or task.on_loop or isinstance(task.function, _Announced):
            return
        task.function = _Announced(task.function, task, self)

    def started(self, task: Task[Any]) -> None:
        """A run has begun."""
        if self.started_topic.active and task.started >= 0:
            self.started_topic.publish(
                TaskStarted(
                    task.id,
                    task.module,
                    task.lane.pool.name,
                    self._scheduler.date(task.started),
                    task.target,
                    task.tries + 1,
                    max(0.0, task.started - task.ready),
                )
            )

    def ended(self, task: Task[Any]) -> None:
        """The task has ended."""
        known = (task.id, task.module, task.lane.pool.name, self._scheduler.date(task.ended))
        run = task.ended - task.started if task.started >= 0 else 0.0
        error = task.error
        if task.phase is TaskState.COMPLETED:
            if self.completed_topic.active:
                self.completed_topic.publish(TaskCompleted(*known, task.tries, run))
        elif task.phase is TaskState.FAILED:
            if self._failed.active:
                self._failed.publish(TaskFailed(*known, type(error).__name__, _text(error), task.tries, run))
        elif task.phase is TaskState.CANCELLED:
            if self._cancelled.active:
                self._cancelled.publish(TaskCancelled(*known, getattr(error, "reason", "")))
        elif self._timed_out.active:
            self._timed_out.publish(TaskTimedOut(*known, getattr(error, "span", "run"), getattr(error, "limit", 0.0)))

    def retrying(self, task: Task[Any], error: BaseException, delay: float) -> None:
        """A run failed and will be tried again."""
        if self._retrying.active:
            date = self._scheduler.date(self._scheduler.clock.monotonic())
            self._retrying.publish(
                TaskRetrying(
                    task.id,
                    task.module,
                    task.lane.pool.name,
                    date,
                    type(error).__name__,
                    _text(error),
                    task.tries,
                    delay,
                )
            )

    def overload(self, pool: Pool, reason: str) -> None:
        """A category has more than it can take."""
        if self._overload.active:
            self._overload.publish(
                SystemOverload(pool.name, reason, self._scheduler.queues[pool.name].size, self._now())
            )

    def recovered(self, pool: Pool, reason: str) -> None:
        """It has not any more."""
        if self._recovered.active:
            self._recovered.publish(SystemRecovered(pool.name, reason, self._now()))

    def _now(self) -> Any:
        return utc(self._scheduler.clock.time())


class _Announced:
    """A callable that says that it has begun, in front of whatever it will say of its end."""

    __slots__ = ("_announcer", "_function", "_task")

    def __init__(self, function: Callable[..., Any], task: Task[Any], announcer: Announcer) -> None:
        self._function, self._task, self._announcer = function, task, announcer

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._announcer._scheduler.mailbox.post(self._announcer.started, self._task)
        return self._function(*args, **kwargs)


def _text(error: BaseException | None) -> str:
    try:
        return str(error)[:500]
    except Exception:
        return "(no text could be made of this error)"
