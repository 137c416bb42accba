"""A brain on a clock that the test owns, and work in real threads that the test holds back."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from companion_async import Brain, BrainConfig, Task
from companion_async.clock import Clock
from companion_async.offload.pool import Pool
from companion_async.scheduling.port import Port
from companion_async.testing.clock import VirtualClock, until


class Gate:
    """Work that waits, in its thread, until the test lets it go on. Every gate is open once `running` is left."""

    made: ClassVar[list[Gate]] = []

    def __init__(self) -> None:
        self.order: list[Any] = []
        self.most = self._inside = 0
        self._lock = threading.Lock()
        self._passes = threading.Semaphore(0)
        self._open = threading.Event()
        Gate.made.append(self)

    def __call__(self, name: Any = None) -> Any:
        """Note that ``name`` has begun, wait, and return it."""
        with self._lock:
            self.order.append(name)
            self._inside += 1
            self.most = max(self.most, self._inside)
        try:
            while not self._open.is_set() and not self._passes.acquire(timeout=0.02):
                pass
        finally:
            with self._lock:
                self._inside -= 1
        return name

    @property
    def inside(self) -> int:
        """How many wait here just now."""
        return self._inside

    def let(self, count: int) -> None:
        """Let ``count`` go on."""
        self._passes.release(count)

    def open(self) -> None:
        """Let everybody go on, from now on."""
        self._open.set()

    async def holds(self, count: int) -> None:
        """Return once ``count`` wait here."""
        await until(lambda: self._inside == count)

    async def begun(self, count: int) -> None:
        """Return once ``count`` have begun in all."""
        await until(lambda: len(self.order) >= count)


@asynccontextmanager
async def running(clock: Clock | None = None, **settings: Any) -> AsyncIterator[Brain]:
    """A brain whose decisions, healing and health rounds are out of the way, by default on virtual time."""
    quiet = {"auto_scaling": False, "decision_interval": 1e6, "health_interval": 1e6, "failure_threshold": 10_000}
    settings = {**quiet, **settings}
    async with Brain(BrainConfig(**settings), clock=clock or VirtualClock(), seed=1) as brain:
        try:
            yield brain
        finally:
            while Gate.made:
                Gate.made.pop().open()


def pool(brain: Brain, category: str = "core") -> Pool:
    """The threads of a category, for what no picture shows."""
    assert brain._parts is not None
    return brain._parts.scheduler.pools[category]


def port(brain: Brain, module: str) -> Port:
    """A module as the scheduler sees it."""
    assert brain._parts is not None
    return brain._parts.scheduler.ports[module]


async def running_state(task: Task[Any]) -> None:
    """Return once the task has begun to run."""
    await until(lambda: task.state == "running")


def ends(*tasks: Task[Any]) -> list[str]:
    """How tasks have ended."""
    return [task.state.value for task in tasks]
