"""What the documents' framework hands out: tasks, states and figures. Moments are naive, in local time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from companion_async.errors import TaskCancelledError
from companion_async.priority import Priority
from companion_async.scheduling.task import Task, TaskState
from companion_async.sdk.dictionaries import local
from companion_async.state.change import StateChange as Change
from companion_async.state.change import StateChangeType


class ModuleState(StrEnum):
    """Where a module or a task is, in the documents' words."""

    IDLE = "idle"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    ERROR = "error"
    CANCELLED = "cancelled"


STATES: Mapping[TaskState, ModuleState] = {
    TaskState.BLOCKED: ModuleState.QUEUED,
    TaskState.QUEUED: ModuleState.QUEUED,
    TaskState.RUNNING: ModuleState.RUNNING,
    TaskState.COMPLETED: ModuleState.COMPLETED,
    TaskState.FAILED: ModuleState.ERROR,
    TaskState.TIMED_OUT: ModuleState.ERROR,
    TaskState.CANCELLED: ModuleState.CANCELLED,
}


@dataclass
class ModuleTask:
    """One call of a module's method. `ConcurrentModuleManager` hands out copies; a `TaskScheduler` and a
    `ModuleExecutor` are given them, and keep ``state``, the moments, ``result`` and ``error`` up to date.

    ``max_duration`` in seconds, None for no limit. ``error`` is the exception itself.
    """

    task_id: str
    module_name: str
    method_name: str = "run"
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    priority: Priority = Priority.NORMAL
    max_duration: float | None = None
    dependencies: AbstractSet[str] = frozenset()
    created_at: datetime = field(default_factory=datetime.now)
    started_at: datetime | None = None
    completed_at: datetime | None = None
    state: ModuleState = ModuleState.QUEUED
    result: Any = None
    error: BaseException | None = None
    callback: Callable[[ModuleTask], Any] | None = None

    def follow(self, task: Task[Any]) -> None:
        """Be as ``task`` is now."""
        self.state = STATES[task.state]
        self.started_at = None if task.started_at is None else local(task.started_at)
        self.completed_at = None if task.finished_at is None else local(task.finished_at)
        self.result = task.value if self.state is ModuleState.COMPLETED else None
        self.error = task.error

    def fail(self, error: BaseException, now: datetime) -> None:
        """End without having run."""
        self.state = ModuleState.CANCELLED if isinstance(error, TaskCancelledError) else ModuleState.ERROR
        self.error, self.completed_at = error, now


@dataclass(frozen=True)
class StateChange:
    """One change of the state, as subscribers and resolvers are shown it. ``timestamp`` is when it was proposed."""

    change_id: str
    module_id: str
    change_type: StateChangeType
    path: str
    old_value: Any
    new_value: Any
    timestamp: datetime
    priority: float
    metadata: Mapping[str, Any]
    applied: bool

    @classmethod
    def of(cls, change: Change) -> StateChange:
        """As ``change`` is now."""
        return cls(
            change.id,
            change.module,
            change.change_type,
            change.path,
            change.old_value,
            change.new_value,
            local(change.timestamp),
            change.priority,
            dict(change.metadata or {}),
            change.applied,
        )


class ModuleMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Of one module: runs that ended in whatever way, their seconds, and how many raised or passed their limit.

    Memory belongs to the process: its peak, in bytes, is the same for every module.
    """

    execution_count: int = 0
    total_execution_time: float = 0.0
    average_execution_time: float = 0.0
    error_count: int = 0
    last_execution: datetime | None = None
    peak_memory_usage: int = 0
    concurrent_executions: int = 0


class ExecutorMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Of an executor. ``tasks_executed`` counts every run that ended, so that failed / executed is the failure rate;
    ``tasks_failed`` those that raised or passed their limit, ``tasks_timed_out`` the latter among them.

    Times are seconds, memory is the process's resident set in bytes, ``current_load`` is 0.0 to 1.0 of the workers,
    processor use is percent of one core. Peaks are over the readings of the monitor; 0 before the first.
    """

    tasks_executed: int = 0
    tasks_failed: int = 0
    tasks_timed_out: int = 0
    total_execution_time: float = 0.0
    average_execution_time: float = 0.0
    memory_usage: int = 0
    peak_memory_usage: int = 0
    thread_count: int = 0
    peak_thread_count: int = 0
    current_load: float = 0.0
    peak_load: float = 0.0
    cpu_percent: float = 0.0
    peak_cpu_percent: float = 0.0
    last_cleanup: datetime | None = None


class ThreadInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One worker thread. ``thread_id`` is the operating system's. Threads share the process's memory: it is given as
    ``memory_usage`` of each. ``started_at`` is the start of the run it is busy with.
    """

    thread_id: int
    thread_name: str
    task_id: str | None
    started_at: datetime | None
    memory_usage: int
    is_busy: bool


class SchedulingMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Of a scheduler. Times are seconds; ``scheduler_overheads`` are those of the last 1,000 choices.

    ``dependency_violations`` counts tasks that were given up because what they waited for did not end in time.
    """

    total_scheduled: int = 0
    total_completed: int = 0
    average_wait_time: float = 0.0
    average_execution_time: float = 0.0
    priority_distribution: Mapping[Priority, int] = {}
    dependency_violations: int = 0
    scheduler_overheads: tuple[float, ...] = ()
    last_scheduling_time: datetime | None = None
