"""`TaskScheduler`: the runtime's queue by itself, for programs that run their tasks themselves."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from companion_async.clock import Clock, SystemClock
from companion_async.errors import (
    BrainClosedError,
    DependencyCycleError,
    InvalidArgumentError,
    QueueFullError,
    TaskCancelledError,
    TaskTimeoutError,
    UnknownTaskError,
    UpstreamFailedError,
)
from companion_async.priority import Priority
from companion_async.scheduling.dependencies import Dependencies
from companion_async.scheduling.lane import Lane
from companion_async.scheduling.policies import ORDERINGS, SchedulingPolicy
from companion_async.scheduling.queue import Queue
from companion_async.sdk.order import OVERHEADS_KEPT, URGENT
from companion_async.sdk.records import ModuleState, ModuleTask, SchedulingMetrics
from companion_async.sdk.refusals import UnknownDependencyError
from companion_async.security import check_count, check_name, check_seconds

_AGEING_SPAN = 10.0  # a brain's default
_ENDED_KEPT = 10_000
_TARGETS_KEPT = 1_000
_NEWEST = 0.1  # the weight of the newest run in a moving average


class Entry:
    """A task in the queue: what the policies ask of it (see `Queued`), and the task."""

    __slots__ = ("deadline", "expected", "lane", "level", "light", "on_loop", "started", "submitted", "task", "ticket")

    def __init__(self, task: ModuleTask, lane: Lane, submitted: float, expected: float) -> None:
        self.task = task
        self.lane = lane
        self.level = int(task.priority)
        self.submitted = submitted
        self.deadline = math.inf if task.max_duration is None else submitted + task.max_duration
        self.expected = expected
        self.on_loop = self.light = False
        self.ticket = -1
        self.started = 0.0

    def __str__(self) -> str:
        return self.task.task_id


class TaskScheduler:
    """Orders tasks and runs none: `schedule_task` puts in, `get_next_task` takes out, `task_completed` says it is done.

    The policies are those of a brain; ``enable_fairness=False`` takes the ageing out of ``WEIGHTED_PRIORITY``. A task
    waits for its dependencies; when one of them fails, is cancelled, or has not ended ``dependency_timeout`` seconds
    after the task was scheduled, the task ends in error and never comes out. Every change is O(log n). Any thread;
    ``clock`` is for tests and simulations.
    """

    def __init__(
        self,
        scheduling_policy: SchedulingPolicy | str = SchedulingPolicy.WEIGHTED_PRIORITY,
        max_pending_tasks: int = 1000,
        enable_fairness: bool = True,
        dependency_timeout: float = 300.0,
        *,
        clock: Clock | None = None,
    ) -> None:
        try:
            self.scheduling_policy = SchedulingPolicy(scheduling_policy)
        except ValueError:
            known = ", ".join(policy.value for policy in SchedulingPolicy)
            raise InvalidArgumentError(
                f"scheduling_policy must be one of {known}; {scheduling_policy!r:.80} is not."
            ) from None
        self.max_pending_tasks = check_count(max_pending_tasks, "max_pending_tasks")
        self.dependency_timeout = check_seconds(dependency_timeout, "dependency_timeout")
        self.enable_fairness = bool(enable_fairness)
        ages = self.enable_fairness or self.scheduling_policy is not SchedulingPolicy.WEIGHTED_PRIORITY
        ordering = ORDERINGS[self.scheduling_policy if ages else SchedulingPolicy.PRIORITY_FIRST]
        self._clock = clock if clock is not None else SystemClock()
        self._lock = threading.RLock()
        self._queue = Queue(ordering, _AGEING_SPAN)
        self._lanes: dict[str, Lane] = {}
        self._dependencies: Dependencies[Entry] = Dependencies()
        self._pending: dict[str, Entry] = {}
        self._running: dict[str, Entry] = {}
        self._ended: OrderedDict[str, ModuleState] = OrderedDict()
        self._blocked: deque[Entry] = deque()
        self._runs: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._shut = False
        self._scheduled: Counter[Priority] = Counter()
        self._completed = self._begun = self._violations = 0
        self._waited = self._ran = 0.0
        self._overheads: deque[float] = deque(maxlen=OVERHEADS_KEPT)
        self._last: datetime | None = None

    # -- in and out ------------------------------------------------------------------------------------------------

    def schedule_task(self, task: ModuleTask, dependencies: Iterable[str] | None = None) -> str:
        """Take in a task, to wait for ``dependencies`` (ids) beside its own; returns its id.

        `QueueFullError` (a RuntimeError) when ``max_pending_tasks`` wait, `UnknownDependencyError` (a ValueError) for
        an id that is not known, `DependencyCycleError` (one too) for its own: nothing is taken in then.
        """
        if not isinstance(task, ModuleTask):
            raise InvalidArgumentError(f"task must be a ModuleTask; {type(task).__name__} is none.")
        if isinstance(dependencies, str):
            raise InvalidArgumentError("dependencies must be a set of ids, such as {task_id}; one string is not.")
        task.priority = Priority.parse(task.priority)
        if task.max_duration is not None:
            check_seconds(task.max_duration, "max_duration")
        check_name(task.module_name, "module name")
        with self._lock:
            wanted = frozenset((*task.dependencies, *(dependencies or ())))
            self._check(task, wanted)
            now = self._clock.monotonic()
            expected = self._runs.get((task.module_name, task.method_name), 0.0)
            entry = Entry(task, self._lane(task.module_name), now, expected)
            task.state, task.dependencies = ModuleState.QUEUED, wanted
            self._pending[task.task_id] = entry
            self._scheduled[task.priority] += 1
            self._last = self._date()
            upstream = [self._living(name) for name in wanted if name not in self._ended]
            failed = [name for name in wanted if self._ended.get(name, ModuleState.COMPLETED) != ModuleState.COMPLETED]
            if failed:
                self._fail([(entry, self._upstream(entry, failed[0]))])
            elif upstream:
                self._dependencies.add(entry, upstream)
                self._blocked.append(entry)
            else:
                self._queue.push(entry)
            return task.task_id

    def get_next_task(self) -> ModuleTask | None:
        """The task whose turn it is, now running; None if there is none. Say `task_completed` when it has ended."""
        began = time.perf_counter()
        with self._lock:
            self._expire()
            entry: Any = self._queue.pop()
            if entry is not None:
                entry.started = self._clock.monotonic()
                self._waited += entry.started - entry.submitted
                self._begun += 1
                del self._pending[entry.task.task_id]
                self._running[entry.task.task_id] = entry
                entry.task.state, entry.task.started_at = ModuleState.RUNNING, self._date()
            self._overheads.append(time.perf_counter() - began)
            return None if entry is None else entry.task

    def task_completed(self, task_id: str, success: bool = True) -> None:
        """A task that was taken out has ended: what waited for it may come out, or fails with it."""
        with self._lock:
            entry = self._running.pop(task_id, None)
            if entry is None:
                raise UnknownTaskError(str(task_id)[:80])
            self._queue.left(entry.lane)
            ran = self._clock.monotonic() - entry.started
            self._ran += ran
            self._completed += 1
            self._learn(entry, ran)
            task = entry.task
            task.state = ModuleState.COMPLETED if success else ModuleState.ERROR
            task.completed_at = self._date()
            self._end(entry)

    def cancel_task(self, task_id: str) -> bool:
        """Take back a task that waits: it never comes out. False if it runs, has ended, or is not known."""
        with self._lock:
            entry = self._pending.get(task_id)
            if entry is None:
                return False
            self._fail([(entry, TaskCancelledError(task_id, entry.task.module_name))])
            return True

    def shutdown(self) -> None:
        """Take in no more, and cancel what waits."""
        with self._lock:
            self._shut = True
            for task_id in tuple(self._pending):
                self.cancel_task(task_id)

    # -- fairness and figures --------------------------------------------------------------------------------------

    def set_module_quota(self, module: str, quota: int) -> None:
        """The module's weight in ``FAIR_SHARE``, from its next turn on."""
        check_name(module, "module name")
        check_count(quota, "quota", maximum=1_000_000)
        with self._lock:
            self._lane(module).quota = quota

    def get_scheduling_metrics(self) -> SchedulingMetrics:
        """The figures so far."""
        with self._lock:
            return SchedulingMetrics(
                total_scheduled=self._scheduled.total(),
                total_completed=self._completed,
                average_wait_time=self._waited / self._begun if self._begun else 0.0,
                average_execution_time=self._ran / self._completed if self._completed else 0.0,
                priority_distribution=dict(self._scheduled),
                dependency_violations=self._violations,
                scheduler_overheads=tuple(self._overheads),
                last_scheduling_time=self._last,
            )

    def get_queue_status(self) -> dict[str, Any]:
        """``priority_queue_size`` (critical and high) ``ready_queue_size`` (the others) ``blocked_tasks pending_tasks
        total_dependencies scheduling_policy average_scheduler_overhead``.
        """
        with self._lock:
            blocked = [entry for entry in self._pending.values() if self._dependencies.waits(entry)]
            ready = len(self._pending) - len(blocked)
            urgent = sum(entry.ticket >= 0 and entry.task.priority in URGENT for entry in self._pending.values())
            return {
                "priority_queue_size": urgent,
                "ready_queue_size": ready - urgent,
                "blocked_tasks": len(blocked),
                "pending_tasks": len(self._pending),
                "total_dependencies": sum(len(self._dependencies.upstream(entry)) for entry in blocked),
                "scheduling_policy": self.scheduling_policy.value,
                "average_scheduler_overhead": sum(self._overheads) / len(self._overheads) if self._overheads else 0.0,
            }

    # -- inside, under the lock ------------------------------------------------------------------------------------

    def _check(self, task: ModuleTask, wanted: frozenset[str]) -> None:
        if self._shut:
            raise BrainClosedError("shut down")
        if task.task_id in wanted:
            raise DependencyCycleError((task.task_id, task.task_id))
        if task.task_id in self._pending or task.task_id in self._running or task.task_id in self._ended:
            raise InvalidArgumentError(f"Task {task.task_id!r:.80} was scheduled already. Give each its own id.")
        for name in wanted:
            if name not in self._pending and name not in self._running and name not in self._ended:
                raise UnknownDependencyError(str(name))
        if len(self._pending) >= self.max_pending_tasks:
            average = self._ran / self._completed if self._completed else 0.05
            raise QueueFullError(
                "the scheduler", self.max_pending_tasks, max(0.01, average), setting="max_pending_tasks"
            )

    def _lane(self, module: str) -> Lane:
        lane = self._lanes.get(module)
        if lane is None:
            lane = self._lanes[module] = Lane(module)
        return lane

    def _living(self, task_id: str) -> Entry:
        return self._pending.get(task_id) or self._running[task_id]

    def _date(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time())

    def _learn(self, entry: Entry, ran: float) -> None:
        target = (entry.task.module_name, entry.task.method_name)
        known = self._runs.pop(target, ran)
        self._runs[target] = known + _NEWEST * (ran - known)
        if len(self._runs) > _TARGETS_KEPT:
            self._runs.popitem(last=False)

    def _expire(self) -> None:
        """Give up the tasks that have waited for others too long. They stand in the order of their deadlines."""
        until = self._clock.monotonic() - self.dependency_timeout
        while self._blocked and (self._blocked[0].submitted <= until or not self._dependencies.waits(self._blocked[0])):
            entry = self._blocked.popleft()
            if self._dependencies.waits(entry):
                self._violations += 1
                task = entry.task
                self._fail(
                    [(entry, TaskTimeoutError(task.task_id, task.module_name, "queue", self.dependency_timeout))]
                )

    def _upstream(self, entry: Entry, upstream: str) -> UpstreamFailedError:
        return UpstreamFailedError(entry.task.task_id, upstream, self._ended[upstream].value)

    def _fail(self, ending: list[tuple[Entry, BaseException]]) -> None:
        """End tasks that never ran, and with them whatever waits for them."""
        while ending:
            entry, error = ending.pop()
            self._pending.pop(entry.task.task_id, None)
            self._queue.discard(entry)
            self._dependencies.drop(entry)
            entry.task.fail(error, self._date())
            ending += self._end(entry, release=False)

    def _end(self, entry: Entry, *, release: bool = True) -> list[tuple[Entry, BaseException]]:
        """Note the end of a task; the dependents that end with it, ended here already unless ``release`` is false."""
        task = entry.task
        self._ended[task.task_id] = task.state
        if len(self._ended) > _ENDED_KEPT:
            self._ended.popitem(last=False)
        failing: list[tuple[Entry, BaseException]] = []
        for dependent in self._dependencies.met(entry):
            if task.state is not ModuleState.COMPLETED:
                failing.append((dependent, self._upstream(dependent, task.task_id)))
            elif not self._dependencies.waits(dependent):
                self._queue.push(dependent)
        if release:
            self._fail(failing)
            return []
        return failing
