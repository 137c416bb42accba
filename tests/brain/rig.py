"""What tests of a whole brain share: work that the test holds back, and modules that tell what happens to them."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar, TypeVar

from companion_async import BaseModule, Brain, BrainConfig, current_task
from companion_async.clock import Clock
from companion_async.events.kinds import Event
from companion_async.events.stream import EventStream
from companion_async.testing.clock import VirtualClock, until

E = TypeVar("E", bound=Event)

_PATIENCE = 30.0  # real seconds after which work that nobody lets go fails by itself


class Gate:
    """Work that stays in its thread until the test opens the gate. Counts who is inside, and the most at once."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._lock = threading.Lock()
        self.inside = 0
        self.most = 0
        self.entered = 0

    def __call__(self, value: Any = None) -> Any:
        """Wait for the gate, deaf to every signal, and return ``value``."""
        self._enter()
        try:
            if not self._open.wait(_PATIENCE):
                raise TimeoutError("nobody opened the gate")
            return value
        finally:
            with self._lock:
                self.inside -= 1

    def heed(self, value: Any = None) -> Any:
        """The same, but ends when its task is signalled."""
        self._enter()
        try:
            context = current_task()
            while not self._open.wait(0.001):
                context.check_cancelled()
            return value
        finally:
            with self._lock:
                self.inside -= 1

    def _enter(self) -> None:
        with self._lock:
            self.entered += 1
            self.inside += 1
            self.most = max(self.most, self.inside)

    def open(self) -> None:
        """Let everybody through, those to come too."""
        self._open.set()

    async def holds(self, count: int) -> None:
        """Return once ``count`` runs are inside."""
        await until(lambda: self.inside == count)


class Diary(BaseModule):
    """Notes what happens to its instances in ``notes``; a step whose name is in ``fails`` raises. Each subclass has its
    own; `diary` makes one that adds nothing.
    """

    notes: ClassVar[list[str]]
    fails: ClassVar[dict[str, BaseException]]
    made: ClassVar[int]

    def __init_subclass__(cls) -> None:
        cls.notes, cls.fails, cls.made = [], {}, 0

    def __init__(self) -> None:
        type(self).made += 1
        self.number = type(self).made

    def _note(self, step: str) -> None:
        self.notes.append(f"{step} {self.number}")
        if step in self.fails:
            raise self.fails[step]

    def start(self) -> Any:  # a subclass may make it async
        self._note("start")

    async def stop(self) -> None:
        self._note("stop")

    async def health(self) -> None:
        if "health" in self.fails:
            raise self.fails["health"]

    def run(self, value: Any = None) -> tuple[int, Any]:
        """Which instance ran it."""
        if "run" in self.fails:
            raise self.fails["run"]
        return self.number, value

    def call(self, function: Callable[..., Any], *args: Any) -> tuple[int, Any]:
        """Which instance ran it, and what the function returned."""
        return self.number, function(*args)


def diary() -> type[Diary]:
    """A class of its own, with nothing noted yet."""
    return type("Fresh", (Diary,), {})


@asynccontextmanager
async def brain_on(clock: Clock | None = None, *, read_process: Any = None, **config: Any) -> AsyncIterator[Brain]:
    """A brain with these settings that is shut down at once at the end, whatever still waits."""
    brain = Brain(BrainConfig(plugins=False, **config), clock=clock, seed=1, read_process=read_process)
    await brain.start()
    try:
        yield brain
    finally:
        await brain.shutdown(0.0)


def types(brain: Brain, type: str) -> list[Any]:
    """The decisions of one type, oldest first."""
    return [decision for decision in brain.decisions(1000) if decision.type == type]


async def told(stream: EventStream, kind: type[E]) -> E:
    """The next event, which must be of that kind."""
    event = await anext(stream)
    assert isinstance(event, kind), event
    return event


async def until_state(brain: Brain, clock: VirtualClock, name: str, state: str, within: float = 120.0) -> None:
    """Let time pass until the module is in that state. It stands still while a hook runs in a real thread."""
    end = clock.monotonic() + within
    module = brain._assembly("test").roster.registry.get(name)
    while module.state != state:
        assert clock.monotonic() < end, f"{name} is {module.state} and never became {state}"
        await clock.advance(0.25)
        await until(lambda: not module.hooks_under_way)


def fill(brain: Brain, gate: Gate, count: int, category: str = "core", **options: Any) -> list[Any]:
    """Work without a limit of its own that waits at the gate."""
    options.setdefault("timeout", None)
    return [brain.submit(f"category:{category}", gate, **options) for _ in range(count)]
