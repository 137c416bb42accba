"""`Brain`: the runtime a user holds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

from msgspec import UNSET

from companion_async.autonomy.decision import Decision
from companion_async.brain.affinity import pin
from companion_async.brain.assembly import Assembly, ShutdownReport
from companion_async.brain.config import BrainConfig
from companion_async.brain.executor import CategoryExecutor
from companion_async.brain.mapping import map_tasks
from companion_async.clock import Clock, SystemClock
from companion_async.errors import BrainClosedError, InvalidArgumentError, WrongThreadError
from companion_async.events.bus import EventBus
from companion_async.modules.restart import RestartPolicy
from companion_async.modules.retry import RetryPolicy
from companion_async.modules.spec import ModuleSpec
from companion_async.modules.timeout import Timeout
from companion_async.priority import Priority
from companion_async.scheduling.policies import SchedulingPolicy
from companion_async.scheduling.task import Task, TaskState
from companion_async.scheduling.ticker import Ticker
from companion_async.security import check_count, check_seconds
from companion_async.status.module import ModuleStatus
from companion_async.status.system import SystemStatus

T = TypeVar("T")


class Brain:
    """Modules, their tasks, and the threads they run in, on one running event loop.

    ``async with Brain() as brain`` starts it and shuts it down gracefully; `start` and `shutdown` do the same by hand,
    from any task of the loop. Everything here is for the loop's thread: work uses `current_task`, other threads use
    `executor`. ``clock`` and ``seed`` (ids and jitter) are for tests and simulations.
    """

    def __init__(
        self, config: BrainConfig | None = None, *, clock: Clock | None = None, seed: int | None = None
    ) -> None:
        if config is not None and not isinstance(config, BrainConfig):
            raise InvalidArgumentError(f"config must be a BrainConfig; {type(config).__name__} is not.")
        self.config = config if config is not None else BrainConfig()
        self._clock = clock if clock is not None else SystemClock()
        self._seed = seed
        self._parts: Assembly | None = None
        self._thread = 0
        self._report: ShutdownReport | None = None
        self._ending: Any = None

    # -- life ------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.shutdown()

    async def start(self) -> Self:
        """Take work from here on. Starting a running brain does nothing; one that was shut down stays so."""
        if self._parts is not None:
            if self._parts.scheduler.phase == "running":
                return self
            raise BrainClosedError(self._parts.scheduler.phase)
        self._parts = Assembly(self, self.config, self._clock, self._seed)
        self._thread = threading.get_ident()
        try:
            await self._parts.start()
        except BaseException:
            self._parts = None
            raise
        return self

    async def shutdown(self, timeout: float = 15.0) -> ShutdownReport:
        """Refuse new work, let accepted work end within ``timeout`` seconds, give up the rest, stop the modules.

        Never waits for a thread that is stuck: such threads are in the report, and hold the interpreter at its exit
        until they end. Called again, it gives the same report. Cancelled, it goes on in the background.
        """
        check_seconds(timeout, "timeout", zero=True)
        if self._report is not None:
            return self._report
        parts = self._assembly("shutdown()")
        if self._ending is None:
            self._ending = parts.loop.create_task(parts.shutdown(timeout), name="companion shutdown")
        report: ShutdownReport = await asyncio.shield(self._ending)
        self._report = report
        return report

    @property
    def phase(self) -> str:
        """``not started``, ``running``, ``shutting down`` or ``shut down``. Any thread."""
        return "not started" if self._parts is None else self._parts.scheduler.phase

    # -- work ------------------------------------------------------------------------------------------------------

    def submit(
        self,
        module: str,
        target: str | Callable[..., Any] = "run",
        /,
        *args: Any,
        kwargs: dict[str, Any] | None = None,
        priority: Priority | str | None = None,
        timeout: Timeout | float | None = UNSET,  # type: ignore[assignment]
        after: Iterable[Task[Any] | str] = (),
        on_upstream_failure: str = "fail",
        retry: RetryPolicy | int | None = None,
        key: str | None = None,
        on_full: str | None = None,
        callback: Callable[[Task[Any]], Any] | None = None,
    ) -> Task[Any]:
        """Have a module's handler, or any callable in the module's place, run; returns at once with its `Task`.

        ``def`` runs in a thread of the module's category, ``async def`` on the loop under the same limits, a generator
        streams. Whatever is wrong with the arguments is raised here, and nothing is left behind. ``timeout`` in seconds
        limits the run; None is no limit; left out, the module's holds. Names, defaults and meanings: ``docs``.
        """
        parts = self._parts
        if parts is None:
            raise BrainClosedError("not started")
        return parts.scheduler.submit(
            module,
            target,
            *args,
            kwargs=kwargs,
            priority=priority,
            timeout=timeout,
            after=after,
            on_upstream_failure=on_upstream_failure,
            retry=retry,
            key=key,
            on_full=on_full,
            callback=callback,
        )

    async def map(
        self,
        module: str,
        target: str | Callable[..., Any],
        items: Iterable[Any] | AsyncIterable[Any],
        *,
        limit: int = 8,
        ordered: bool = False,
        return_exceptions: bool = False,
        **options: Any,
    ) -> AsyncIterator[Any]:
        """One task per item, at most ``limit`` in flight: yields the results as they come, or in order.

        The first error is raised and the rest cancelled, unless ``return_exceptions`` yields errors as results. Leaving
        the loop early cancels what is in flight. ``options`` are those of `submit`.
        """
        check_count(limit, "limit")
        options.setdefault("on_full", "wait")
        results = map_tasks(
            lambda item: self.submit(module, target, item, **options),
            items,
            limit=limit,
            ordered=ordered,
            return_exceptions=return_exceptions,
        )
        try:
            async for result in results:
                yield result
        finally:
            await results.aclose()  # type: ignore[attr-defined]

    async def to_thread(
        self,
        function: Callable[..., T],
        /,
        *args: Any,
        category: str = "core",
        priority: Priority | str | None = None,
        timeout: Timeout | float | None = None,
        **kwargs: Any,
    ) -> T:
        """`asyncio.to_thread` in a category's slots: no module needed. Cancelling the wait cancels the task."""
        name = self._category(category)
        task = self.submit(name, function, *args, kwargs=kwargs or None, priority=priority, timeout=timeout)
        return await task  # type: ignore[no-any-return]

    def executor(self, category: str = "core") -> CategoryExecutor:
        """A `concurrent.futures.Executor` over the category, to be used from any thread."""
        return CategoryExecutor(self, self._category(category))

    def every(
        self, module: str, target: str | Callable[..., Any] = "run", /, *args: Any, period: float, **options: Any
    ) -> Ticker:
        """Submit the same work every ``period`` seconds, drift-free; an instant whose predecessor still runs is skipped.

        Ends with ``ticker.stop()`` or with the brain. ``options`` are those of `submit`.
        """
        parts = self._assembly("every()")
        check_seconds(period, "period")
        port = parts.scheduler.port(module)
        if isinstance(target, str):
            port.find(target)
        return Ticker(
            parts.scheduler.timers, self._clock, float(period), lambda: self.submit(module, target, *args, **options)
        )

    def task(self, task_id: str) -> Task[Any]:
        """The task of that id; `UnknownTaskError` once it has left the history."""
        return self._assembly("task()").scheduler.find(task_id)

    def tasks(
        self, state: TaskState | str | None = None, module: str | None = None, limit: int = 100
    ) -> list[Task[Any]]:
        """Tasks that are known, the newest first."""
        check_count(limit, "limit", maximum=1_000_000)
        wanted = None
        if state is not None:
            try:
                wanted = TaskState(state)
            except ValueError:
                raise InvalidArgumentError(
                    f"state must be one of {', '.join(TaskState)}; {state!r:.80} is not."
                ) from None
        found: list[Task[Any]] = []
        for task in reversed(self._assembly("tasks()").scheduler.history.tasks.values()):
            if (wanted is None or task.state is wanted) and (module is None or task.module == module):
                found.append(task)
                if len(found) == limit:
                    break
        return found

    def cancel(self, task_id: str, reason: str = "") -> bool:
        """`Task.cancel` by id."""
        return self.task(task_id).cancel(reason)

    # -- modules ---------------------------------------------------------------------------------------------------

    async def register(
        self,
        name: str,
        module: Any = None,
        *,
        category: str = "core",
        priority: Priority | str = "medium",
        max_concurrency: int | None = None,
        quota: int = 1,
        timeout: Timeout | float | None = UNSET,  # type: ignore[assignment]
        retry: RetryPolicy | int | None = None,
        restart: RestartPolicy | None = None,
        factory: Callable[[], Any] | None = None,
        depends_on: Iterable[str] = (),
        offload: str = "thread",
    ) -> None:
        """Register a class (a restart makes a fresh instance), an instance or a plain function, and start it.

        Returns when it is up, or stands in ``error`` and is being healed, or waits for what it depends on.
        """
        await self.register_all(
            [
                ModuleSpec(
                    name,
                    module,
                    category,
                    priority,
                    max_concurrency,
                    quota,
                    timeout,
                    retry,
                    RestartPolicy() if restart is None else restart,
                    factory,
                    depends_on,
                    offload,
                )
            ]
        )

    async def register_all(self, specs: Iterable[ModuleSpec]) -> None:
        """Register all or, with an error, none; each is started after those it depends on."""
        await self._assembly("register()").roster.register(specs)

    async def unregister(self, name: str) -> None:
        """Take a module out: its waiting tasks are cancelled, running ones may end within ``cancel_grace``."""
        await self._assembly("unregister()").roster.unregister(name)

    def pause(self, name: str, reason: str = "") -> None:
        """Hold a module's work: what runs ends, the rest waits, nothing is lost."""
        parts = self._assembly("pause()")
        parts.roster.pause(name)
        self._word("pause", name, reason)

    def resume(self, name: str, reason: str = "") -> None:
        """Let a paused module go on; start a stopped or quarantined one again, with its restarts forgiven."""
        parts = self._assembly("resume()")
        parts.roster.resume(name)
        self._word("resume", name, reason)

    async def restart(self, name: str, reason: str = "") -> bool:
        """Stop a module and start it afresh once its running work has ended, at most ``cancel_grace`` later; whether
        it is up. Waiting tasks run on the new instance.
        """
        up = await self._assembly("restart()").roster.restart(name)
        self._word("restart", name, reason)
        return up

    async def drain(self, name: str | None = None) -> None:
        """Return when every task accepted by now, of the module or of all, has ended."""
        parts = self._assembly("drain()")
        if name is not None:
            parts.roster.registry.get(name)
        await parts.roster.ended(
            [task for task in parts.scheduler.history if task.ended < 0 and name in (None, task.module)], None
        )

    def set_quota(self, name: str, quota: int) -> None:
        """Change a module's weight in fair shares, from the next dispatch on."""
        self._assembly("set_quota()").roster.set_quota(name, quota)

    def pin(self, name: str, cpus: Iterable[int]) -> None:
        """Keep the threads of a category, or the runs of a module, on these processors; none lifts it.

        Where the system has no thread affinity (macOS, Windows) this raises `InvalidArgumentError`.
        """
        pin(self._assembly("pin()"), name, cpus)

    # -- scheduling and state --------------------------------------------------------------------------------------

    def set_policy(self, policy: SchedulingPolicy | str) -> None:
        """Switch the order of all queues; nothing is lost, and each queue is rebuilt once."""
        parts = self._assembly("set_policy()")
        try:
            chosen = SchedulingPolicy(policy)
        except ValueError:
            raise InvalidArgumentError(
                f"policy must be one of {', '.join(p.value for p in SchedulingPolicy)}; {policy!r:.80} is not."
            ) from None
        parts.scheduler.use_policy(chosen)

    def resize(self, category: str, limit: int) -> None:
        """Change how many slots a category may have, up to ``max_threads``. Running work is never touched."""
        parts = self._assembly("resize()")
        self._category(category)
        check_count(limit, "limit", maximum=self.config.max_threads)
        parts.resize(category, limit, "asked for")

    @property
    def events(self) -> EventBus:
        """The event bus: ``async with brain.events.subscribe("task.*") as stream``."""
        return self._assembly("events").bus

    def decisions(self, limit: int = 50) -> list[Decision]:
        """What the brain decided by itself lately, the newest last."""
        check_count(limit, "limit", maximum=1_000_000)
        return list(self._assembly("decisions()").decisions.log.recent(limit))

    def status(self) -> SystemStatus:
        """The whole runtime at this moment."""
        return self._assembly("status()").pictures.system()

    def module_status(self, name: str) -> ModuleStatus:
        """One module at this moment."""
        parts = self._assembly("module_status()")
        return parts.pictures.module(parts.roster.registry.get(name))

    # -- inside ----------------------------------------------------------------------------------------------------

    def on_loop_thread(self) -> bool:
        """Whether the caller runs on the thread of the brain's loop. Any thread."""
        return threading.get_ident() == self._thread

    def post(self, deliver: Callable[[Any], None], content: Any) -> None:
        """Have ``deliver(content)`` called on the loop. Any thread."""
        if self._parts is None:
            raise BrainClosedError("not started")
        self._parts.scheduler.mailbox.post(deliver, content)

    def _assembly(self, operation: str) -> Assembly:
        if self._parts is None:
            raise BrainClosedError("not started")
        if threading.get_ident() != self._thread:
            raise WrongThreadError(operation)
        return self._parts

    def _category(self, name: str) -> str:
        known = self.config.categories
        if name not in known:
            raise InvalidArgumentError(
                f"{name!r:.80} is no category. Known: {', '.join(known)}; add your own in the config."
            )
        return f"category:{name}"

    def _word(self, type: str, name: str, reason: str) -> None:
        if reason and self._parts is not None:
            self._parts.decisions.record(type, name, {"by": "a person"}, reason, rule="person")
