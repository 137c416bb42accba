"""`anyio.to_thread.run_sync`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio.to_thread
from anyio import CapacityLimiter

from benchmarks.contender import THREADS, CallOfClient, Contender, Work


@asynccontextmanager
async def _open(work: Work) -> AsyncIterator[CallOfClient]:
    limiter = CapacityLimiter(THREADS)
    yield lambda client: partial(anyio.to_thread.run_sync, work, limiter=limiter)


ANYIO = Contender(opens=_open, configuration=f"one limiter of {THREADS} for all clients")
