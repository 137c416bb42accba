"""The modules of a brain: registered, started in order, and joined to the scheduler's ports."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import anyio
from loguru import logger
from msgspec import UNSET

from companion_async.brain.residences import Residences
from companion_async.clock import Clock
from companion_async.errors import BrainClosedError, InvalidArgumentError, ModuleUnavailableError
from companion_async.events.bus import EventBus
from companion_async.events.kinds import (
    ModuleCompleted,
    ModuleError,
    ModulePaused,
    ModuleRestarted,
    ModuleResumed,
    ModuleStarted,
    utc,
)
from companion_async.modules.lifecycle import Module
from companion_async.modules.module import BaseModule
from companion_async.modules.registry import Registry
from companion_async.modules.spec import ModuleSpec
from companion_async.modules.state import ModuleState
from companion_async.modules.timeout import Timeout
from companion_async.scheduling.context import current_seat
from companion_async.scheduling.port import Port
from companion_async.scheduling.scheduler import Scheduler
from companion_async.scheduling.task import Task
from companion_async.security import check_count

_LEAVING = "being unregistered"
_HOLDS = frozenset({ModuleState.INITIALIZING, ModuleState.PAUSED, ModuleState.ERROR, ModuleState.WAITING})


class Departed(NamedTuple):
    """What the modules that were taken out of a category had done there, so that its totals never fall."""

    runs: int = 0
    run_seconds: float = 0.0

    def joined_by(self, port: Port) -> Departed:
        """The sum with one module more."""
        record = port.record
        return Departed(self.runs + record.runs, self.run_seconds + record.run_seconds)


class Roster:
    """Keeps every module and its port in step: a state change of the one opens, holds or closes the other. Loop only.

    A module that cannot start stands in ``error`` and its work waits while it is healed; what depends on it stays
    ``waiting`` until it is up.
    """

    def __init__(
        self,
        brain: Any,
        scheduler: Scheduler,
        bus: EventBus,
        clock: Clock,
        default_timeout: Timeout,
        run_hook: Callable[[str, Callable[[], Any]], Any],
        spawn: Callable[..., None],
        residences: Residences,
    ) -> None:
        self.registry = Registry()
        self.on_error: Callable[[], None] = _nothing
        self.restarts = 0
        self.departed: defaultdict[str, Departed] = defaultdict(Departed)
        self._leaving: set[str] = set()
        self._brain = brain
        self._scheduler = scheduler
        self._bus = bus
        self._clock = clock
        self._default_timeout = default_timeout
        self._run_hook = run_hook
        self._spawn = spawn
        self._residences = residences
        self._grace = scheduler.settings.cancel_grace

    # -- registration ----------------------------------------------------------------------------------------------

    async def register(self, specs: Iterable[ModuleSpec]) -> None:
        """Add all specs, or with an error none, and start them in order. Cancelled meanwhile, those not yet started
        are taken out again.
        """
        specs = tuple(specs)
        self._check_open()
        for spec in specs:
            if not isinstance(spec, ModuleSpec):
                raise InvalidArgumentError(f"register_all takes ModuleSpecs; {type(spec).__name__} is none.")
            if spec.category not in self._scheduler.pools:
                known = ", ".join(self._scheduler.pools)
                raise InvalidArgumentError(
                    f"Module {spec.name!r} asks for the unknown category {spec.category!r}. Known: {known}."
                )
        order = self.registry.check(specs)
        modules = {
            spec.name: Module(
                spec,
                clock=self._clock,
                call_in_thread=partial(self._run_hook, spec.name),
                on_change=self._changed,
                host=self._residences.host(spec),
            )
            for spec in specs
        }
        self.registry.add(*modules.values())
        for module in modules.values():
            self._open_port(module)
        try:
            for name in order:
                await self._start(modules[name])
        except BaseException:
            for name in reversed(order):
                if modules[name].state not in (ModuleState.RUNNING, ModuleState.PAUSED, ModuleState.ERROR):
                    self._forget(name)
            raise

    def _open_port(self, module: Module) -> None:
        spec, scheduler = module.spec, self._scheduler
        port = Port(
            spec.name,
            scheduler.pools[spec.category],
            scheduler.queues[spec.category],
            module.record,
            priority=spec.priority,
            timeout=self._default_timeout if spec.timeout is UNSET else spec.timeout,
            retry=spec.retry,
            cap=spec.max_concurrency,
            quota=spec.quota,
            offload=spec.offload,
        )
        port.held = True
        self._residences.move_in(module, port)
        scheduler.ports[spec.name] = port
        if module.handlers is not None:
            port.serve(
                {name: (_absent, handler.kind) for name, handler in module.handlers.items()},
                interruptible=module.interruptible,
            )

    async def _start(self, module: Module) -> None:
        if self._gone(module):
            return
        if all(
            self.registry.get(name).state in (ModuleState.RUNNING, ModuleState.PAUSED)
            for name in module.spec.depends_on
        ):
            await module.start(self._brain)
        elif module.state is not ModuleState.WAITING:
            module.defer()

    async def unregister(self, name: str) -> None:
        """Take a module out: what waits is cancelled, and what runs too unless it ends within the grace; then it is
        stopped.
        """
        module = self.registry.get(name)
        self.registry.check_unneeded(name)
        self._check_staying(module)
        port = self._scheduler.ports[name]
        port.closed = (_LEAVING, "")
        self._leaving.add(name)
        try:
            self._cancel(port, "its module was unregistered")
            await self._running_ended(port, self._grace)
        finally:
            self._cancel(port, "its module was unregistered", running=True)
            try:
                with anyio.CancelScope(shield=True):  # which a cancellation of asyncio's own passes through
                    await module.stop("unregistered")
            finally:
                self._leaving.discard(name)
                self._forget(name)

    def _forget(self, name: str) -> None:
        port = self._scheduler.ports.pop(name, None)
        self._residences.move_out(name)
        if port is not None:
            self._cancel(port, "its module was unregistered")
            self.departed[port.pool.name] = self.departed[port.pool.name].joined_by(port)
        if name in self.registry:
            self.registry.remove(name)

    # -- a person's word, or a decision's --------------------------------------------------------------------------

    def pause(self, name: str) -> None:
        """Running work ends, the rest is held."""
        module = self.registry.get(name)
        self._check_staying(module)
        module.pause()

    def resume(self, name: str) -> None:
        """Take back a pause; a stopped or quarantined module is started again, which takes its time."""
        module = self.registry.get(name)
        self._check_staying(module)
        if module.state is ModuleState.STOPPED:
            port = self._scheduler.ports[name]
            port.closed = None  # it starts in the loop's next turn: work that comes until then waits as well
            self._scheduler.hold(port, True)
            self._spawn(self._start, module)
        else:
            module.resume()

    async def restart(
        self, name: str, *, expected_generation: int | None = None, patience: float | None = None
    ) -> bool:
        """A fresh instance once running work has ended, or after ``patience`` seconds (the grace); waiting work is held
        meanwhile and runs on the new instance.
        """
        module, port = self.registry.get(name), self._scheduler.ports[name]
        self._check_staying(module)
        self._scheduler.hold(port, True)
        try:
            await self._running_ended(port, self._grace if patience is None else patience)
            self._check_staying(module)
            before = module.restarts
            up = await module.restart(expected_generation)
            self.restarts += module.restarts - before
        finally:
            self._scheduler.hold(port, module.state in _HOLDS)
        topic = self._bus.topic("module.restarted")
        if up and topic.active:
            topic.publish(
                ModuleRestarted(name, module.spec.category, utc(self._clock.time()), module.restarts, module.reason)
            )
        return up

    async def stop_all(self, seconds: float) -> None:
        """Stop every module, each when those that depend on it are stopped, all within about ``seconds``."""
        stopped = {module.name: anyio.Event() for module in self.registry}

        async def stop(module: Module) -> None:
            for dependent in self.registry.dependents(module.name):
                await stopped[dependent].wait()
            await module.stop("the brain is shutting down")
            stopped[module.name].set()

        async with anyio.create_task_group() as tasks:
            late = self._clock.call_later(seconds, tasks.cancel_scope.cancel)
            try:
                async with anyio.create_task_group() as stops:
                    for module in self.registry:
                        stops.start_soon(stop, module)
            finally:
                late.cancel()

    def _check_open(self) -> None:
        if self._scheduler.phase != "running":
            raise BrainClosedError(self._scheduler.phase)

    def _gone(self, module: Module) -> bool:
        """Whether nothing must be started any more: the brain ends, or the module has been or is being taken out."""
        known = module.name in self.registry and self.registry.get(module.name) is module
        return self._scheduler.phase != "running" or not known or module.name in self._leaving

    def _check_staying(self, module: Module) -> None:
        self._check_open()
        if self._gone(module):
            raise ModuleUnavailableError(module.name, _LEAVING)

    def set_quota(self, name: str, quota: int) -> None:
        """Change a module's weight in fair shares."""
        self.registry.get(name)
        port = self._scheduler.ports[name]
        check_count(quota, "quota", maximum=1_000_000)
        with port.pool.lock:
            port.quota = quota

    # -- in step ---------------------------------------------------------------------------------------------------

    def _changed(self, module: Module, old: ModuleState, new: ModuleState) -> None:
        port = self._scheduler.ports.get(module.name)
        if port is None:
            return
        if new in (ModuleState.RUNNING, ModuleState.PAUSED):
            port.closed = None
            if old not in (ModuleState.RUNNING, ModuleState.PAUSED):
                self.point(module, port)
        elif new in (ModuleState.STOPPING, ModuleState.STOPPED):
            port.closed = ("quarantined" if module.quarantined else new.value, module.reason)
            if new is ModuleState.STOPPED:
                # The text of an error is not for all who hear of a cancelled task; where it stands is.
                seen = f"; brain.module_status({module.name!r}).errors says why" if module.quarantined else ""
                self._cancel(port, f"its module is {port.closed[0]}{seen}")
        else:
            port.closed = None
        if port.held != (new in _HOLDS):
            self._scheduler.hold(port, new in _HOLDS)
        self._announce(module, old, new)
        if new is ModuleState.ERROR:
            self.on_error()
        if new is ModuleState.RUNNING:
            for name in self.registry.dependents(module.name):
                dependent = self.registry.get(name)
                if dependent.state is ModuleState.WAITING:
                    self._spawn(self._start, dependent)

    def point(self, module: Module, port: Port) -> None:
        """Point the port's targets, and the tasks that wait already, at the instance that has just started."""
        if isinstance(module.instance, BaseModule):
            module.instance.logger = logger.bind(module=module.name).patch(_name_task)
        handlers = module.handlers or {}
        port.serve(
            {name: (module.bound(name), handler.kind) for name, handler in handlers.items()},
            interruptible=module.interruptible,
        )
        for task in self._scheduler.history:
            if task.lane is port and task.ended < 0 and not task.running:
                target = port.targets.get(task.plan.name)
                if target is task.plan:
                    task.point_at(target.function)
                    self._scheduler.announcer.attach(task)

    def _cancel(self, port: Port, reason: str, *, running: bool = False) -> None:
        for task in self._scheduler.history:
            if task.lane is port and task.ended < 0 and (running or not task.running):
                task.cancel(reason)

    async def _running_ended(self, port: Port, patience: float) -> None:
        await self.ended([task for task in self._scheduler.history if task.lane is port and task.running], patience)

    async def ended(self, tasks: list[Task[Any]], patience: float | None) -> bool:
        """Wait until all of ``tasks`` have ended, at most ``patience`` seconds; whether they have."""
        if not tasks:
            return True
        waiters = [(task, task.join()) for task in tasks if task.ended < 0]
        everything = asyncio.gather(*(waiter for _, waiter in waiters))
        if patience is None:
            await everything
            return True
        timer = self._clock.call_later(patience, everything.cancel)  # type: ignore[arg-type]
        try:
            await everything
            return True
        except asyncio.CancelledError:
            for task, waiter in waiters:
                task.leave(waiter)
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            return False
        finally:
            timer.cancel()

    def _announce(self, module: Module, old: ModuleState, new: ModuleState) -> None:
        known = (module.name, module.spec.category, utc(self._clock.time()))
        event: Any = None
        if new is ModuleState.RUNNING:
            event = ModuleResumed(*known) if old is ModuleState.PAUSED else ModuleStarted(*known)
        elif new is ModuleState.PAUSED:
            event = ModulePaused(*known)
        elif new is ModuleState.ERROR:
            last = module.record.errors[-1] if module.record.errors else None
            event = ModuleError(*known, *((last.type, last.message, last.id) if last else ()))
        elif new is ModuleState.STOPPED:
            event = ModuleCompleted(*known, module.reason)
        if event is not None:
            topic = self._bus.topic(event.kind)
            if topic.active:
                topic.publish(event)


def _name_task(record: Any) -> None:
    """Add the task that runs to a line of the log; called only for lines that somebody reads."""
    seat = current_seat()
    if seat is not None:
        task: Any = seat.job
        record["extra"].setdefault("task", task.id)


def _nothing() -> None:
    return None


def _absent(*args: Any, **kwargs: Any) -> None:
    """Stands in a port until its module has an instance."""
    raise ModuleUnavailableError("a module", "not started")
