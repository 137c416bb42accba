"""What the modules' runs have used of the processor, those that still go on counted in."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from companion_async.offload.slot import Slot


class Use(NamedTuple):
    """Of the runs of one module that go on: wall seconds since they began, and since and from when they were first
    seen, wall and CPU seconds.
    """

    run_seconds: float = 0.0
    measured_seconds: float = 0.0
    cpu_seconds: float = 0.0


class Usage:
    """A run is measured when it has ended, and a long one would be known too late: so while it goes on, the CPU time of
    its thread is read from outside, from the first look on that sees it. Where the system does not tell (it does on
    Linux), only runs that have ended count. Loop only.
    """

    def __init__(self) -> None:
        self._seen: dict[Any, tuple[float, float]] = {}

    def read(self, now: float, slots: Iterable[Slot]) -> dict[str, Use]:
        """By module, for the runs that go on in these slots. About 3 us for each of them."""
        found, seen = dict[str, Use](), dict[Any, tuple[float, float]]()
        for slot in slots:
            task = _job(slot)
            if task is None or slot.abandoned or slot.waiting or task.started < 0:
                continue
            cpu = thread_cpu_seconds(slot.native_id)
            if _job(slot) is not task:
                continue  # it has ended meanwhile, and is or will be counted
            first = seen[task] = self._seen.get(task, (now, cpu))
            use = found.get(task.module, _NONE)
            found[task.module] = Use(
                use.run_seconds + max(0.0, now - task.started),
                use.measured_seconds + now - first[0],
                use.cpu_seconds + max(0.0, cpu - first[1]),
            )
        self._seen = seen
        return found


class Supply:
    """How much of the processor time that its threads wanted the process got: on a busy machine one that holds the
    interpreter waits for a processor, and all the others for it. Told by Linux alone. Loop only.
    """

    def __init__(self) -> None:
        self._before: dict[int, tuple[int, int]] = {}

    def read(self, native_ids: Sequence[int]) -> float:
        """The share since the last call, of a few of these threads; 1.0 where nothing is known. About 10 us each."""
        had = lacked = 0
        seen = dict[int, tuple[int, int]]()
        for native_id in islice(native_ids, _FEW):
            figures = _schedule(native_id)
            if figures is None:
                continue
            seen[native_id] = figures
            before = self._before.get(native_id, figures)
            had += figures[0] - before[0]
            lacked += figures[1] - before[1]
        self._before = seen
        return had / (had + lacked) if had + lacked > _LEAST else 1.0


def _schedule(native_id: int) -> tuple[int, int] | None:
    """Nanoseconds that the thread ran, and that it was ready to run and did not."""
    if not _READABLE:
        return None
    try:
        ran, waited, _ = Path(f"/proc/self/task/{native_id}/schedstat").read_bytes().split()
        return int(ran), int(waited)
    except (OSError, ValueError):
        return None


def _job(slot: Slot) -> Any:
    return slot.job


def thread_cpu_seconds(native_id: int) -> float:
    """The CPU time of a live thread of this process; 0.0 where it cannot be read."""
    if not _READABLE or not native_id:
        return 0.0
    try:
        # The kernel's name for the clock of a thread, as clock_getcpuclockid(3) makes it. A thread that has ended
        # meanwhile is refused; by its pthread handle it would be looked for in freed memory.
        return time.clock_gettime((~native_id << 3) | 6)
    except OSError:
        return 0.0


_NONE = Use()
_FEW = 12
_LEAST = 10_000_000  # nanoseconds, below which nothing can be said
_READABLE = sys.platform == "linux"
