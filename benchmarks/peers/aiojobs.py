"""`aiojobs`: a scheduler of coroutines with a limit, here of those that wait for a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.contender import THREADS, CallOfClient, Contender, Work


@asynccontextmanager
async def _open(work: Work) -> AsyncIterator[CallOfClient]:
    import aiojobs

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(THREADS) as pool:

        async def hop() -> Any:
            return await loop.run_in_executor(pool, work)

        async with aiojobs.Scheduler(limit=None) as scheduler:

            async def call() -> Any:
                job = await scheduler.spawn(hop())
                return await job.wait()

            yield lambda client: call


AIOJOBS = Contender(
    opens=_open,
    configuration=f"a job for each call, which awaits run_in_executor with ThreadPoolExecutor({THREADS}); no limit of "
    "jobs beside that of threads, for it would only cost",
    has=frozenset({"bounds"}),
    package="aiojobs",
)
