"""Every kind of event, one frozen struct each.

An event is a fact: named in the past tense, never changed, safe to keep and to send to JSON as it is. Strings, numbers
and tuples of them are all that most events hold, so the garbage collector need not track them (``gc=False``).
Priorities are lower-case names, durations are seconds, ``timestamp`` is an aware UTC datetime, within 0.1 ms.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec


def utc(epoch_seconds: float) -> datetime:
    """The aware UTC datetime of ``Clock.time()``."""
    return datetime.fromtimestamp(epoch_seconds, UTC)


class Event(msgspec.Struct, frozen=True, tag_field="kind"):
    """Root of all events. ``kind`` is the dotted name, on the class, the instance and in the JSON."""

    kind: ClassVar[str] = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, ``kind`` among the keys, the timestamp as an ISO-8601 string."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return plain


class TaskEvent(Event, frozen=True, gc=False):
    """Something happened to one task."""

    task_id: str
    module: str
    category: str
    timestamp: datetime


class TaskQueued(TaskEvent, frozen=True, gc=False, tag="task.queued"):
    """The task was accepted; ``blocked`` while it waits for other tasks."""

    kind: ClassVar[str] = "task.queued"
    target: str = "run"
    priority: str = "medium"
    blocked: bool = False


class TaskStarted(TaskEvent, frozen=True, gc=False, tag="task.started"):
    """A run began, the first is attempt 1; ``wait_seconds`` is the time since it could have begun. ``worker`` is the
    name of its thread, empty on the loop.
    """

    kind: ClassVar[str] = "task.started"
    target: str = "run"
    attempt: int = 1
    wait_seconds: float = 0.0
    worker: str = ""


class TaskCompleted(TaskEvent, frozen=True, gc=False, tag="task.completed"):
    """The task has its result; ``run_seconds`` is the last run alone."""

    kind: ClassVar[str] = "task.completed"
    attempt: int = 1
    run_seconds: float = 0.0


class TaskFailed(TaskEvent, frozen=True, gc=False, tag="task.failed"):
    """The last attempt raised; ``error`` is the type's name, ``message`` its text."""

    kind: ClassVar[str] = "task.failed"
    error: str = ""
    message: str = ""
    attempt: int = 1
    run_seconds: float = 0.0


class TaskCancelled(TaskEvent, frozen=True, gc=False, tag="task.cancelled"):
    """The task was cancelled, before or during a run."""

    kind: ClassVar[str] = "task.cancelled"
    reason: str = ""


class TaskTimedOut(TaskEvent, frozen=True, gc=False, tag="task.timed_out"):
    """A span (``queue run total idle``) passed its limit."""

    kind: ClassVar[str] = "task.timed_out"
    span: str = "run"
    limit: float = 0.0
    attempt: int = 1


class TaskRetrying(TaskEvent, frozen=True, gc=False, tag="task.retrying"):
    """Attempt ``attempt`` raised ``error``; the next one begins ``delay`` seconds later."""

    kind: ClassVar[str] = "task.retrying"
    error: str = ""
    message: str = ""
    attempt: int = 1
    delay: float = 0.0


class ModuleEvent(Event, frozen=True, gc=False):
    """Something happened to one module."""

    module: str
    category: str
    timestamp: datetime


class ModuleStarted(ModuleEvent, frozen=True, gc=False, tag="module.started"):
    """The module takes work."""

    kind: ClassVar[str] = "module.started"


class ModuleCompleted(ModuleEvent, frozen=True, gc=False, tag="module.completed"):
    """The module was stopped in good order."""

    kind: ClassVar[str] = "module.completed"
    reason: str = ""


class ModuleError(ModuleEvent, frozen=True, gc=False, tag="module.error"):
    """The module failed to start, failed its health checks or its runs, and is in state ``error``; ``id`` is that of
    its last error.
    """

    kind: ClassVar[str] = "module.error"
    error: str = ""
    message: str = ""
    id: str = ""


class ModuleRestarted(ModuleEvent, frozen=True, gc=False, tag="module.restarted"):
    """A fresh instance took over; ``restarts`` counts them since registration."""

    kind: ClassVar[str] = "module.restarted"
    restarts: int = 1
    reason: str = ""


class ModulePaused(ModuleEvent, frozen=True, gc=False, tag="module.paused"):
    """Running work ends, the rest is held."""

    kind: ClassVar[str] = "module.paused"
    reason: str = ""


class ModuleResumed(ModuleEvent, frozen=True, gc=False, tag="module.resumed"):
    """What was held runs again."""

    kind: ClassVar[str] = "module.resumed"
    reason: str = ""


class CategoryResized(Event, frozen=True, gc=False, tag="category.resized"):
    """The limit on a category's slots changed."""

    kind: ClassVar[str] = "category.resized"
    category: str
    old: int
    new: int
    timestamp: datetime
    reason: str = ""


class SystemOverload(Event, frozen=True, gc=False, tag="system.overload"):
    """A category cannot take its work in: full queue, spent budget of abandoned threads, no thread to be had."""

    kind: ClassVar[str] = "system.overload"
    category: str
    reason: str
    queued: int
    timestamp: datetime


class SystemRecovered(Event, frozen=True, gc=False, tag="system.recovered"):
    """What the last ``system.overload`` of the category named is over."""

    kind: ClassVar[str] = "system.recovered"
    category: str
    reason: str
    timestamp: datetime


class StateChanged(Event, frozen=True, gc=False, tag="state.changed"):
    """A change was committed to the shared state as ``version``. The value is not in it: read the state."""

    kind: ClassVar[str] = "state.changed"
    path: str
    change_type: str
    version: int
    module: str
    timestamp: datetime


class LockDeadlock(Event, frozen=True, gc=False, tag="lock.deadlock"):
    """A wait would have closed ``cycle``; ``victim`` got the error instead."""

    kind: ClassVar[str] = "lock.deadlock"
    cycle: tuple[str, ...]
    victim: str
    timestamp: datetime


class DecisionMade(Event, frozen=True, tag="decision.made"):
    """A decision entered the log. ``data`` holds plain JSON types."""

    kind: ClassVar[str] = "decision.made"
    decision_id: int
    type: str
    context: str
    data: dict[str, Any]
    reason: str
    applied: bool
    timestamp: datetime


class HealthChecked(Event, frozen=True, gc=False, tag="health.checked"):
    """One pass of the health monitor; ``findings`` are one line of text each, empty when all is well."""

    kind: ClassVar[str] = "health.checked"
    healthy: bool
    modules_checked: int
    findings: tuple[str, ...]
    loop_lag: float | None
    memory_bytes: int | None
    timestamp: datetime


def _leaves(root: type[Event]) -> list[type[Event]]:
    return [leaf for child in root.__subclasses__() for leaf in (_leaves(child) or [child])]


EVENT_KINDS: dict[str, type[Event]] = {leaf.kind: leaf for leaf in _leaves(Event)}
