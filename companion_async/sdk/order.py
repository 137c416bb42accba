"""The order in which a manager's tasks run: policy, quotas, and the figures of its queue."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from companion_async.priority import Priority
from companion_async.scheduling.policies import SchedulingPolicy
from companion_async.scheduling.task import Task, TaskState
from companion_async.sdk.executor import ModuleExecutor
from companion_async.sdk.records import SchedulingMetrics

URGENT = (Priority.CRITICAL, Priority.HIGH)
OVERHEADS_KEPT = 1000


class TaskOrder:
    """A manager's ``task_scheduler``: the runtime's own queue, which nobody has to take tasks from. Any thread.

    The overheads are the seconds that accepting a task took.
    """

    def __init__(self, executor: ModuleExecutor, waits_for: Callable[[Task[Any]], Collection[str]]) -> None:
        self._executor = executor
        self._desk = executor.desk
        self._waits_for = waits_for
        self._policy = SchedulingPolicy.WEIGHTED_PRIORITY
        self._scheduled: Counter[Priority] = Counter()
        self._overheads: deque[float] = deque(maxlen=OVERHEADS_KEPT)
        self._last: datetime | None = None

    @property
    def scheduling_policy(self) -> SchedulingPolicy:
        """The policy in force; assign another to switch, and nothing is lost."""
        return self._policy

    @scheduling_policy.setter
    def scheduling_policy(self, policy: SchedulingPolicy | str) -> None:
        self._desk.portal.call(self._desk.brain.set_policy, policy)
        self._policy = SchedulingPolicy(policy)

    def set_module_quota(self, module_name: str, quota: int) -> None:
        """The module's weight in fair shares, from the next dispatch on; `InvalidArgumentError` below 1."""
        self._desk.portal.call(self._desk.brain.set_quota, module_name, quota)

    def cancel_task(self, task_id: str) -> bool:
        """`ConcurrentModuleManager.cancel_task`."""
        return self._desk.cancel(task_id)

    def scheduled(self, level: Priority, seconds: float) -> None:
        """Count a task that was accepted. Loop only."""
        self._scheduled[level] += 1
        self._overheads.append(seconds)
        self._last = datetime.fromtimestamp(self._executor.clock.time())

    def get_scheduling_metrics(self) -> SchedulingMetrics:
        """The figures so far; ``total_completed`` counts the runs that ended, in whatever way."""
        total = self._executor.tally.total
        return SchedulingMetrics(
            total_scheduled=self._scheduled.total(),
            total_completed=total.runs,
            average_wait_time=total.average_wait,
            average_execution_time=total.average,
            priority_distribution=dict(self._scheduled),
            scheduler_overheads=tuple(self._overheads),
            last_scheduling_time=self._last,
        )

    def get_queue_status(self) -> dict[str, Any]:
        """``priority_queue_size`` (critical and high) ``ready_queue_size`` (the others) ``blocked_tasks pending_tasks
        total_dependencies scheduling_policy average_scheduler_overhead``.
        """
        tasks = [task for task in self._desk.tasks() if not task.done() and ":" not in task.module]
        ready = [task for task in tasks if task.state is TaskState.QUEUED]
        blocked = [task for task in tasks if task.state is TaskState.BLOCKED]
        urgent = sum(task.priority in URGENT for task in ready)
        overheads = tuple(self._overheads)
        return {
            "priority_queue_size": urgent,
            "ready_queue_size": len(ready) - urgent,
            "blocked_tasks": len(blocked),
            "pending_tasks": len(ready) + len(blocked),
            "total_dependencies": sum(len(self._waits_for(task)) for task in blocked),
            "scheduling_policy": self._policy.value,
            "average_scheduler_overhead": sum(overheads) / len(overheads) if overheads else 0.0,
        }
