"""What the standard library has: `asyncio.to_thread`, and a `ThreadPoolExecutor` with ``loop.run_in_executor``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from benchmarks.contender import THREADS, CallOfClient, Contender, Work


@asynccontextmanager
async def _open_to_thread(work: Work) -> AsyncIterator[CallOfClient]:
    with ThreadPoolExecutor(THREADS) as pool:
        asyncio.get_running_loop().set_default_executor(pool)
        yield lambda client: partial(asyncio.to_thread, work)


@asynccontextmanager
async def _open_pool(work: Work) -> AsyncIterator[CallOfClient]:
    with ThreadPoolExecutor(THREADS) as pool:
        loop = asyncio.get_running_loop()
        yield lambda client: partial(loop.run_in_executor, pool, work)


TO_THREAD = Contender(opens=_open_to_thread, configuration=f"a default executor of {THREADS} threads")
BARE_POOL = Contender(
    opens=_open_pool,
    configuration=f"ThreadPoolExecutor({THREADS}) with loop.run_in_executor: no context variables, nothing but the hop",
)
