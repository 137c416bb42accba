"""What the scheduler tells the event bus. Unheard, it costs the look at a flag."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
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
from companion_async.offload.frames import ours
from companion_async.offload.pool import Pool
from companion_async.offload.slot import Slot
from companion_async.priority import Priority
from companion_async.scheduling.task import Task, TaskState

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler
    from companion_async.scheduling.traces import Traces


_LEVELS = {level.value: level.name.lower() for level in Priority}
_BLOCKED = TaskState.BLOCKED  # a member of an enum is found through a descriptor: once is enough
_SAME = 1e-4
_GLANCE = 0.02
"""Seconds within which the beginning of a light run is told, if its end is not told before."""


class Announcer:
    """Publishes the life of tasks. Loop only."""

    def __init__(self, bus: EventBus, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        # What every event needs, without the way through the task and the scheduler.
        self._prefix = f"{scheduler.prefix}-"
        self._date = scheduler.date
        self._dated, self._last_date = math.inf, utc(0.0)
        self.queued_topic = bus.topic("task.queued")
        self.started_topic = bus.topic("task.started")
        self.completed_topic = bus.topic("task.completed")
        self._failed = bus.topic("task.failed")
        self._cancelled = bus.topic("task.cancelled")
        self._ends = {
            TaskState.COMPLETED: self.completed_topic,
            TaskState.FAILED: self._failed,
            TaskState.CANCELLED: self._cancelled,
            TaskState.TIMED_OUT: bus.topic("task.timed_out"),
        }
        self._retrying = bus.topic("task.retrying")
        self._overload = bus.topic("system.overload")
        self._recovered = bus.topic("system.recovered")
        self._glancing = False
        self.traces: Traces | None = None

    def queued(self, task: Task[Any]) -> None:
        """The task was accepted, or may run again."""
        if self.traces is not None:
            self.traces.accepted(task)
        if self.queued_topic.active:
            lane = task.lane
            self.queued_topic.publish(
                TaskQueued(
                    f"{self._prefix}{task.number}",
                    lane.name,
                    lane.pool.name,
                    self._date(task.ready),
                    task.plan.name,
                    _LEVELS[task.level],
                    task.phase is _BLOCKED,
                )
            )

    def attach(self, task: Task[Any]) -> None:
        """Have a run in a thread announced as it begins, and any run traced if runs are."""
        if isinstance(task.function, _Announced):
            return
        if self.traces is not None:
            self.traces.attach(task)
        if not self.started_topic.active or task.on_loop:
            return
        task.function = _Announced(task.function, task, self)
        if task.light and not self._glancing:
            self._glancing = True
            self._scheduler.loop.call_later(_GLANCE, self._glance)

    def _glance(self) -> None:
        self._glancing = self._scheduler.live > 0 and self.started_topic.active
        if self._glancing:
            self._scheduler.loop.call_later(_GLANCE, self._glance)
        self._scheduler.mailbox.deliver()

    def started(self, task: Task[Any], worker: str = "") -> None:
        """A run has begun, in the ``worker``'s thread or, unnamed, on the loop."""
        if self.started_topic.active and task.started >= 0:
            lane = task.lane
            self.started_topic.publish(
                TaskStarted(
                    f"{self._prefix}{task.number}",
                    lane.name,
                    lane.pool.name,
                    self._date(task.started),
                    task.plan.name,
                    task.tries + 1,
                    max(0.0, task.started - task.ready),
                    worker,
                )
            )

    def ended(self, task: Task[Any]) -> None:
        """The task has ended."""
        topic = self._ends[task.phase]
        if not topic.active:
            return
        lane, ended, error = task.lane, task.ended, task.error
        known = (f"{self._prefix}{task.number}", lane.name, lane.pool.name, self._date(ended))
        run = ended - task.started if task.started >= 0 else 0.0
        if topic is self.completed_topic:
            topic.publish(self.completed(task, run))
        elif topic is self._failed:
            topic.publish(TaskFailed(*known, type(error).__name__, _text(error), task.tries, run))
        elif topic is self._cancelled:
            topic.publish(TaskCancelled(*known, getattr(error, "reason", "")))
        else:
            topic.publish(TaskTimedOut(*known, getattr(error, "span", "run"), getattr(error, "limit", 0.0)))

    def completed(self, task: Task[Any], run: float) -> TaskCompleted:
        """That the task has its result."""
        lane = task.lane
        return TaskCompleted(
            f"{self._prefix}{task.number}", lane.name, lane.pool.name, self._about(task.ended), task.tries, run
        )

    def _about(self, monotonic: float) -> datetime:
        """The date of an instant, for many that are microseconds apart: to make one costs as much as the event."""
        if not 0 <= monotonic - self._dated < _SAME:
            self._dated, self._last_date = monotonic, self._date(monotonic)
        return self._last_date

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

    __slots__ = ("__wrapped__", "_announcer", "_task")

    def __init__(self, function: Callable[..., Any], task: Task[Any], announcer: Announcer) -> None:
        self.__wrapped__, self._task, self._announcer = function, task, announcer

    @ours
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        worker: Any = Slot.running.get(threading.get_ident())
        begun = partial(self._announcer.started, self._task, getattr(worker, "name", ""))
        mailbox = self._announcer._scheduler.mailbox
        mailbox.letters.append(begun)
        if not (self._task.light or mailbox.woken):  # the end of a light run, in microseconds, wakes the loop for both
            mailbox.wake()
        return self.__wrapped__(*args, **kwargs)


def _text(error: BaseException | None) -> str:
    try:
        return str(error)[:500]
    except Exception:
        return "(no text could be made of this error)"
