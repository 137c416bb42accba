"""`Brain`: the runtime a user holds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
from msgspec import UNSET, UnsetType

from companion_async.autonomy.decision import Decision
from companion_async.brain.assembly import Assembly, ReadProcess, ShutdownReport
from companion_async.brain.config import BrainConfig
from companion_async.brain.executor import CategoryExecutor
from companion_async.brain.mapping import map_tasks
from companion_async.brain.modules import BrainModules
from companion_async.brain.plug_ins import register_plug_ins
from companion_async.clock import Clock, SystemClock
from companion_async.errors import BrainClosedError, InvalidArgumentError, WrongThreadError
from companion_async.events.bus import EventBus
from companion_async.events.channel import Channel, Overflow
from companion_async.locks.coordinator import ResourceCoordinator
from companion_async.modules.retry import RetryPolicy
from companion_async.modules.timeout import Timeout
from companion_async.priority import Priority
from companion_async.scheduling.policies import SchedulingPolicy
from companion_async.scheduling.task import Task, TaskState
from companion_async.scheduling.ticker import Ticker
from companion_async.scheduling.traces import check_installed
from companion_async.security import check_count, check_seconds
from companion_async.state.coordinator import StateCoordinator
from companion_async.status.system import SystemStatus

T = TypeVar("T")


class Brain(BrainModules):
    """Modules, their tasks, and the threads they run in, on one running event loop.

    ``async with Brain() as brain`` starts it and shuts it down gracefully; `start` and `shutdown` do the same by hand,
    from any task of the loop. Everything here is for the loop's thread: work uses `current_task`, other threads use
    `executor`. ``state`` is what the shared state begins with: a dict, or an object's public attributes. ``clock``,
    ``seed`` (ids and jitter) and ``read_process`` are for tests and simulations: on a clock other than the system's
    there is no watchdog, and no figures of the process but those of ``read_process``.
    """

    def __init__(
        self,
        config: BrainConfig | None = None,
        *,
        clock: Clock | None = None,
        seed: int | None = None,
        read_process: ReadProcess | None = None,
        state: Any = None,
    ) -> None:
        if config is not None and not isinstance(config, BrainConfig):
            raise InvalidArgumentError(f"config must be a BrainConfig; {type(config).__name__} is not.")
        self.config = config if config is not None else BrainConfig()
        if self.config.tracing.enabled:
            check_installed()
        self._clock = clock if clock is not None else SystemClock()
        self._seed = seed
        self._read_process = read_process
        self._beginning = state
        self._parts: Assembly | None = None
        self._thread = 0
        self._report: ShutdownReport | None = None
        self._ending: asyncio.Task[ShutdownReport] | None = None

    # -- life ------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.shutdown()

    async def start(self) -> Self:
        """Take work from here on. Starting a running brain does nothing; one that is starting or was shut down refuses.

        With an error, a cancellation included, everything that had come up is down again, and it may be tried again.
        """
        if self._parts is not None:
            if self._parts.scheduler.phase == "running":
                self._at_home("start()")
                return self
            raise BrainClosedError(self._parts.scheduler.phase)
        parts = self._parts = Assembly(self, self.config, self._clock, self._seed, self._read_process, self._beginning)
        self._thread = threading.get_ident()
        parts.scheduler.phase = "starting"
        try:
            await parts.start()
            await self._move_in()
        except BaseException:
            shut_down = self._ending is not None
            with anyio.CancelScope(shield=True):
                await self._end(parts, 0.0)
            if not shut_down:
                self._parts = self._ending = None
            raise
        return self

    async def _move_in(self) -> None:
        """Register the modules that are there from the start."""
        if self.config.plugins:
            await register_plug_ins(self._open("start()"))

    async def shutdown(self, timeout: float = 15.0) -> ShutdownReport:
        """Refuse new work, let accepted work end within ``timeout`` seconds, give up the rest, stop the modules.

        Never waits for a thread that is stuck: such threads are in the report, and hold the interpreter at its exit
        until they end. What is given up at ``timeout`` has a last word beyond it: a thread that was signalled a quarter
        of a second, coroutines, the modules' ``stop`` and idle threads a second each. Called again, it gives the same
        report. Cancelled, it goes on in the background.
        """
        check_seconds(timeout, "timeout", zero=True)
        if self._report is not None:
            return self._report
        self._report = report = await self._end(self._assembly("shutdown()"), timeout)
        return report

    async def _end(self, parts: Assembly, timeout: float) -> ShutdownReport:
        if self._ending is None:
            self._ending = parts.loop.create_task(parts.shutdown(timeout), name="companion shutdown")
        return await asyncio.shield(self._ending)

    @property
    def phase(self) -> str:
        """``not started``, ``starting``, ``running``, ``shutting down`` or ``shut down``. Any thread."""
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
        timeout: Timeout | float | UnsetType | None = UNSET,
        after: Task[Any] | str | Iterable[Task[Any] | str] = (),
        on_upstream_failure: str = "fail",
        retry: RetryPolicy | int | None = None,
        key: str | None = None,
        on_full: str | None = None,
        callback: Callable[[Task[Any]], Any] | None = None,
    ) -> Task[Any]:
        """Have a module's handler, or any callable in the module's place, run; returns at once with its `Task`.

        ``def`` runs in a thread of the module's category, ``async def`` on the loop under the same limits, a generator
        streams. Whatever is wrong with the arguments is raised here, and nothing is left behind. ``timeout`` in seconds
        limits the run, a `Timeout` each span; None is no limit; left out, the module's holds. The task waits for those
        in ``after`` (tasks or ids); if one does not complete, it is to ``"fail"``, ``"skip"`` (cancelled) or ``"run"``.
        ``retry``: a `RetryPolicy`, or so many runs in all. The same ``key`` gives the same task while the history has
        it. In a full queue ``on_full="wait"`` waits its turn, ``"reject"`` raises `QueueFullError`.
        """
        parts = self._parts
        if parts is None:
            raise BrainClosedError("not started")
        submit = parts.submit  # fetched before it is called: the interpreter's short way, to what is no method
        return submit(
            module, target, args, kwargs, priority, timeout, after, on_upstream_failure, retry, key, on_full, callback
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
        self._at_home("map()")
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
        self,
        module: str,
        target: str | Callable[..., Any] = "run",
        /,
        *args: Any,
        period: float,
        spread: bool = False,
        **options: Any,
    ) -> Ticker:
        """Submit the same work every ``period`` seconds, drift-free; while one still runs its successors are skipped.

        The first run comes at once. With ``spread`` those that follow lie apart from those of other tickers of that
        period, the second nearer than a period: thousands made in one go would otherwise come together for ever. Ends
        with ``ticker.stop()`` or with the brain. ``options`` are those of `submit`.
        """
        parts = self._open("every()")
        check_seconds(period, "period")
        port = parts.scheduler.port(module)
        if isinstance(target, str):
            port.find(target)
        work = partial(self.submit, module, target, *args, **options)
        return parts.scheduler.ticker(float(period), work, spread=spread)

    def task(self, task_id: str) -> Task[Any]:
        """The task of that id; `UnknownTaskError` once it has left the history."""
        return self._assembly("task()").scheduler.find(task_id)

    def tasks(
        self,
        state: TaskState | str | None = None,
        module: str | None = None,
        limit: int = 100,
        *,
        before: str | None = None,
    ) -> list[Task[Any]]:
        """Tasks that are known, the newest first; with ``before``, the id of one, only those submitted before it."""
        check_count(limit, "limit", maximum=1_000_000)
        scheduler = self._assembly("tasks()").scheduler
        end = scheduler.number_of(before) if before is not None else None
        wanted = None
        if state is not None:
            try:
                wanted = TaskState(state)
            except ValueError:
                raise InvalidArgumentError(
                    f"state must be one of {', '.join(TaskState)}; {state!r:.80} is not."
                ) from None
        found: list[Task[Any]] = []
        for task in reversed(tuple(scheduler.history)):
            if end is not None and task.number >= end:
                continue
            if (wanted is None or task.state is wanted) and (module is None or task.module == module):
                found.append(task)
                if len(found) == limit:
                    break
        return found

    def cancel(self, task_id: str, reason: str = "") -> bool:
        """`Task.cancel` by id."""
        return self.task(task_id).cancel(reason)

    # -- scheduling and state --------------------------------------------------------------------------------------

    def set_policy(self, policy: SchedulingPolicy | str) -> None:
        """Switch the order of all queues; nothing is lost, and each queue is rebuilt once."""
        parts = self._open("set_policy()")
        try:
            chosen = SchedulingPolicy(policy)
        except ValueError:
            raise InvalidArgumentError(
                f"policy must be one of {', '.join(p.value for p in SchedulingPolicy)}; {policy!r:.80} is not."
            ) from None
        parts.scheduler.use_policy(chosen)

    def resize(self, category: str, limit: int) -> None:
        """Change how many slots a category may have, up to ``max_threads``; what runs above it ends in peace."""
        parts = self._open("resize()")
        self._category(category)
        check_count(limit, "limit", maximum=self.config.max_threads)
        parts.resize(category, limit, "asked for")

    @property
    def events(self) -> EventBus:
        """The event bus: ``async with brain.events.subscribe("task.*") as stream``."""
        return self._assembly("events").bus

    def channel(self, name: str, capacity: int | None = None, *, overflow: Overflow | None = None) -> Channel[Any]:
        """The channel of that name, made if it is new: for 64 items and ``"wait"`` unless said otherwise. Any thread.

        All channels close as the brain begins to shut down: senders get `ChannelClosedError`, receivers end after what
        is held.
        """
        if self._parts is None:
            raise BrainClosedError("not started")
        return self._parts.channels.open(name, capacity, overflow)

    @property
    def resources(self) -> ResourceCoordinator:
        """Shared resources and their locks: ``async with brain.resources.acquire_context(...)``, ``with`` in a thread.
        Any thread.
        """
        if self._parts is None:
            raise BrainClosedError("not started")
        return self._parts.resources

    @property
    def state(self) -> StateCoordinator:
        """What the modules share: values by path, transactions, snapshots, subscribers. Any thread; it begins as
        the constructor's ``state``.

        It is decided and told of to the end as the brain shuts down, and can be read after that.
        """
        if self._parts is None:
            raise BrainClosedError("not started")
        return self._parts.state

    def decisions(self, limit: int = 50) -> list[Decision]:
        """What the brain decided by itself lately, the newest last."""
        check_count(limit, "limit", maximum=1_000_000)
        return list(self._assembly("decisions()").decisions.log.recent(limit))

    def status(self) -> SystemStatus:
        """The whole runtime at this moment."""
        return self._assembly("status()").pictures.system()

    # -- inside ----------------------------------------------------------------------------------------------------

    def on_loop_thread(self) -> bool:
        """Whether the caller runs on the thread of the brain's loop. Any thread."""
        return threading.get_ident() == self._thread

    def post(self, deliver: Callable[[Any], None], content: Any) -> bool:
        """Have ``deliver(content)`` called on the loop; False if nobody may be left there to call it. Any thread."""
        if self._parts is None:
            raise BrainClosedError("not started")
        self._parts.scheduler.mailbox.post(deliver, content)
        return not self._parts.scheduler.mailbox.closed

    def _assembly(self, operation: str) -> Assembly:
        if self._parts is None:
            raise BrainClosedError("not started")
        if threading.get_ident() != self._thread:
            raise WrongThreadError(operation)
        return self._parts

    def _open(self, operation: str) -> Assembly:
        parts = self._assembly(operation)
        if parts.scheduler.phase != "running":
            raise BrainClosedError(parts.scheduler.phase)
        return parts

    def _at_home(self, operation: str) -> Assembly:
        """`_open`, in a coroutine of the brain's own loop: one of another loop in its thread would wait for ever."""
        parts = self._open(operation)
        if asyncio.get_running_loop() is not parts.loop:
            raise WrongThreadError(operation)
        return parts

    def _category(self, name: str) -> str:
        known = self.config.categories
        if name not in known:
            raise InvalidArgumentError(
                f"{name!r:.80} is no category. Known: {', '.join(known)}; add your own in the config."
            )
        return f"category:{name}"
