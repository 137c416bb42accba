"""Work that comes at its own pace, whether what came before has been done or not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from companion_async import QueueFullError

_TICK = 0.002  # seconds; a loop cannot be asked for a timer per call at thousands of calls a second


async def offer(
    call: Callable[[], Awaitable[Any]], rate: float, most: int, going: Collection[object]
) -> tuple[int, int]:
    """Make ``rate`` calls a second for as long as ``going`` holds anything, and let go of those that are not through by
    then. How many were made and how many refused, by the callee or because ``most`` had not come back yet.
    """
    in_flight: set[asyncio.Future[Any]] = set()
    made = refused = 0
    begun = time.perf_counter()
    while going:
        for _ in range(int((time.perf_counter() - begun) * rate) - made):
            made += 1
            if len(in_flight) >= most:
                refused += 1
                continue
            try:
                waiting: asyncio.Future[Any] = asyncio.ensure_future(call())
            except QueueFullError:
                refused += 1
            else:
                in_flight.add(waiting)
                waiting.add_done_callback(in_flight.discard)
        await asyncio.sleep(_TICK)
    left = tuple(in_flight)
    for waiting in left:
        waiting.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    return made, refused


async def timed(call: Callable[[], Awaitable[Any]]) -> float:
    """Seconds from the call to its result."""
    begun = time.perf_counter()
    await call()
    return time.perf_counter() - begun
