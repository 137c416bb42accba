"""All processes of a brain: their settings, their common clock, and their end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import anyio

from companion_async.clock import Clock
from companion_async.errors import CompanionError, InvalidArgumentError
from companion_async.offload.processes import inside
from companion_async.offload.processes.group import Group
from companion_async.offload.processes.parcel import is_frozen, main_program, pack
from companion_async.offload.processes.process import Process
from companion_async.offload.processes.settings import ProcessSettings

_STARTED_AT_ONCE = 2
_GLANCE = 0.02


class Fleet:
    """Every module that lives in processes has a `Group` here. Loop only.

    `close` ends all processes and returns when they are reaped; `abandon` is for a loop that goes without it.
    """

    def __init__(self, settings: ProcessSettings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.groups: dict[str, Group] = {}
        self.processes: set[Process] = set()
        self._limiter: anyio.CapacityLimiter | None = None
        self._starts: set[asyncio.Task[None]] = set()
        self._change: asyncio.Future[None] | None = None

    @property
    def limiter(self) -> anyio.CapacityLimiter:
        """How many are started at once."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_STARTED_AT_ONCE)
        return self._limiter

    def group(self, name: str, resident: Any, category: str) -> Group:
        """A module's place to live; refused, and nothing kept, if what it is made from cannot go there."""
        try:
            main_program()
            imported = inside.importing_main
        except RuntimeError:  # so says multiprocessing, of a process that it has started
            imported = True
        if imported:
            raise CompanionError(
                "The main program is being imported by one of its own processes, and must not start anything then. "
                "Put what it does under: if __name__ == '__main__':"
            )
        if is_frozen():
            raise InvalidArgumentError("A bundled program cannot start Python processes: use offload='thread'.")
        return Group(self, name, pack(resident, f"Module {name!r}"), category)

    def directory(self) -> str:
        """Where processes work: where this one does."""
        return str(Path.cwd())

    def log_level(self) -> int:
        """From which level on lines of `logging` are worth sending."""
        return logging.getLogger().getEffectiveLevel()

    def spawn(self, start: Coroutine[Any, Any, None]) -> None:
        """Have a process started beside everything else."""
        task = asyncio.get_running_loop().create_task(start, name="companion process start")
        self._starts.add(task)
        task.add_done_callback(self._starts.discard)

    async def change(self) -> None:
        """Return when a process has ended."""
        await asyncio.shield(self._next_change())

    def _next_change(self) -> asyncio.Future[None]:
        if self._change is None or self._change.done():
            self._change = asyncio.get_running_loop().create_future()
        return self._change

    def changed(self) -> None:
        """A process has ended."""
        if self._change is not None and not self._change.done():
            self._change.set_result(None)

    async def close(self) -> None:
        """Kill what is left, and return when nothing is."""
        while self._starts or self.processes:
            for process in tuple(self.processes):
                process.kill()
            # Looked at again and again: one that is just being started can be killed only when it is there.
            await asyncio.wait([self._next_change()], timeout=_GLANCE)

    def abandon(self) -> None:
        """End all at once, without the loop's help."""
        for process in tuple(self.processes):
            process.reap()
