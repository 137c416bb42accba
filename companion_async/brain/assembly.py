"""Everything a running brain consists of, put together on one stack and taken apart in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import anyio
import anyio.abc
import msgspec
from loguru import logger

from companion_async.autonomy.loop import DecisionLoop
from companion_async.autonomy.settings import AutonomySettings
from companion_async.brain.config import BrainConfig
from companion_async.brain.controls import BrainControls
from companion_async.brain.pictures import Pictures
from companion_async.brain.roster import Roster
from companion_async.clock import Clock
from companion_async.errors import BrainClosedError
from companion_async.events.bus import EventBus
from companion_async.modules.record import ModuleRecord
from companion_async.modules.timeout import UNLIMITED, Timeout
from companion_async.offload.house import House
from companion_async.offload.pool import Pool
from companion_async.offload.threads import Threads
from companion_async.scheduling.policies import SchedulingPolicy
from companion_async.scheduling.port import Port
from companion_async.scheduling.scheduler import Scheduler
from companion_async.scheduling.settings import SchedulingSettings

_HOOKS = "category:monitoring"
_LAST_WORD = 1.0


class ShutdownReport(msgspec.Struct, frozen=True):
    """How a brain ended: tasks that finished while it drained, tasks that never ran, threads still running at the
    deadline, and the seconds it took.
    """

    drained: int
    cancelled: int
    abandoned: int
    seconds: float


class Assembly:
    """The parts, wired. One task of its own owns them all, so start and shutdown may come from different tasks."""

    def __init__(self, brain: Any, config: BrainConfig, clock: Clock, seed: int | None) -> None:
        loop = asyncio.get_running_loop()
        self.config = config
        self.clock = clock
        self.loop = loop
        self.bus = EventBus()
        self.house = House(config.max_threads)
        self.scheduler = Scheduler(loop, clock, self.bus, _settings(config), self.house, seed=seed)
        self.controls = BrainControls(self)
        self.decisions = DecisionLoop(self.controls, clock, _autonomy(config), self.bus.topic("decision.made"))
        self.roster = Roster(
            brain, self.scheduler, self.bus, clock, Timeout.parse(config.default_timeout), self._call_in_thread
        )
        self.pictures = Pictures(self)
        self.watchdog: Any = None
        self.process_figures: Any = None
        self.thread_cpu: dict[int, float] = {}
        self.module_cpu: dict[str, float] = {}
        self.healing: set[str] = set()
        self.threads_auto_scaled = 0
        self.threads_restarted = 0
        self._began = clock.monotonic()
        self._group: anyio.abc.TaskGroup | None = None
        self._threads: Threads | None = None
        self._ready: asyncio.Future[None] = loop.create_future()
        self._leave = asyncio.Event()
        self._host: asyncio.Task[None] | None = None
        self._wire()

    @property
    def uptime(self) -> float:
        """Seconds since it was put together."""
        return self.clock.monotonic() - self._began

    def _wire(self) -> None:
        scheduler = self.scheduler
        for name, limit in self.config.categories.items():
            pool = scheduler.add_category(name, limit, self._start_thread)
            port = Port(f"category:{name}", pool, scheduler.queues[name], ModuleRecord(self.clock), timeout=UNLIMITED)
            scheduler.ports[port.name] = port
        scheduler.limits.on_replaced = self.controls.replaced
        scheduler.limits.on_held = self.controls.held
        scheduler.on_module_failure = self._module_failed

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bring everything up; an error takes down again what had come up."""
        self._host = self.loop.create_task(self._live(), name="companion brain")
        await asyncio.shield(self._ready)

    async def _live(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self.bus)
                group = self._group = await stack.enter_async_context(anyio.create_task_group())
                scheduler = self.scheduler
                self._threads = Threads(
                    group, scheduler.mailbox, scheduler.deliver, self.clock.monotonic, self._refused
                )
                self.roster.group = group
                group.start_soon(self.decisions.run, name="companion decision loop")
                scheduler.phase = "running"
                self._ready.set_result(None)
                await self._leave.wait()
                group.cancel_scope.cancel()
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            else:
                raise

    async def shutdown(self, timeout: float) -> ShutdownReport:
        """Let what was accepted end until ``timeout``, give up the rest, stop the modules, leave no idle thread."""
        scheduler, clock = self.scheduler, self.clock
        began = clock.monotonic()
        scheduler.phase = "shutting down"
        living = [task for task in scheduler.history if task.ended < 0]
        for task in living:
            if task.port.held:
                task.cancel("its module is held and the brain is shutting down")
        await self.roster.ended([task for task in living if task.ended < 0], timeout)
        never_ran = 0
        for task in living:
            if task.ended < 0:
                task.cancel("the brain is shutting down")
        await asyncio.sleep(0)
        scheduler.mailbox.deliver()
        never_ran = sum(task.started < 0 for task in living)
        drained = sum(task.started >= 0 and not task.cancelled() for task in living)
        abandoned = self._busy_threads()
        await self.roster.stop_all(max(_LAST_WORD, timeout - (clock.monotonic() - began)))
        await self._close()
        return ShutdownReport(drained, never_ran, abandoned, clock.monotonic() - began)

    def _busy_threads(self) -> int:
        return sum(slot.job is not None for pool in self.scheduler.pools.values() for slot in pool.alive)

    async def _close(self) -> None:
        scheduler = self.scheduler
        await scheduler.routines.close()
        for pool in scheduler.pools.values():
            pool.close()
        # Threads that only have to be told to go are gone within a moment; those in work are left to their work.
        while any(slot.job is None for pool in scheduler.pools.values() for slot in pool.alive):
            await asyncio.sleep(0.001)
        self.controls.set_switch_interval(None)
        scheduler.phase = "shut down"
        scheduler.timers.close()
        self._leave.set()
        if self._host is not None:
            await self._host
        scheduler.mailbox.close()

    # -- threads ---------------------------------------------------------------------------------------------------

    def _start_thread(self, pool: Pool, slot: Any) -> None:
        if self._threads is None:
            raise BrainClosedError("not started")
        self._threads.start(pool, slot)

    def _refused(self, pool: Pool, error: BaseException) -> None:
        """The system gave no thread: say so, and try again in a while; the work stays queued."""
        self.scheduler.admission.overloaded(pool, f"no thread could be started: {type(error).__name__}")
        self.scheduler.timers.after(0.5, pool.ensure)

    async def _call_in_thread(self, function: Callable[[], Any]) -> Any:
        return await self.scheduler.submit(_HOOKS, function, timeout=None, on_full="wait")

    def resize(self, category: str, limit: int, reason: str) -> None:
        """Change a category's limit and tell of it."""
        pool = self.scheduler.pools[category]
        old = pool.limit
        if limit != old:
            pool.resize(limit)
            self.controls.resized(pool, old, reason)

    def use_policy(self, policy: SchedulingPolicy) -> None:
        """Switch the policy of every queue."""
        self.scheduler.use_policy(policy)

    # -- health ----------------------------------------------------------------------------------------------------

    def _module_failed(self, port: Port) -> None:
        if port.record.failures_in_row < self.config.failure_threshold or port.name not in self.roster.registry:
            return
        module = self.roster.registry.get(port.name)
        last = port.record.errors[-1].type if port.record.errors else "errors"
        if module.fail(RuntimeError(f"{port.record.failures_in_row} failures in a row, the last a {last}")):
            self.decisions.nudge()

    def quarantine_soon(self, name: str, reason: str) -> None:
        """Quarantine a module and enter the decision, from where nothing can be awaited."""
        if self._group is not None:
            self._group.start_soon(self._quarantine, name, reason)

    async def _quarantine(self, name: str, reason: str) -> None:
        if await self.controls.quarantine(name, reason):
            self.decisions.record(
                "quarantine", name, {"module": name}, f"Module {name!r} is quarantined: {reason}.", rule="stuck_run"
            )
            logger.bind(module=name).error("Quarantined: {}.", reason)


def _settings(config: BrainConfig) -> SchedulingSettings:
    return SchedulingSettings(
        policy=SchedulingPolicy(config.policy),
        ageing_span=config.ageing_span,
        queue_capacity=config.queue_capacity,
        max_pending_tasks=config.max_pending_tasks,
        on_full=config.on_full,
        cancel_grace=config.cancel_grace,
        abandoned_budget=config.abandoned_budget,
        history_size=config.history_size,
        history_seconds=config.history_seconds,
        stream_buffer=config.stream_buffer,
    )


def _autonomy(config: BrainConfig) -> AutonomySettings:
    return msgspec.structs.replace(
        config.autonomy,
        interval=config.decision_interval,
        auto_scaling=config.auto_scaling,
        scaling=config.scaling,
        scale_down_after=config.scale_down_after,
        failure_threshold=config.failure_threshold,
    )
