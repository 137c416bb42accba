"""`ModuleExecutor`: a bounded number of workers, and what can be measured of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import copy
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from weakref import WeakKeyDictionary

from companion_async.brain.assembly import ShutdownReport
from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.clock import Clock, SystemClock
from companion_async.errors import InvalidArgumentError, ModuleUnavailableError, UnknownModuleError, UnknownTargetError
from companion_async.events.kinds import Event
from companion_async.modules.handlers import collect
from companion_async.scheduling.context import current_seat
from companion_async.scheduling.policies import SchedulingPolicy
from companion_async.scheduling.task import Task
from companion_async.sdk.callbacks import CallbackThread
from companion_async.sdk.desk import Desk
from companion_async.sdk.dictionaries import local
from companion_async.sdk.future import TaskFuture
from companion_async.sdk.gauge import Gauge, resident_bytes
from companion_async.sdk.records import ExecutorMetrics, ModuleTask, ThreadInfo
from companion_async.sdk.tally import ENDS, Sums, Tally
from companion_async.security import check_count, check_seconds

CATEGORY = "modules"
LANE = "module-executor"
"""The module in whose place `ModuleExecutor.execute_task` runs what it is given."""

_HOOK_THREADS = 6
_FEWEST_SPARE = 4
# Work that fails is an answer here, and no reason to stop a module: the documents know no healing.
_NEVER = 1_000_000_000


class ModuleExecutor:
    """A `Brain` with one category of exactly ``max_workers`` slots, on a loop and thread of its own.

    At most ``max_queue_size`` tasks wait. A run that passes its limit is given up at once and, should its thread not
    end within five seconds, replaced: it neither costs a worker nor holds up the interpreter. As many threads as there
    are workers, and four at least, may be stuck that way; then the module that they belong to is stopped.

    With ``enable_monitoring`` memory, processor use, threads and load are read every five seconds, and whenever they
    are asked for. Every ``cleanup_interval`` seconds idle threads, all but one, are sent home. Any thread may call.
    ``state`` is what the brain's shared state begins with; ``clock`` is for tests and simulations.
    """

    def __init__(
        self,
        max_workers: int = 4,
        max_queue_size: int = 100,
        enable_monitoring: bool = True,
        cleanup_interval: float = 300,
        *,
        policy: SchedulingPolicy = SchedulingPolicy.WEIGHTED_PRIORITY,
        state: Any = None,
        clock: Clock | None = None,
    ) -> None:
        self.max_workers = check_count(max_workers, "max_workers", maximum=10_000)
        self.max_queue_size = check_count(max_queue_size, "max_queue_size")
        self.cleanup_interval = check_seconds(cleanup_interval, "cleanup_interval")
        self.enable_monitoring = bool(enable_monitoring)
        self.clock = clock if clock is not None else SystemClock()
        spare = max(_FEWEST_SPARE, max_workers)
        config = BrainConfig(
            categories={CATEGORY: max_workers},
            max_threads=max_workers + spare + _HOOK_THREADS,
            abandoned_budget=spare,
            auto_scaling=False,
            queue_capacity=max_queue_size,
            default_timeout=None,
            failure_threshold=_NEVER,
            policy=policy,
            plugins=False,
        )
        self.gauge = Gauge(CATEGORY)
        self._last_cleanup: datetime | None = None
        self._held: set[str] = set()
        self._paused = False
        self._active: dict[str, Task[Any]] = {}
        self._records: WeakKeyDictionary[Task[Any], ModuleTask] = WeakKeyDictionary()
        self.callbacks = CallbackThread("companion callbacks")
        self.desk: Desk[Brain] = Desk(lambda: Brain(config, clock=self.clock, state=state), name="companion modules")
        self.tally = Tally(self.desk.brain.task)
        self.desk.portal.run(self._open)

    async def _open(self) -> None:
        brain = self.desk.brain
        await brain.register(LANE, _call, category=CATEGORY)
        for kind in ENDS:
            brain.events.add_handler(kind, self.tally.take)
        if self.enable_monitoring:
            brain.events.add_handler("health.checked", self._watch)
        self.desk.portal.start(self._tidy)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.shutdown()

    def shutdown(self, timeout: float = 30) -> ShutdownReport:
        """Accepted work may end within ``timeout`` seconds, the rest is given up and counted. At exit: two seconds."""
        report = self.desk.shutdown(timeout)
        self.callbacks.close(1.0)
        return report

    # -- work ------------------------------------------------------------------------------------------------------

    def execute_task(self, task: ModuleTask, module: Any) -> TaskFuture[Any]:
        """Have ``module``'s method run as the task says, and return its end as a future.

        `QueueFullError` (a RuntimeError) when as many wait as may, `BrainClosedError` (one too) after the shutdown,
        `UnknownTargetError` for what is no public method. Dependencies are a scheduler's matter, and not looked at.
        """
        if not isinstance(task, ModuleTask):
            raise InvalidArgumentError(f"task must be a ModuleTask; {type(task).__name__} is none.")
        methods = collect(module)
        if task.method_name not in methods:
            raise UnknownTargetError(task.module_name, str(task.method_name)[:80], tuple(sorted(methods)))
        future: TaskFuture[Any] = self.desk.portal.call(self._execute, task, getattr(module, task.method_name))
        return future

    def _execute(self, record: ModuleTask, function: Callable[..., Any]) -> TaskFuture[Any]:
        if record.task_id in self._active:
            raise InvalidArgumentError(f"Task {record.task_id!r:.80} is being executed already. Give each its own id.")
        task = self.desk.brain.submit(
            LANE,
            function,
            *record.args,
            kwargs=dict(record.kwargs) or None,
            priority=record.priority,
            timeout=record.max_duration,
        )
        record.follow(task)
        self._active[record.task_id] = task
        self._records[task] = record
        future: TaskFuture[Any] = TaskFuture(task)
        self.desk.portal.follow(future, lambda: self._outcome(task, record))
        return future

    async def _outcome(self, task: Task[Any], record: ModuleTask) -> Any:
        # The record is up to date, and the id free again, before anybody hears of the end.
        try:
            return await task.wait()
        finally:
            record.follow(task)
            del self._active[record.task_id]
            if record.callback is not None:
                self.callbacks.call(record.callback, record)

    def cancel_task(self, task_id: str) -> bool:
        """Queued: it never runs. Running: its waiters are told at once and the work is signalled; a plain function that
        does not listen runs on, its slot replaced. False if it has ended, or is not known.
        """
        task = self._active.get(task_id)
        return self.desk.cancel(task_id if task is None else task.id)

    def wait_for_completion(self, timeout: float | None = None) -> list[str]:
        """Wait until what is queued or running now has ended, at most ``timeout`` seconds; the ids of what has.

        Called inside work, that work itself is not waited for.
        """
        seat = current_seat()
        ended: list[str] = self.desk.portal.run(self._wait, timeout, None if seat is None else seat.job)
        return ended

    async def _wait(self, timeout: float | None, caller: Any) -> list[str]:
        tasks = [task for task in self.desk.brain.tasks(limit=1_000_000) if not task.done() and ":" not in task.module]
        tasks = [task for task in reversed(tasks) if task is not caller]
        await asyncio.gather(*(task.wait(timeout) for task in tasks), return_exceptions=True)
        return [self._records[task].task_id if task in self._records else task.id for task in tasks if task.done()]

    # -- pause -----------------------------------------------------------------------------------------------------

    @property
    def is_paused(self) -> bool:
        """Whether `pause` holds the work."""
        return self._paused

    def pause(self) -> None:
        """Let what runs end and hold the rest; no worker is occupied by it."""
        self.desk.portal.call(self._pause)

    def resume(self) -> None:
        """Take back `pause`. A module that was paused for itself stays so."""
        self.desk.portal.call(self._resume)

    def _pause(self) -> None:
        self._paused = True
        for name, module in self.desk.brain.status().module_threads.items():
            if module.state != "paused":
                self.hold(name)

    def hold(self, name: str) -> None:
        """Hold one module with the others. Loop only."""
        try:
            self.desk.brain.pause(name)
        except ModuleUnavailableError:  # stopped: nothing of it runs
            return
        self._held.add(name)

    def _resume(self) -> None:
        self._paused = False
        held, self._held = self._held, set()
        for name in held:
            try:
                self.desk.brain.resume(name)
            except (ModuleUnavailableError, UnknownModuleError):
                continue

    def release(self, name: str) -> None:
        """One module has a pause, or none, of its own from now on. Any thread."""
        self._held.discard(name)

    # -- figures ---------------------------------------------------------------------------------------------------

    def get_queue_size(self) -> int:
        """Tasks that wait for a worker."""
        return self.desk.status().categories[CATEGORY].queued

    def get_active_task_count(self) -> int:
        """Tasks that run."""
        return self.desk.status().categories[CATEGORY].active

    def get_metrics(self) -> ExecutorMetrics:
        """The figures now, and the peaks so far."""
        gauge = self.gauge
        total = self.desk.read(self._measure, lambda last: copy(self.tally.total))
        return ExecutorMetrics(
            tasks_executed=total.runs,
            tasks_failed=total.failed,
            tasks_timed_out=total.timed_out,
            total_execution_time=total.seconds,
            average_execution_time=total.average,
            memory_usage=gauge.now.memory,
            peak_memory_usage=gauge.peak.memory,
            thread_count=gauge.now.threads,
            peak_thread_count=gauge.peak.threads,
            current_load=gauge.now.load,
            peak_load=gauge.peak.load,
            cpu_percent=gauge.now.cpu_percent,
            peak_cpu_percent=gauge.peak.cpu_percent,
            last_cleanup=self._last_cleanup,
        )

    def _measure(self) -> Sums:
        if self.enable_monitoring:
            self.gauge.read(self.desk.brain.status(), resident_bytes())
        return copy(self.tally.total)

    def _watch(self, event: Event) -> None:
        self.gauge.read(self.desk.brain.status())

    def get_thread_info(self) -> dict[int, ThreadInfo]:
        """The worker threads by their id, abandoned ones among them."""
        status = self.desk.status()
        now, memory = local(status.timestamp), resident_bytes()
        return {
            worker.native_id: ThreadInfo(
                thread_id=worker.native_id,
                thread_name=worker.name,
                task_id=worker.task_id,
                started_at=None if worker.running_seconds is None else now - timedelta(seconds=worker.running_seconds),
                memory_usage=memory,
                is_busy=worker.state != "idle",
            )
            for worker in status.categories[CATEGORY].workers
            if worker.native_id is not None
        }

    def get_status_summary(self) -> dict[str, Any]:
        """``max_workers active_tasks queue_size is_paused is_shutdown thread_count metrics``."""
        metrics, category = self.get_metrics(), self.desk.status().categories[CATEGORY]
        return {
            "max_workers": self.max_workers,
            "active_tasks": category.active,
            "queue_size": category.queued,
            "is_paused": self._paused,
            "is_shutdown": self.desk.portal.closed,
            "thread_count": category.total,
            "metrics": {
                "tasks_executed": metrics.tasks_executed,
                "tasks_failed": metrics.tasks_failed,
                "tasks_timed_out": metrics.tasks_timed_out,
                "current_load": metrics.current_load,
                "peak_memory_mb": metrics.peak_memory_usage / 2**20,
                "peak_threads": metrics.peak_thread_count,
            },
        }

    async def _tidy(self) -> None:
        while True:
            await self.clock.sleep(self.cleanup_interval)
            if self.desk.portal.closed:
                return
            self._clean()

    def _clean(self) -> None:
        """Send idle threads home: lowered to what is busy, and raised again at once, the limit lets them go."""
        brain = self.desk.brain
        brain.resize(CATEGORY, max(1, brain.status().categories[CATEGORY].active))
        brain.resize(CATEGORY, self.max_workers)
        self._last_cleanup = datetime.fromtimestamp(self.clock.time())


def _call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)
