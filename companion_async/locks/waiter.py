"""How a wait for a lock sleeps and is woken: on a loop by a future, in a thread by an event."""

from __future__ import annotations

import asyncio
import threading
from asyncio import _get_running_loop
from typing import Protocol


class Waiter(Protocol):
    """What whoever grants a lock wakes. A waiter looks, when it is woken, at what has become of its request; it may be
    woken for nothing.
    """

    def wake(self) -> None:
        """Any thread; never waits."""


class LoopWaiter:
    """A coroutine that sleeps."""

    __slots__ = ("_future", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._future: asyncio.Future[None] = loop.create_future()

    def wake(self) -> None:
        """`Waiter.wake`; a loop that is closed has nobody to be woken."""
        if _get_running_loop() is self._loop:
            self._settle()
        else:
            try:
                self._loop.call_soon_threadsafe(self._settle)
            except RuntimeError:
                return

    def _settle(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    async def sleep(self) -> None:
        """Return when woken; to be called again, `rest` first."""
        await self._future

    def rest(self) -> None:
        """Forget that it was woken. Whoever has changed something since the last look wakes it again."""
        self._future = self._loop.create_future()


class ThreadWaiter(threading.Event):
    """A thread that sleeps."""

    wake = threading.Event.set
    rest = threading.Event.clear
