"""Those who wait for one thing, coroutines and threads in one line: first come, first served, and nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Protocol


class Waiter(Protocol):
    """One that waits. ``granted`` is read and written under the line's lock only."""

    granted: bool

    def wake(self) -> None:
        """End its wait. Any thread; a second call does nothing."""


class LoopWaiter:
    """A coroutine that waits; it may be woken from any thread."""

    __slots__ = ("_future", "_loop", "_thread", "granted")

    def __init__(self) -> None:
        self.granted = False
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.get_ident()

    async def wait(self) -> None:
        """Until `wake`."""
        await self._future

    def wake(self) -> None:
        if threading.get_ident() == self._thread:
            self._settle()
        else:
            with contextlib.suppress(RuntimeError):  # its loop has closed: nobody waits there any more
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if not self._future.done():
            self._future.set_result(None)


class ThreadWaiter:
    """A thread that waits for ``done``."""

    __slots__ = ("done", "granted")

    def __init__(self) -> None:
        self.granted = False
        self.done = threading.Event()

    def wake(self) -> None:
        self.done.set()


class Line:
    """Waiters and what is promised to them. A promise is not a thing handed over: who was promised one takes it when
    its turn comes, and if it has left by then, by a cancellation for instance, the promise passes to the next.

    Whoever has the lock says how many things there are; the line never promises more.
    """

    __slots__ = ("_waiters", "promised")

    def __init__(self) -> None:
        self.promised = 0
        self._waiters: dict[Waiter, None] = {}

    def __len__(self) -> int:
        return len(self._waiters)

    def promise(self, available: int) -> Waiter | None:
        """Promise one of ``available`` things to the first in line; the waiter to be woken, once the lock is free."""
        if not self._waiters or available <= self.promised:
            return None
        waiter = next(iter(self._waiters))
        del self._waiters[waiter]
        self.promised += 1
        waiter.granted = True
        return waiter

    def join(self, waiter: Waiter) -> None:
        """Stand at the end."""
        self._waiters[waiter] = None

    def leave(self, waiter: Waiter) -> None:
        """Stand in line no more, whether promised something or not."""
        if waiter.granted:
            self.promised -= 1
        else:
            self._waiters.pop(waiter, None)

    def dissolve(self) -> list[Waiter]:
        """Send everybody away with nothing."""
        waiters = list(self._waiters)
        self._waiters.clear()
        return waiters
