"""What the operating system says of this process and its threads. Blocking, a few milliseconds: read it in a thread."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class ProcessFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One reading. What cannot be read is None, and an empty mapping.

    ``cpu_percent`` is of one core since the reading before; ``cpu_seconds`` of the process so far. ``memory_bytes`` is
    the resident set, ``memory_fraction`` its share of what the machine or the container allows. ``thread_cpu_seconds``
    and ``thread_cpu_percent`` go by native thread id. The peaks are over all readings.
    """

    cpu_seconds: float | None = None
    cpu_percent: float | None = None
    memory_bytes: int | None = None
    memory_fraction: float | None = None
    threads: int | None = None
    thread_cpu_seconds: Mapping[int, float] = {}
    thread_cpu_percent: Mapping[int, float] = {}
    peak_memory_bytes: int | None = None
    peak_cpu_percent: float | None = None
    peak_threads: int | None = None


class ProcessReader:
    """Reads the figures and remembers what differences and peaks need. One thread at a time.

    psutil is imported with the first reading. Each figure fails by itself: a file of ``/proc`` that may not be read
    costs that figure alone.
    """

    def __init__(
        self,
        memory_limit: int | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
        open_process: Callable[[], Any] | None = None,
    ) -> None:
        self._limit = memory_limit
        self._now = now
        self._open = open_process or _open_process
        self._process: Any = None
        self._at: float | None = None
        self._last = ProcessFigures()

    def read(self) -> ProcessFigures:
        """The figures now. Never raises."""
        if self._process is None:
            self._process = _tried(self._open)
            if self._process is None:
                return ProcessFigures()
            if self._limit is None:
                self._limit = memory_limit()
        process, before, now = self._process, self._last, self._now()
        seconds = None if self._at is None else now - self._at
        times = _tried(process.cpu_times)
        cpu = None if times is None else times.user + times.system
        memory = _tried(process.memory_info)
        rss = None if memory is None else memory.rss
        by_thread = _tried(process.threads) or ()
        thread_cpu = {thread.id: thread.user_time + thread.system_time for thread in by_thread}
        percent = _percent(before.cpu_seconds, cpu, seconds)
        known = before.thread_cpu_seconds
        figures = ProcessFigures(
            cpu_seconds=cpu,
            cpu_percent=percent,
            memory_bytes=rss,
            memory_fraction=rss / self._limit if rss is not None and self._limit else None,
            threads=len(thread_cpu) or None,
            thread_cpu_seconds=thread_cpu,
            thread_cpu_percent={
                thread: share
                for thread, used in thread_cpu.items()
                if (share := _percent(known.get(thread), used, seconds)) is not None
            },
            peak_memory_bytes=_higher(before.peak_memory_bytes, rss),
            peak_cpu_percent=_higher(before.peak_cpu_percent, percent),
            peak_threads=_higher(before.peak_threads, len(thread_cpu) or None),
        )
        self._at, self._last = now, figures
        return figures


def memory_limit() -> int | None:
    """The bytes this process may come to hold: what the container allows, or what the machine has."""
    import psutil

    machine = _tried(lambda: int(psutil.virtual_memory().total))
    limits = [machine, *(_tried(functools.partial(_read_number, path)) for path in _CGROUP_LIMITS)]
    return min((limit for limit in limits if limit is not None), default=None)


def _read_number(path: str) -> int:
    return int(Path(path).read_text())


def _open_process() -> Any:
    import psutil

    return psutil.Process()


def _tried(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception:  # psutil's own errors, a file that is not there, a word where a number was: no figure then
        return None


def _percent(before: float | None, after: float | None, seconds: float | None) -> float | None:
    if before is None or after is None or not seconds or seconds <= 0:
        return None
    return max(0.0, 100.0 * (after - before) / seconds)


def _higher(before: Any, now: Any) -> Any:
    return now if before is None or (now is not None and now > before) else before
