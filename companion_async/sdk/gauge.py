"""Memory, processor use, threads and load of an executor, with their peaks."""

from __future__ import annotations

import msgspec

from companion_async.status.system import SystemStatus


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes resident, percent of one core, threads, busy share of the workers from 0.0 to 1.0."""

    memory: int = 0
    cpu_percent: float = 0.0
    threads: int = 0
    load: float = 0.0


class Gauge:
    """Keeps the last reading and the highest of each figure. One category of a brain is what it looks at."""

    def __init__(self, category: str) -> None:
        self.now = Reading()
        self.peak = Reading()
        self._category = category

    def read(self, status: SystemStatus, memory: int | None = None) -> None:
        """Take in a picture of the brain; ``memory`` where it is known better than the picture does."""
        category = status.categories[self._category]
        now = Reading(
            memory=status.memory_bytes or self.now.memory if memory is None else memory,
            cpu_percent=status.cpu_percent or 0.0,
            threads=category.total + category.abandoned,
            load=category.utilization,
        )
        peak = self.peak
        self.now = now
        self.peak = Reading(
            memory=max(peak.memory, now.memory, status.peak_memory_bytes or 0),
            cpu_percent=max(peak.cpu_percent, now.cpu_percent, status.peak_cpu_percent or 0.0),
            threads=max(peak.threads, now.threads),
            load=max(peak.load, now.load),
        )


def resident_bytes() -> int:
    """The process's resident set."""
    import psutil

    return int(psutil.Process().memory_info().rss)
