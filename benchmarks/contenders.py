"""Who is measured: every way, at its best configuration, of having eight threads run a function and awaiting it.

A contender is opened for its turn alone, so that nobody's threads and timers disturb another's figures. Open, it gives
for each client a call without arguments to be awaited; all of them cost the client the same one `functools.partial`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
from anyio import CapacityLimiter

from companion_async import Brain, BrainConfig, Priority
from companion_async.events.stream import EventStream

THREADS = 8

Call = Callable[[], Awaitable[Any]]
CallOfClient = Callable[[int], Call]
Contender = Callable[[], AbstractAsyncContextManager[CallOfClient]]


def nothing() -> None:
    """The work: whatever time is measured is overhead."""


@asynccontextmanager
async def companion() -> AsyncIterator[CallOfClient]:
    """A brain with nothing switched off: five priorities, the default timeout, figures, history, both of its loops."""
    async with Brain(BrainConfig(categories={"core": THREADS}, max_threads=THREADS)) as brain:
        await brain.register("nothing", nothing, category="core")
        levels = tuple(Priority)
        yield lambda client: partial(brain.submit, "nothing", priority=levels[client % len(levels)])


@asynccontextmanager
async def companion_watched() -> AsyncIterator[CallOfClient]:
    """The same while somebody reads every ``task.completed`` event."""
    async with Brain(BrainConfig(categories={"core": THREADS}, max_threads=THREADS)) as brain:
        await brain.register("nothing", nothing, category="core")
        levels = tuple(Priority)
        async with brain.events.subscribe("task.completed") as stream:
            reader = asyncio.create_task(_read(stream))
            yield lambda client: partial(brain.submit, "nothing", priority=levels[client % len(levels)])
            reader.cancel()
            await asyncio.wait([reader])


async def _read(stream: EventStream) -> None:
    async for _event in stream:
        pass


@asynccontextmanager
async def asyncio_to_thread() -> AsyncIterator[CallOfClient]:
    """`asyncio.to_thread` with a default executor of as many threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        asyncio.get_running_loop().set_default_executor(pool)
        yield lambda client: partial(asyncio.to_thread, nothing)


@asynccontextmanager
async def anyio_to_thread() -> AsyncIterator[CallOfClient]:
    """`anyio.to_thread.run_sync` under one limiter for all clients."""
    limiter = CapacityLimiter(THREADS)
    yield lambda client: partial(anyio.to_thread.run_sync, nothing, limiter=limiter)


@asynccontextmanager
async def bare_pool() -> AsyncIterator[CallOfClient]:
    """A `ThreadPoolExecutor` with ``loop.run_in_executor``: no context variables, nothing but the hop."""
    with ThreadPoolExecutor(THREADS) as pool:
        loop = asyncio.get_running_loop()
        yield lambda client: partial(loop.run_in_executor, pool, nothing)


OURS = ("companion", "companion, watched")
CONTENDERS: dict[str, Contender] = {
    OURS[0]: companion,
    OURS[1]: companion_watched,
    "asyncio.to_thread": asyncio_to_thread,
    "anyio.to_thread": anyio_to_thread,
    "bare pool": bare_pool,
}
