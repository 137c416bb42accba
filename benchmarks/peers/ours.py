"""The runtime itself, with nothing switched off, alone and while somebody watches it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from benchmarks.contender import THREADS, CallOfClient, Contender, Feature, Work
from companion_async import Brain, BrainConfig, Priority
from companion_async.events.stream import EventStream


@asynccontextmanager
async def _open(work: Work) -> AsyncIterator[CallOfClient]:
    async with Brain(BrainConfig(categories={"core": THREADS}, max_threads=THREADS, queue_capacity=10_000)) as brain:
        await brain.register("work", work, category="core")
        levels = tuple(Priority)
        yield lambda client: partial(brain.submit, "work", priority=levels[client % len(levels)])


@asynccontextmanager
async def _open_watched(work: Work) -> AsyncIterator[CallOfClient]:
    async with Brain(BrainConfig(categories={"core": THREADS}, max_threads=THREADS, queue_capacity=10_000)) as brain:
        await brain.register("work", work, category="core")
        levels = tuple(Priority)
        async with brain.events.subscribe("task.completed") as stream:
            reader = asyncio.create_task(_read(stream))
            yield lambda client: partial(brain.submit, "work", priority=levels[client % len(levels)])
            reader.cancel()
            await asyncio.wait([reader])


async def _read(stream: EventStream) -> None:
    async for _event in stream:
        pass


_ALL: frozenset[Feature] = frozenset({"priorities", "bounds", "timeouts", "fairness"})
COMPANION = Contender(
    opens=_open,
    configuration=f"one category of {THREADS} threads, nothing switched off: five priorities in use, the default "
    "timeout, figures, history, both of its loops",
    has=_ALL,
)
WATCHED = Contender(
    opens=_open_watched, configuration="the same while somebody reads every task.completed event", has=_ALL
)
