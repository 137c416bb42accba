"""Who owns a lock, and what the world around the locks does while an owner waits."""

from __future__ import annotations

import asyncio
import threading
from asyncio import _get_running_loop
from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from companion_async.clock import Clock
from companion_async.errors import InvalidArgumentError

Caller = tuple[Hashable, asyncio.AbstractEventLoop | None]

_NO_SHIELD = nullcontext()
_GLANCE = 0.05
"""Real seconds after which a waiting thread looks at the clock, which may not be the machine's."""


class Work(Protocol):
    """What runs, as the locks see it: they ask who calls, and have it wait."""

    def caller(self) -> Caller:
        """Who calls: the one that will own what it is granted now; and the event loop that runs in its thread."""

    def watch(self, owner: Hashable, ended: Callable[[Hashable], None]) -> None:
        """Have ``ended(owner)`` called when the owner has ended or was given up; raise if it was already. Called at
        the first lock of an owner, by the owner.
        """

    def block(self, owner: Hashable, woken: threading.Event, until: float | None) -> None:
        """Sleep in the calling thread until ``woken``; `TimeoutError` at ``until`` on the clock."""

    async def pause(self, owner: Hashable, sleep: Callable[[], Awaitable[None]]) -> None:
        """Await ``sleep()`` in the calling coroutine."""

    def shield(self) -> AbstractContextManager[None]:
        """Keeps exceptions that are raised into the calling thread from outside out of the block."""


class PlainWork:
    """Owners without a brain: on a loop the running `asyncio.Task`, elsewhere the thread.

    A coroutine that ends lets go of what it holds. A thread cannot say that it ends: what one held is taken from it
    when somebody else wants it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def caller(self) -> Caller:
        """`Work.caller`."""
        loop = _get_running_loop()
        if loop is None:
            return threading.current_thread(), None
        task = asyncio.current_task(loop)
        if task is None:
            raise InvalidArgumentError("A callback of the loop cannot own a lock. Acquire it in a coroutine.")
        return task, loop

    def watch(self, owner: Hashable, ended: Callable[[Hashable], None]) -> None:
        """`Work.watch`."""
        if isinstance(owner, asyncio.Task):
            owner.add_done_callback(ended)

    def block(self, owner: Hashable, woken: threading.Event, until: float | None) -> None:
        """`Work.block`."""
        now: Any = self._clock.monotonic
        while not woken.wait(_GLANCE if until is None else max(0.0, min(_GLANCE, until - now()))):
            if until is not None and now() >= until:
                raise TimeoutError

    async def pause(self, owner: Hashable, sleep: Callable[[], Awaitable[None]]) -> None:
        """`Work.pause`."""
        await sleep()

    def shield(self) -> AbstractContextManager[None]:
        """`Work.shield`."""
        return _NO_SHIELD
