"""What the standard library has: `asyncio.to_thread`, and a `ThreadPoolExecutor` with ``loop.run_in_executor``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from benchmarks.contender import THREADS, CallOfClient, Contender, Feature, Work


@asynccontextmanager
async def _open_to_thread(work: Work) -> AsyncIterator[CallOfClient]:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(THREADS) as pool:
        loop.set_default_executor(pool)
        yield lambda client: partial(asyncio.to_thread, work)
    # One that is shut down would fail whoever uses it next; one without work has no threads.
    loop.set_default_executor(ThreadPoolExecutor(THREADS))


@asynccontextmanager
async def _open_pool(work: Work) -> AsyncIterator[CallOfClient]:
    with ThreadPoolExecutor(THREADS) as pool:
        loop = asyncio.get_running_loop()
        yield lambda client: partial(loop.run_in_executor, pool, work)


# A call that is given up keeps its thread, so there are never more; and nobody replaces it.
_BOUNDS: frozenset[Feature] = frozenset({"bounds"})

TO_THREAD = Contender(opens=_open_to_thread, configuration=f"a default executor of {THREADS} threads", has=_BOUNDS)
BARE_POOL = Contender(
    opens=_open_pool,
    configuration=f"ThreadPoolExecutor({THREADS}) with loop.run_in_executor: no context variables, nothing but the hop",
    has=_BOUNDS,
)
