"""`ConcurrentModuleManager`: modules that share an agent's state and run side by side, for programs without a loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from weakref import WeakKeyDictionary

import msgspec
from msgspec import UNSET

from companion_async.brain.assembly import ShutdownReport
from companion_async.brain.brain import Brain
from companion_async.clock import Clock
from companion_async.errors import BrainClosedError, InvalidArgumentError, UnknownModuleError, UnknownTaskError
from companion_async.modules.module import BaseModule
from companion_async.modules.timeout import Timeout
from companion_async.priority import Priority
from companion_async.scheduling.task import Task
from companion_async.sdk.dictionaries import local
from companion_async.sdk.events import ManagerEvents
from companion_async.sdk.executor import CATEGORY, ModuleExecutor
from companion_async.sdk.future import TaskFuture
from companion_async.sdk.mirror import Mirror
from companion_async.sdk.order import TaskOrder
from companion_async.sdk.records import STATES, ModuleMetrics, ModuleState, ModuleTask
from companion_async.sdk.refusals import NotAModuleError, UnknownDependencyError
from companion_async.sdk.resources import ResourceCoordinator
from companion_async.sdk.state import StateCoordinator
from companion_async.sdk.tally import Sums
from companion_async.security import check_seconds

_NO_SUMS = Sums()
_OPTIONS = frozenset({"priority", "max_concurrency", "quota", "timeout", "retry", "depends_on", "offload"})


class Asked(msgspec.Struct, frozen=True):
    """What a task's submitter said that its brain does not keep in the documents' words."""

    max_duration: float | None
    dependencies: frozenset[str]
    callback: Callable[[ModuleTask], Any] | None


class ConcurrentModuleManager:
    """A `Brain` that starts with no modules, on a loop and thread of its own. Any thread may call.

    ``agent_state`` is for the modules; the manager hands it to nobody. ``max_workers`` tasks run at once, at most
    ``max_queue_size`` wait, and each may run ``task_timeout`` seconds unless it says otherwise. ``module_executor``
    has the workers' figures, ``task_scheduler`` policy, quotas and the queue's. ``resource_coordinator`` has the locks
    of what the modules share, ``state_coordinator`` their state, which begins as ``agent_state`` is and is written back
    into it; inside a module ``self.brain.resources`` and ``self.brain.state`` are the same ones. With
    ``enable_monitoring=False`` memory, processor use and peaks are not read.

    Leaving the ``with`` block shuts down. It never keeps the interpreter alive: at exit it shuts down by itself within
    two seconds. ``clock`` is for tests and simulations.
    """

    def __init__(
        self,
        agent_state: Any,
        max_workers: int = 4,
        max_queue_size: int = 100,
        enable_monitoring: bool = True,
        task_timeout: float = 30.0,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.agent_state = agent_state
        self.task_timeout = check_seconds(task_timeout, "task_timeout")
        mirror = Mirror(agent_state)
        self.module_executor = executor = ModuleExecutor(
            max_workers, max_queue_size, enable_monitoring, state=mirror.tree(), clock=clock
        )
        self._desk = executor.desk
        self._began = self.module_executor.clock.monotonic()
        self._modules: dict[str, BaseModule] = {}
        self._limits: dict[str, float | None] = {}
        self._asked: WeakKeyDictionary[Task[Any], Asked] = WeakKeyDictionary()
        self._events = ManagerEvents(self._desk.portal, executor.callbacks)
        self.resource_coordinator = ResourceCoordinator.over(
            self._desk.portal.call(lambda: self._brain.resources), self.task_timeout, executor.clock
        )
        self.state_coordinator = StateCoordinator.over(self._desk.portal, mirror, executor.callbacks)
        self.task_scheduler = TaskOrder(self.module_executor, self._waits_for)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.shutdown()

    def __repr__(self) -> str:
        return f"<ConcurrentModuleManager of {len(self._modules)} modules, {self.max_workers} workers>"

    @property
    def max_workers(self) -> int:
        """How many tasks run at once."""
        return self.module_executor.max_workers

    @property
    def _brain(self) -> Brain:
        return self._desk.brain

    def shutdown(self, timeout: float = 10.0) -> ShutdownReport:
        """Take no more work, let what was accepted end within ``timeout`` seconds, give up the rest and count it.

        Called again it gives the same report; called by an exit handler it takes two seconds at most. States, results
        and figures can still be asked for.
        """
        return self.module_executor.shutdown(timeout)

    # -- modules ---------------------------------------------------------------------------------------------------

    def register_module(self, name: str, module: BaseModule, config: Mapping[str, Any] | None = None) -> None:
        """Take in an instance of `BaseModule`, and call its ``start()`` if it has one.

        ``config`` may hold ``priority max_concurrency quota timeout retry depends_on offload``, which mean what they
        mean for `Brain.register`. A taken name is a ValueError, no `BaseModule` a TypeError.
        """
        if not isinstance(module, BaseModule):
            raise NotAModuleError(name, f"the class {module.__name__}" if isinstance(module, type) else repr(module))
        options = dict(config or {})
        if unknown := [key for key in options if key not in _OPTIONS]:
            raise InvalidArgumentError(f"config has no {unknown[0]!r:.80}. It may hold: {', '.join(sorted(_OPTIONS))}.")
        self._desk.portal.run(self._register, name, module, options)

    async def _register(self, name: str, module: BaseModule, options: dict[str, Any]) -> None:
        limit = options.setdefault("timeout", self.task_timeout)
        await self._brain.register(name, module, category=CATEGORY, **options)
        self._modules[name] = module
        self._limits[name] = Timeout.parse(limit).run
        if self.module_executor.is_paused:
            self.module_executor.hold(name)

    def unregister_module(self, name: str) -> None:
        """Take a module out: its waiting tasks are cancelled, running ones may end. Unknown: a KeyError."""
        self._known(name)
        self._desk.portal.run(self._brain.unregister, name)
        self._modules.pop(name, None)

    def pause_module(self, module_name: str) -> None:
        """Let the module's running work end and hold the rest. Unknown: a KeyError."""
        self._known(module_name)
        self.module_executor.release(module_name)
        self._desk.portal.call(self._brain.pause, module_name)

    def resume_module(self, module_name: str) -> None:
        """Let a paused module go on. Unknown: a KeyError."""
        self._known(module_name)
        self.module_executor.release(module_name)
        self._desk.portal.call(self._brain.resume, module_name)

    def get_module_state(self, module_name: str) -> ModuleState | None:
        """``idle running paused error``, ``completed`` once it is stopped; None if it is unknown."""
        status = self._desk.module(module_name) if module_name in self._modules else None
        if status is None:
            return None
        if status.state == "running":
            return ModuleState.RUNNING if status.running else ModuleState.IDLE
        named = {"paused": ModuleState.PAUSED, "error": ModuleState.ERROR, "stopped": ModuleState.COMPLETED}
        return named.get(status.state, ModuleState.QUEUED)

    def get_module_metrics(self, module_name: str) -> ModuleMetrics | None:
        """The figures of one module; None if it is unknown."""
        status = self._desk.module(module_name) if module_name in self._modules else None
        if status is None:
            return None
        sums = self.module_executor.tally.by_module.get(module_name, _NO_SUMS)
        return ModuleMetrics(
            execution_count=sums.runs,
            total_execution_time=sums.seconds,
            average_execution_time=sums.average,
            error_count=sums.failed,
            last_execution=sums.last,
            peak_memory_usage=self.module_executor.gauge.peak.memory,
            concurrent_executions=status.running,
        )

    def _known(self, name: str) -> None:
        if name not in self._modules:
            raise UnknownModuleError(str(name)[:80], tuple(self._modules), "register_module")

    # -- tasks -----------------------------------------------------------------------------------------------------

    def submit_task(
        self,
        module_name: str,
        method_name: str = "run",
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        priority: Priority | str = Priority.NORMAL,
        max_duration: float | None = None,
        dependencies: Iterable[str] | None = None,
        callback: Callable[[ModuleTask], Any] | None = None,
    ) -> str:
        """Have a module's method run, and return the task's id.

        ``max_duration`` in seconds; if not given, the module's ``timeout`` or the manager's ``task_timeout``.
        ``dependencies`` are ids of tasks to wait for: if one of them does not complete, this task ends in error and
        never runs. ``callback(task)`` is called once at the end, with the `ModuleTask`; what it raises harms nothing.

        Raises, and has submitted nothing: for an unknown module what is a ValueError and a KeyError; for an unknown
        method or dependency, or a bad argument, a ValueError; when the queue is full (`QueueFullError`), the module is
        stopped, or the manager shuts down (`BrainClosedError`), a RuntimeError.
        """
        if isinstance(args, str) or not isinstance(args, Sequence):
            raise InvalidArgumentError(f"args must be a tuple of arguments, such as (value,); {args!r:.80} is not.")
        if kwargs is not None and not isinstance(kwargs, Mapping):
            raise InvalidArgumentError(f"kwargs must be a dict; {kwargs!r:.80} is not.")
        if not isinstance(method_name, str):
            raise InvalidArgumentError(f"method_name must name a public method; {method_name!r:.80} does not.")
        if callback is not None and not callable(callback):
            raise InvalidArgumentError(f"callback must be callable; {callback!r:.80} is not.")
        if isinstance(dependencies, str):
            raise InvalidArgumentError("dependencies must be a set of ids, such as {task_id}; one string is not.")
        asked = Asked(
            None if max_duration is None else check_seconds(max_duration, "max_duration"),
            frozenset(dependencies or ()),
            callback,
        )
        level = Priority.parse(priority)
        if self._desk.portal.closed:
            raise BrainClosedError("shutting down")
        self._known(module_name)
        task_id: str = self._desk.portal.call(
            self._submit, module_name, method_name, tuple(args), dict(kwargs or {}), level, asked
        )
        return task_id

    def _submit(
        self, module: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], level: Priority, asked: Asked
    ) -> str:
        brain = self._brain
        upstream: list[Task[Any]] = []
        for dependency in asked.dependencies:
            try:
                upstream.append(brain.task(dependency))
            except UnknownTaskError:
                raise UnknownDependencyError(str(dependency)) from None
        timeout: Any = UNSET if asked.max_duration is None else asked.max_duration
        began = time.perf_counter()
        task = brain.submit(
            module,
            method,
            *args,
            kwargs=kwargs or None,
            priority=level,
            timeout=timeout,
            after=upstream,
            callback=None if asked.callback is None else self._call_back,
        )
        self._asked[task] = asked
        self.task_scheduler.scheduled(level, time.perf_counter() - began)
        if self._events.wants_queued:
            record = self._record(task)
            record.args, record.kwargs = args, kwargs
            self._events.queued(record)
        return task.id

    def _call_back(self, task: Task[Any]) -> None:
        asked = self._asked[task]
        if asked.callback is not None:
            self.module_executor.callbacks.call(asked.callback, self._record(task))

    def get_task_status(self, task_id: str) -> ModuleState | None:
        """``queued running completed error cancelled``; None if the task is unknown, or has left the history."""
        task = self._desk.task(task_id)
        return None if task is None else STATES[task.state]

    def get_task(self, task_id: str) -> ModuleTask | None:
        """A copy of everything that is known of a task: state, moments, result, error. Its arguments are not kept."""
        task = self._desk.task(task_id)
        return None if task is None else self._record(task)

    def get_task_result(self, task_id: str, timeout: float | None = None) -> Any:
        """Wait for the task: its result, or its error raised. `TimeoutError` after ``timeout`` seconds, and the task
        goes on. Called inside a module it lends the worker meanwhile.
        """
        return self.get_task_future(task_id).result(timeout)

    def get_task_future(self, task_id: str) -> TaskFuture[Any]:
        """The task's end as a `concurrent.futures.Future`, which a coroutine on any event loop may await as well."""
        return self._desk.future(task_id)

    def cancel_task(self, task_id: str) -> bool:
        """Queued: it never runs. Running: its waiters are told at once and the work is signalled; a plain function that
        does not listen runs on, its worker replaced. False if it has ended, or is unknown.
        """
        return self._desk.cancel(task_id)

    def _waits_for(self, task: Task[Any]) -> frozenset[str]:
        asked = self._asked.get(task)
        return frozenset() if asked is None else asked.dependencies

    def _record(self, task: Task[Any]) -> ModuleTask:
        asked = self._asked.get(task)
        limit = None if asked is None else asked.max_duration
        if limit is None:
            limit = self._limits.get(task.module)
        record = ModuleTask(
            task.id,
            task.module,
            task.target,
            priority=task.priority,
            max_duration=limit,
            dependencies=frozenset() if asked is None else asked.dependencies,
            callback=None if asked is None else asked.callback,
            created_at=local(task.submitted_at),
        )
        record.follow(task)
        return record

    # -- the whole -------------------------------------------------------------------------------------------------

    def get_system_status(self) -> dict[str, Any]:
        """``registered_modules active_tasks running_tasks queued_tasks completed_tasks is_paused is_shutdown
        uptime_seconds``: active are those that run, wait for a worker or for others; completed those that succeeded.
        """
        tasks = [task for task in self._desk.tasks() if ":" not in task.module]
        states = [STATES[task.state] for task in tasks]
        running, queued = states.count(ModuleState.RUNNING), states.count(ModuleState.QUEUED)
        return {
            "registered_modules": len(self._modules),
            "active_tasks": running + queued,
            "running_tasks": running,
            "queued_tasks": queued,
            "completed_tasks": self.module_executor.tally.total.completed,
            "is_paused": self.module_executor.is_paused,
            "is_shutdown": self._desk.portal.closed,
            "uptime_seconds": self.module_executor.clock.monotonic() - self._began,
        }

    def add_event_callback(self, event_type: str, callback: Callable[..., Any]) -> None:
        """Have ``callback`` called at each ``module_started module_completed module_error task_queued task_completed
        system_overload``; what each is given says `ManagerEvents`. An unknown type is a ValueError.
        """
        self._events.add(event_type, callback)

    def remove_event_callback(self, event_type: str, callback: Callable[..., Any]) -> bool:
        """Forget one registration; False if there is none."""
        return self._events.remove(event_type, callback)
