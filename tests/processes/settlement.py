"""What the tests of processes share."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from companion_async import Brain
from companion_async.clock import Clock
from companion_async.testing.clock import until
from tests.processes import work
from tests.work.house import running

PATIENCE = 30.0
"""Real seconds: a busy machine takes its time to start an interpreter."""


@asynccontextmanager
async def settled(clock: Clock | None = None, module: Any = work.pid, **settings: Any) -> AsyncIterator[Brain]:
    """A brain with a module ``m`` that lives in processes; none of them is left at its end."""
    options = settings.pop("options", {})
    async with running(clock, **settings) as brain:
        await brain.register("m", module, offload="process", **options)
        try:
            yield brain
        finally:
            pids = living(brain)
            for task in brain.tasks():
                task.cancel()  # time may stand still, and nobody opens a gate to what computes for ever
            await brain.shutdown(0.0)
    assert [pid for pid in pids if exists(pid)] == []


def living(brain: Brain) -> list[int]:
    """The processes that a brain has, as its status tells."""
    return [
        worker.pid
        for category in brain.status().categories.values()
        for worker in category.workers
        if worker.pid is not None
    ]


def exists(pid: int) -> bool:
    """Whether there is such a process, a zombie included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ends(pid: int) -> bool:
    """Whether it has ended, though perhaps nobody has asked how: what is left over has no parent here that would."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return not exists(pid)


async def noted(path: Path, text: str = "") -> str:
    """What a process has written into a file, once it begins so."""
    found = [""]

    def is_there() -> bool:
        found[0] = path.read_text() if path.exists() else ""
        return bool(found[0]) and found[0].startswith(text)

    await until(is_there, PATIENCE)
    return found[0]
