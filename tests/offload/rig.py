"""What the tests of threads and their places share: jobs, a loop that delivers, and pools on real threads."""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from companion_async.offload.house import House
from companion_async.offload.mailbox import BETWEEN_GLANCES, Letter, Mailbox
from companion_async.offload.pool import Pool
from companion_async.offload.slot import Outcome, Slot
from companion_async.scheduling.lane import Lane
from companion_async.scheduling.policies import ORDERINGS, SchedulingPolicy
from companion_async.scheduling.queue import Queue
from companion_async.testing.clock import until


class Job:
    """What a queue and a slot read of a task."""

    def __init__(self, function: Callable[..., Any], *args: Any, lane: Lane | None = None, **marks: Any) -> None:
        self.lane = lane if lane is not None else Lane("lane")
        self.function, self.args = function, args
        self.kwargs: dict[str, Any] = {}
        self.context = contextvars.copy_context()
        self.ticket, self.deadline, self.expected = -1, math.inf, 1e-5
        self.level, self.submitted = marks.get("level", 3), marks.get("submitted", 0.0)
        self.started = -1.0
        self.light = marks.get("light", False)
        self.measured = marks.get("measured", False)
        self.on_loop = marks.get("on_loop", False)
        self.interruptible = marks.get("interruptible", False)
        self.signalled = False


def mailbox(
    loop: asyncio.AbstractEventLoop, outcomes: list[Outcome] | None = None, after: Callable[[], None] = lambda: None
) -> Mailbox:
    """A mailbox that keeps what runs came to in ``outcomes``, and calls everything else."""
    kept: list[Any] = [] if outcomes is None else outcomes

    def read(letters: deque[Letter]) -> None:
        for _ in BETWEEN_GLANCES:
            if not letters:
                break
            letter = letters.popleft()
            if isinstance(letter, tuple):
                kept.append(letter)
            else:
                letter()

    return Mailbox(loop, read, after)


class Gate:
    """Work that stays in its thread until the test lets it go on."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._lock = threading.Lock()
        self.inside = 0

    def __call__(self) -> None:
        with self._lock:
            self.inside += 1
        self._open.wait(30)
        with self._lock:
            self.inside -= 1

    def open(self) -> None:
        """Let everybody through."""
        self._open.set()

    async def holds(self, count: int) -> None:
        """Return once ``count`` threads wait here."""
        await until(lambda: self.inside == count)


class Ground:
    """A house with pools on real threads; what their runs came to is in ``outcomes``."""

    def __init__(self, max_threads: int) -> None:
        self.outcomes: list[Outcome] = []
        self.on_loop: list[Any] = []
        self.house = House(max_threads)
        self.mailbox = mailbox(asyncio.get_running_loop(), self.outcomes)
        self.pools: list[Pool] = []
        self.threads: list[threading.Thread] = []
        self.lane = Lane("lane")

    def pool(self, limit: int, budget: int | None = None, name: str = "core") -> Pool:
        """A category of the house."""
        made = Pool(
            name,
            limit=limit,
            budget=budget,
            backlog=Queue(ORDERINGS[SchedulingPolicy.PRIORITY_FIRST], 10.0),
            house=self.house,
            mailbox=self.mailbox,
            start=self._start,
            run_on_loop=self.on_loop.append,
            now=time.monotonic,
        )
        self.pools.append(made)
        return made

    def put(self, pool: Pool, function: Callable[..., Any], *args: Any, **marks: Any) -> Job:
        """Queue work."""
        job = Job(function, *args, **{"lane": self.lane, **marks})
        pool.put(job)
        return job

    def slot_of(self, pool: Pool, job: Job) -> Slot:
        """The slot that runs it."""
        (found,) = [slot for slot in pool.alive if slot.job is job]
        return found

    async def ran(self, count: int) -> None:
        """Return once so many runs have been handed over."""
        await until(lambda: len(self.outcomes) >= count)

    def _start(self, pool: Pool, slot: Slot) -> None:
        def live() -> None:
            slot.work(pool, self.mailbox, time.monotonic)
            self.mailbox.post(pool.ended, slot)

        self.threads.append(threading.Thread(target=live))
        self.threads[-1].start()


@asynccontextmanager
async def ground(max_threads: int = 50) -> AsyncIterator[Ground]:
    """A house whose threads are gone at the end."""
    made = Ground(max_threads)
    try:
        yield made
    finally:
        for pool in made.pools:
            pool.close()
        await until(lambda: made.house.live == 0)
        for thread in made.threads:
            thread.join()
