"""How punctual the runs of many agents were, and what they cost."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from contextlib import AbstractAsyncContextManager

import msgspec
import psutil

from benchmarks.figures import percentile

PERIOD = 1.0
"""Seconds from one run of a module to the next."""

PROMPT = 0.05
"""Seconds at p99: later than that it is broken."""


class Course(msgspec.Struct):
    """What a turn came to: how late each run was, in seconds, those that should have been, and what it cost."""

    late: deque[float]
    due: float = 0.0
    cpu: float = 0.0
    resident: float = 0.0
    counting: bool = False

    @property
    def made(self) -> float:
        """The share of the runs of fast modules that were made."""
        return min(1.0, len(self.late) / self.due)

    @property
    def p99(self) -> float:
        """Seconds."""
        return percentile(list(self.late), 99) if len(self.late) > 1 else PERIOD

    async def watch(self, life: AbstractAsyncContextManager[object], settled: float, seconds: float) -> None:
        """Count the runs of ``life`` for so many seconds, after those in which it settles, and what it takes meanwhile:
        processor seconds, and MiB resident more than before it.
        """
        gc.collect()
        process = psutil.Process()
        before = process.memory_info().rss
        async with life:
            await asyncio.sleep(settled)
            self.counting, cpu = True, time.process_time()
            await asyncio.sleep(seconds)
            self.counting = False
            self.cpu = time.process_time() - cpu
            self.resident = (process.memory_info().rss - before) / 2**20
