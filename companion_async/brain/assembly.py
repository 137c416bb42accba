"""Everything a running brain consists of, put together on one stack and taken apart in reverse."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import anyio
import anyio.abc
import msgspec
from loguru import logger

from companion_async.autonomy.loop import DecisionLoop
from companion_async.brain.config import BrainConfig
from companion_async.brain.controls import BrainControls
from companion_async.brain.meter import Meter
from companion_async.brain.patients import BrainPatients
from companion_async.brain.pictures import Pictures
from companion_async.brain.residences import Residences
from companion_async.brain.room_settings import (
    autonomy_settings,
    health_settings,
    lock_settings,
    scheduling_settings,
)
from companion_async.brain.roster import Roster
from companion_async.clock import Clock, SystemClock
from companion_async.errors import BrainClosedError, trace_of
from companion_async.events.bus import EventBus
from companion_async.events.channels import Channels
from companion_async.events.kinds import LockDeadlock, utc
from companion_async.health.monitor import HealthMonitor
from companion_async.health.process import ProcessFigures, ProcessReader
from companion_async.health.settings import HealthSettings
from companion_async.health.supervise import Crash
from companion_async.health.watchdog import BlockedLoop, LoopWatchdog
from companion_async.locks.coordinator import ResourceCoordinator
from companion_async.modules.record import ModuleRecord
from companion_async.modules.timeout import UNLIMITED, Timeout
from companion_async.offload.house import House
from companion_async.offload.pool import Pool
from companion_async.offload.processes.fleet import Fleet
from companion_async.offload.threads import Threads
from companion_async.priority import Priority
from companion_async.scheduling.context import current_seat
from companion_async.scheduling.errands import run_errand, run_waiting
from companion_async.scheduling.ownership import Ownership
from companion_async.scheduling.policies import SchedulingPolicy
from companion_async.scheduling.port import Port
from companion_async.scheduling.scheduler import Scheduler
from companion_async.scheduling.traces import Traces
from companion_async.state.coordinator import StateCoordinator

ReadProcess = Callable[[], Awaitable[ProcessFigures]]
"""What reads the figures of the process, once a health round."""

_HOOKS = "hooks:monitoring"
_LAST_WORD = 1.0
_THE_END = "interpreter shutdown"
"""In the error with which Python refuses threads while it ends: 3.12 early, later versions at the very end."""
_SIGNAL_HEEDED = 0.25
_WAY_HOME = 5.0  # far more than a thread without work needs to end, be the machine ever so busy


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

    def __init__(
        self,
        brain: Any,
        config: BrainConfig,
        clock: Clock,
        seed: int | None,
        read_process: ReadProcess | None = None,
        state: Any = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.config = config
        self.clock = clock
        self.loop = loop
        self.bus = EventBus()
        self.house = House(config.max_threads)
        self.fleet = Fleet(config.processes, clock)
        self.scheduler = Scheduler(loop, clock, self.bus, scheduling_settings(config), self.house, seed=seed)
        self.submit = self.scheduler.submission.submit
        graph = self.scheduler.joins.graph
        graph.on_deadlock = self._deadlock
        self.resources = ResourceCoordinator(
            lock_settings(config), clock=clock, work=Ownership(self.scheduler), graph=graph
        )
        self.scheduler.submit = brain.submit
        self.channels = Channels(self.scheduler.loans)
        self.state = StateCoordinator(
            state,
            sync_policy=config.sync_policy,
            batch_size=config.batch_size,
            sync_interval=config.sync_interval,
            max_snapshots=config.max_snapshots,
            clock=clock,
            topic=self.bus.topic("state.changed"),
            current_task=_calling_task,
        )
        self.native_id = threading.get_native_id()
        self.in_real_time = isinstance(clock, SystemClock)
        health = health_settings(config)
        self.watchdog = LoopWatchdog(health, on_blocked=_tell_blocked) if self.in_real_time else None
        self.meter = Meter()
        self.monitor = HealthMonitor(
            BrainPatients(self),
            clock,
            health,
            topic=self.bus.topic("health.checked"),
            watchdog=self.watchdog,
            read_process=self._measure,
            on_crash=self._monitor_crashed,
        )
        self._read_process = _process_reader(health, self.in_real_time) if read_process is None else read_process
        self.controls = BrainControls(self)
        self.decisions = DecisionLoop(self.controls, clock, autonomy_settings(config), self.bus.topic("decision.made"))
        self.roster = Roster(
            brain,
            self.scheduler,
            self.bus,
            clock,
            Timeout.parse(config.default_timeout),
            self._run_hook,
            self.spawn,
            Residences(self),
        )
        self.pictures = Pictures(self)
        self.healing: set[str] = set()
        self.threads_auto_scaled = 0
        self.slots_replaced = 0
        self._began = clock.monotonic()
        self._children: set[asyncio.Task[None]] = set()
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
        # Hooks go before all other work of their category: with a module's start or stop nothing else may be in step.
        pool, queue = scheduler.pools["monitoring"], scheduler.queues["monitoring"]
        scheduler.ports[_HOOKS] = Port(
            _HOOKS, pool, queue, ModuleRecord(self.clock), timeout=UNLIMITED, priority=Priority.CRITICAL
        )
        if self.config.tracing.enabled:
            scheduler.announcer.traces = Traces(scheduler, self.bus, self.config.expose_errors)
        scheduler.limits.on_replaced = self.controls.replaced
        scheduler.limits.on_held = self.controls.held
        scheduler.on_module_failure = self._module_failed
        if self.decisions.settings.manage_collector:
            scheduler.admission.watch_depth(self.controls.put_off_collections)
        # What cannot wait for the next regular pass.
        self.roster.on_error = scheduler.admission.on_overload = self.decisions.nudge

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bring everything up; an error or a cancellation takes down again what had come up."""
        self._host = self.loop.create_task(self._live(), name="companion brain")
        try:
            await asyncio.shield(self._ready)
        except BaseException:
            self._leave.set()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([self._host])
            raise

    async def _live(self) -> None:
        scheduler = self.scheduler
        try:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self.bus)
                await stack.enter_async_context(self.state)
                if self.watchdog is not None:
                    await stack.enter_async_context(self.watchdog)
                stack.push_async_callback(self._end_children)
                group = await stack.enter_async_context(anyio.create_task_group())
                self._threads = Threads(
                    group,
                    scheduler.mailbox,
                    self.clock.monotonic,
                    self._refused,
                    scheduler.limits.thread_ended,
                )
                group.start_soon(self.monitor.run, name="companion health monitor")
                group.start_soon(self.decisions.run, name="companion decision loop")
                scheduler.phase = "running"
                self._ready.set_result(None)
                await self._leave.wait()
                group.cancel_scope.cancel()
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)
        finally:
            # In whatever way it ends (its loop may be closing under it), nobody waits for it and no thread sleeps on.
            scheduler.phase = "shut down"
            self.resources.close()
            for task in scheduler.history:
                task.cancel("the brain has ended")
            self.channels.close()
            for pool in scheduler.pools.values():
                pool.close()
            self.controls.give_back()
            self.fleet.abandon()
            scheduler.timers.close()
            scheduler.mailbox.close()

    async def _end_children(self) -> None:
        for child in self._children:
            child.cancel()
        if self._children:
            await asyncio.wait(self._children)

    def spawn(self, function: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Have a coroutine function run beside everything else, for as long as the brain lives. What it raises is
        logged and ends nothing else.
        """
        if self._leave.is_set() or self._host is None or self._host.done():
            return
        # Not in the task group: that takes children from tasks only, and this is called from callbacks of the loop too.
        child = self.loop.create_task(_contained(function, args), name=f"companion {function.__name__}")
        self._children.add(child)
        child.add_done_callback(self._children.discard)

    async def shutdown(self, timeout: float) -> ShutdownReport:
        """Let what was accepted end until ``timeout``, give up the rest, stop the modules, leave no idle thread."""
        await asyncio.wait([self._ready])
        scheduler, clock = self.scheduler, self.clock
        began = clock.monotonic()
        if self._ready.cancelled() or self._ready.exception() is not None:
            return ShutdownReport(0, 0, 0, 0.0)
        scheduler.phase = "shutting down"
        self.channels.close()  # work that waits for items which nobody will send must not hold it up
        living = [task for task in scheduler.history if task.ended < 0]
        for task in living:
            if task.lane.held and not task.running:
                task.cancel("its module is held and the brain is shutting down")
        await self.roster.ended([task for task in living if task.ended < 0], timeout)
        for task in living:
            task.cancel("the brain is shutting down")
        await asyncio.sleep(0)
        scheduler.mailbox.deliver()
        never_ran = sum(task.started < 0 for task in living)
        drained = sum(task.started >= 0 and not task.cancelled() for task in living)
        await self.roster.stop_all(max(_LAST_WORD, timeout - (clock.monotonic() - began)))
        abandoned = await self._close()
        return ShutdownReport(drained, never_ran, abandoned, clock.monotonic() - began)

    async def _close(self) -> int:
        """Send the threads home and end; how many threads are still at work."""
        scheduler = self.scheduler
        await scheduler.routines.close()
        await self.fleet.close()
        for pool in scheduler.pools.values():
            pool.close()
        # Threads that only have to be told to go are gone within a moment, and so are those that heed their signal.
        slots = [slot for pool in scheduler.pools.values() for slot in pool.alive]
        began = time.monotonic()
        while slots:
            idle = any(slot.job is None for slot in slots)
            if time.monotonic() - began > (_WAY_HOME if idle else _SIGNAL_HEEDED):
                break
            await asyncio.sleep(0.001)
            slots = [slot for pool in scheduler.pools.values() for slot in pool.alive]
        self._leave.set()
        if self._host is not None:
            await self._host
        scheduler.phase = "shut down"
        return len(slots)

    # -- threads ---------------------------------------------------------------------------------------------------

    def _start_thread(self, pool: Pool, slot: Any) -> None:
        if self._threads is None:
            raise BrainClosedError("not started")
        self._threads.start(pool, slot)

    def _refused(self, pool: Pool, error: BaseException) -> None:
        """The system gave no thread: say so, and try again in a while; the work stays queued."""
        if _THE_END in str(error):
            run_waiting(self.scheduler.ports[_HOOKS])  # the last that modules have to do: nobody else needs the loop
            for task in () if pool.alive else self.scheduler.history:
                if task.lane.pool is pool and not task.running:
                    task.cancel("the interpreter is shutting down, and starts no thread any more")
            return
        self.scheduler.admission.overloaded(pool, f"no thread could be started: {type(error).__name__}")
        self.scheduler.timers.after(0.5, pool.ensure)

    async def _run_hook(self, module: str, function: Callable[[], Any]) -> Any:
        return await run_errand(self.scheduler, self.scheduler.ports[_HOOKS], module, function)

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

    def _deadlock(self, cycle: tuple[str, ...], victim: str) -> None:
        """A wait was refused, in whatever thread."""
        self.bus.publish_threadsafe(LockDeadlock(cycle, victim, utc(self.clock.time())))

    # -- health ----------------------------------------------------------------------------------------------------

    def _module_failed(self, port: Port) -> None:
        entry = port.record.errors[-1]
        logger.bind(module=port.name, task=entry.task_id).warning("{} {}: {!r}", entry.type, entry.id, entry.message)
        if port.record.failures_in_row < self.config.failure_threshold or port.name not in self.roster.registry:
            return
        module = self.roster.registry.get(port.name)
        module.fail(RuntimeError(f"{port.record.failures_in_row} failures in a row, the last a {entry.type}"))

    async def _measure(self) -> ProcessFigures:
        figures = await self._read_process()
        records = {module.name: module.record for module in self.roster.registry}
        slots = [slot for pool in self.scheduler.pools.values() for slot in tuple(pool.alive)]
        self.meter.read(self.clock.monotonic(), figures, records, slots)
        health = self.monitor.settings
        self.scheduler.admission.press(figures.memory_fraction, health.memory_high, health.interval)
        return figures

    def _monitor_crashed(self, crash: Crash) -> None:
        self.decisions.record(
            "restart_loop",
            "health_monitor",
            {"count": crash.count, "delay": crash.delay},
            f"A round raised {crash.error}; the next one follows in {crash.delay:.1f} s.",
            error=crash.error,
        )


def _calling_task() -> str | None:
    seat = current_seat()
    return None if seat is None else getattr(seat.job, "id", None)


async def _contained(function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> None:
    try:
        await function(*args)
    except Exception as error:
        logger.error("{} failed.\n{}", function.__qualname__, trace_of(error))


def _process_reader(settings: HealthSettings, in_real_time: bool) -> ReadProcess:
    reader, limiter = ProcessReader(settings.memory_limit), list[anyio.CapacityLimiter]()

    async def read() -> ProcessFigures:
        if not in_real_time:
            return ProcessFigures()
        if not limiter:
            limiter.append(anyio.CapacityLimiter(1))  # of its own: work must not delay the health round
        return await anyio.to_thread.run_sync(reader.read, limiter=limiter[0])

    return read


def _tell_blocked(block: BlockedLoop) -> None:
    logger.warning("The event loop is blocked, for {:.2f} s so far, at:\n{}", block.seconds, "\n".join(block.stack))
