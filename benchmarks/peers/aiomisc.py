"""`aiomisc`'s pool of threads, whose ``submit`` gives a future of the loop straight away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from benchmarks.contender import THREADS, CallOfClient, Contender, Work


@asynccontextmanager
async def _open(work: Work) -> AsyncIterator[CallOfClient]:
    import aiomisc

    pool = aiomisc.ThreadPoolExecutor(THREADS)
    try:
        yield lambda client: partial(pool.submit, work)
    finally:
        pool.shutdown(wait=True)


AIOMISC = Contender(
    opens=_open,
    configuration=f"aiomisc.ThreadPoolExecutor({THREADS}), its submit() without a wrapper around it",
    has=frozenset({"bounds"}),
    package="aiomisc",
)
