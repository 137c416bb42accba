"""Coroutines and threads that hold a resource until they are told to stop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from companion_async import (
    AccessMode,
    LockSettings,
    ResourceCoordinator,
    ResourceLock,
    ResourceType,
)

READ, WRITE, EXCLUSIVE = AccessMode.READ, AccessMode.WRITE, AccessMode.EXCLUSIVE


def coordinator(clock: Any = None, **settings: Any) -> ResourceCoordinator:
    made = ResourceCoordinator(LockSettings(**settings), clock=clock)
    made.register_resource("memory", {"a": 1}, ResourceType.EPISODIC_MEMORY)
    return made


class Client:
    """A coroutine that holds the resource until it is told to stop."""

    def __init__(self, made: ResourceCoordinator, mode: AccessMode, **options: Any) -> None:
        self.inside = False
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self._hold(made.acquire_context("memory", mode, **options)))

    async def _hold(self, lock: ResourceLock) -> None:
        async with lock:
            self.inside = True
            await self.leave.wait()
        self.inside = False

    async def end(self) -> None:
        self.leave.set()
        await self.task


def in_thread(function: Any) -> threading.Thread:
    thread = threading.Thread(target=function)
    thread.start()
    return thread
