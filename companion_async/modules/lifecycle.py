"""One registered module, live: what it was asked to be, how it stands, its instance and its record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from loguru import logger

from companion_async.clock import Clock
from companion_async.errors import ModuleUnavailableError, UnknownTargetError
from companion_async.modules.handlers import Handler
from companion_async.modules.hooks import CallInThread, HookCalls, Interrupted
from companion_async.modules.host import Host
from companion_async.modules.incarnation import Incarnation, handler_table
from companion_async.modules.record import ErrorEntry, ModuleRecord, error_text
from companion_async.modules.restart import RestartHistory
from companion_async.modules.spec import ModuleSpec
from companion_async.modules.state import ModuleState, checked_move

OnChange = Callable[["Module", ModuleState, ModuleState], None]

START_TIMEOUT = 60.0
GRACE = 5.0
_UP = frozenset({ModuleState.RUNNING, ModuleState.PAUSED})


class Module:
    """A module under the rule of its lifecycle. Loop thread only.

    ``start``, ``stop`` and ``restart`` take turns. None of them raises what the module's code raised: it is kept in
    ``record.errors`` and the module stands in ``error``. Plain ``def`` hooks and constructors run through
    ``call_in_thread``; constructor and ``start`` are each given ``start_timeout`` seconds, ``stop`` and ``health``
    ``grace`` seconds. With a ``host`` the instances live there. ``on_change(module, old, new)`` is called after every
    move; what it raises is logged.

    ``generation`` changes with every instance started and with every stop: who acts on what it saw before an await
    compares it. ``held`` remembers a pause through restarts. ``restarts`` counts fresh starts by `restart`.
    """

    def __init__(
        self,
        spec: ModuleSpec,
        *,
        clock: Clock,
        call_in_thread: CallInThread,
        on_change: OnChange | None = None,
        host: Host | None = None,
        start_timeout: float = START_TIMEOUT,
        grace: float = GRACE,
    ) -> None:
        self.spec = spec
        self.name = spec.name
        self.state = ModuleState.WAITING if spec.depends_on else ModuleState.INITIALIZING
        self.record = ModuleRecord(clock)
        self.history = RestartHistory(spec.restart)
        self.generation = 0
        self.restarts = 0
        self.health_failures = 0
        self.held = False
        self.quarantined = False
        self.reason = ""
        self._clock = clock
        self._calls = HookCalls(clock, call_in_thread, linger=min(grace, 1.0))
        self._on_change = on_change
        self.host = host
        self._start_timeout = start_timeout
        self._grace = grace
        self._turn = asyncio.Lock()
        self._context: Any = None
        self._life: Incarnation | None = None
        self._handlers = handler_table(spec)

    def __repr__(self) -> str:
        return f"<Module {self.name!r} {self.state.value} generation {self.generation}>"

    @property
    def handlers(self) -> Mapping[str, Handler] | None:
        """The allow-list, fixed at registration; with a bare factory ``None`` until its first instance is made."""
        return None if self._handlers is None else MappingProxyType(self._handlers)

    @property
    def instance(self) -> Any:
        """The instance that is up, the function itself for a module that is one; ``None`` while nothing is up."""
        return None if self._life is None else self._life.instance

    @property
    def interruptible(self) -> bool:
        """Whether the module allows an exception to be raised inside a stuck run; see `BaseModule.interruptible`."""
        source = self.spec.module if self.instance is None else self.instance
        cls = source if isinstance(source, type) else type(source)
        return getattr(cls, "interruptible", False) is True

    @property
    def hooks_under_way(self) -> int:
        """Calls of its constructor and hooks that have not ended, those that were given up included."""
        return self._calls.left

    def handler(self, target: object) -> Handler:
        """The handler of that name. `UnknownTargetError` for whatever is not a name in the table."""
        if self._handlers is None:
            why = "its factory has made no instance yet, so its handlers are not known"
            raise ModuleUnavailableError(self.name, self.state.value, self.reason or why)
        found = self._handlers.get(target) if isinstance(target, str) else None
        if found is None:
            shown = target if isinstance(target, str) else repr(target)
            raise UnknownTargetError(self.name, shown[:80], tuple(self._handlers))
        return found

    def bound(self, target: object) -> Callable[..., Any]:
        """The callable behind a handler, on the instance of this moment: ask when the work starts, not before."""
        if self._life is not None and isinstance(target, str) and target in self._life.bound:
            return self._life.bound[target]
        self.handler(target)
        raise ModuleUnavailableError(self.name, self.state.value, self.reason)

    async def start(self, context: Any = None) -> bool:
        """Make the instance, give it ``context`` as its ``brain``, start it. True if it is up, False if in ``error``.

        A module that is up stays as it is. Starting a stopped one is a person's word that its cause is mended: its
        quarantine and the restarts granted so far are forgotten. Cancelled, the module is ``stopped``.
        """
        async with self._turn:
            if self.state in _UP:
                return True
            self._context = context
            self._begin()
            return await self._bring_up()

    async def stop(self, reason: str = "") -> None:
        """Call ``stop()`` of what was started, let go of it, and be ``stopped``. Does so whatever the hook does.

        A start under way is cut short first. Cancelled while its hook runs, the hook is cancelled and the module
        ``stopped`` all the same.
        """
        await self._end(reason, quarantined=False)

    async def quarantine(self, reason: str) -> None:
        """As `stop`, and marked as ``quarantined`` until it is started again."""
        await self._end(reason, quarantined=True)

    async def restart(self, expected_generation: int | None = None) -> bool:
        """Stop what runs and start afresh: a new instance of a class or factory, the same object of an instance.

        The module is ``initializing`` all the while, so its work waits. It is paused afterwards if it was before. With
        ``expected_generation`` nothing happens if another start or stop came first. True if the module is up.
        Cancelled, the module is ``stopped``.
        """
        async with self._turn:
            if expected_generation is not None and expected_generation != self.generation:
                return self.state in _UP
            self._begin()
            try:
                await self._take_down()
            except asyncio.CancelledError:
                self._give_up("its restart was cancelled")
                raise
            self.restarts += 1
            return await self._bring_up()

    def pause(self) -> None:
        """Hold new work. One that is not up yet will be paused when it is; a stopped one is refused."""
        if self.state in (ModuleState.STOPPING, ModuleState.STOPPED):
            raise ModuleUnavailableError(self.name, self.state.value, self.reason)
        self.held = True
        if self.state is ModuleState.RUNNING:
            self._move(ModuleState.PAUSED)

    def resume(self) -> None:
        """Take back `pause`. A stopped module is not resumed by this but by `start`."""
        if self.state in (ModuleState.STOPPING, ModuleState.STOPPED):
            raise ModuleUnavailableError(self.name, self.state.value, self.reason)
        self.held = False
        if self.state is ModuleState.PAUSED:
            self._move(ModuleState.RUNNING)

    def defer(self) -> None:
        """Mark a stopped module as ``waiting``: it is to start once a dependency has."""
        self._move(ModuleState.WAITING)

    def fail(self, error: BaseException) -> bool:
        """Put a module that is up into ``error`` and keep ``error``; False, and nothing done, if it is not up."""
        if self.state not in _UP:
            return False
        self._failed("run", error)
        return True

    @property
    def has_check(self) -> bool:
        """Whether `check_health` has something to ask."""
        return self._life is not None and "health" in self._life.hooks

    async def check_health(self, limit: float | None = None) -> ErrorEntry | None:
        """What ``health()`` raised, or that it took longer than ``limit`` (by default the grace) seconds; None if well.

        Changes no state: one bad answer is no proof, and ``health_failures`` counts those in a row. A module that is
        not up, has no ``health``, or was restarted meanwhile has nothing to report. While an earlier check has not
        ended no other is begun, so that a stuck one costs one thread and not one more every time.
        """
        if self.state not in _UP or self._life is None or (hook := self._life.hooks.get("health")) is None:
            return None
        if self._calls.is_under_way("health"):
            self.health_failures += 1
            return self.record.entry(TimeoutError("an earlier health check has not ended"))
        generation = self.generation
        outcome = await self._calls.call("health", hook, self._grace if limit is None else limit)
        if generation != self.generation:
            return None
        if outcome.error is None:
            self.health_failures = 0
            return None
        self.health_failures += 1
        return self.record.fault(outcome.error)

    def _begin(self) -> None:
        if self.state is ModuleState.STOPPED:
            self.history.clear()
        if self.state is not ModuleState.INITIALIZING:
            self._move(ModuleState.INITIALIZING)

    async def _bring_up(self) -> bool:
        self.generation += 1
        self.health_failures = 0
        self.record.failures_in_row = 0
        self.quarantined = False
        self.reason = ""
        life = Incarnation(self.spec, self._calls, self._handlers, self.host)
        try:
            error = await life.start(self._context, self._start_timeout)
        except asyncio.CancelledError:
            self._give_up("its start was cancelled")
            raise
        if isinstance(error, Interrupted):
            self._give_up("its start was cut short")
            return False
        if error is not None:
            self._failed("start", error)
            return False
        self._life, self._handlers = life, life.handlers
        self.record.started_at = self._clock.monotonic()
        self._move(ModuleState.PAUSED if self.held else ModuleState.RUNNING)
        return True

    async def _take_down(self) -> None:
        life, self._life = self._life, None
        error = None if life is None else await life.stop(self._grace)
        if error is not None:
            self._log("stop", self.record.fault(error))

    async def _end(self, reason: str, *, quarantined: bool) -> None:
        with self._calls.halted():
            async with self._turn:
                try:
                    if self.state is not ModuleState.STOPPED:
                        self._move(ModuleState.STOPPING)
                        await self._take_down()
                finally:
                    self.generation += 1
                    self.held = False
                    self.quarantined = quarantined
                    self.reason = reason
                    if self.state is ModuleState.STOPPING:
                        self._move(ModuleState.STOPPED)

    def _give_up(self, reason: str) -> None:
        self.generation += 1
        self.reason = reason
        self._move(ModuleState.STOPPING)
        self._move(ModuleState.STOPPED)

    def _failed(self, what: str, error: BaseException) -> None:
        entry = self.record.fault(error)
        self.reason = f"{entry.type}: {entry.message}"
        self._log(what, entry)
        self._move(ModuleState.ERROR)

    def _log(self, what: str, entry: ErrorEntry) -> None:
        # repr, so that a text with newlines in it cannot pass for further lines of the log.
        logger.bind(module=self.name).warning("{} failed: {} {}: {!r}", what, entry.type, entry.id, entry.message)

    def _move(self, new: ModuleState) -> None:
        old, self.state = self.state, checked_move(self.name, self.state, new)
        if self._on_change is None:
            return
        try:
            self._on_change(self, old, new)
        except Exception as error:
            text = error_text(error)
            logger.bind(module=self.name).error("on_change failed: {} {!r}", type(error).__name__, text)
