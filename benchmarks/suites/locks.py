"""What a lock costs: alone, from hand to hand, and to find that a wait would never end.

``aiorwlock`` is measured as it is by default, and with ``fast=True``, without which it gives the loop a turn at each
acquisition.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from benchmarks.contenders import OURS
from benchmarks.figures import Measurement, compare
from benchmarks.goals import judge, judge_limits
from benchmarks.loops import run
from benchmarks.report import Progress, Report
from benchmarks.turns import rotated
from companion_async import AccessMode, Brain, BrainConfig, DeadlockError, ResourceCoordinator, ResourceType

PEER = "aiorwlock"
CLIENTS = 20
WAITERS = 1000
Lock = Callable[[], Any]
"""Gives what is entered with ``async with``, once."""


@asynccontextmanager
async def contenders() -> AsyncIterator[dict[str, Lock]]:
    """Who is measured, by name: ours is that of a running brain."""
    async with AsyncExitStack() as stack:
        brain = await stack.enter_async_context(Brain(BrainConfig()))
        brain.resources.register_resource("bench", None, ResourceType.COMPUTATION)
        acquire, write = brain.resources.acquire_context, AccessMode.WRITE
        plain = asyncio.Lock()
        found: dict[str, Lock] = {OURS[0]: lambda: acquire("bench", write), "asyncio.Lock": lambda: plain}
        if importlib.util.find_spec(PEER) is not None:
            import aiorwlock

            writer, quick = aiorwlock.RWLock().writer_lock, aiorwlock.RWLock(fast=True).writer_lock
            found |= {PEER: lambda: writer, f"{PEER}, fast": lambda: quick}
        yield found


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Rounds in which each contender has its turn in each setting; a figure is the mean of the turn's acquisitions."""
    rounds, calls = (3, 2_000) if quick else (9, 20_000)
    measurements = run(loop, _measure(rounds, calls, progress))
    comparisons = compare(measurements, OURS)
    missing = importlib.util.find_spec(PEER) is None
    return Report(
        suite="locks",
        loop=loop,
        asks="What does a lock cost that knows who holds it, finds deadlocks and serves in order?",
        says_not="Alone and from hand to hand only: how long others hold a lock is theirs to say.",
        measurements=tuple(measurements),
        comparisons=tuple(comparisons),
        verdicts=(*judge("locks", comparisons), *judge_limits("locks", OURS[0], measurements)),
        notes=(
            f"alone: acquire and release; handover: {CLIENTS} coroutines, each giving the loop a turn while it holds",
            f"deadlock: refusing the wait that closes a cycle of {WAITERS:,} owners, each of whom waits for the next",
            f"{rounds} rounds of {calls:,} acquisitions",
            *((f"{PEER} is not installed and was not measured: pip install {PEER}",) if missing else ()),
        ),
    )


async def _measure(rounds: int, calls: int, progress: Progress) -> list[Measurement]:
    figures: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    async with contenders() as locks:
        names = list(locks)
        for number in range(rounds):
            for name in rotated(names, number):
                for setting, act in (("alone", alone), ("handover", handover)):
                    await act(locks[name], calls // 10)
                    gc.collect()
                    figures[name, setting, "us"].append(1e6 * await act(locks[name], calls))
            figures[OURS[0], "deadlock", "ms"].append(1e3 * await deadlock())
            progress((number + 1) / rounds)
    return [Measurement(name, setting, unit, tuple(values)) for (name, setting, unit), values in figures.items()]


async def alone(lock: Lock, calls: int) -> float:
    """Seconds to acquire and release when nobody else wants it."""
    begun = time.perf_counter()
    for _ in range(calls):
        async with lock():
            pass
    return (time.perf_counter() - begun) / calls


async def handover(lock: Lock, calls: int) -> float:
    """Seconds from one holder to the next, all of them waiting in line."""

    async def client() -> None:
        for _ in range(calls // CLIENTS):
            async with lock():
                await asyncio.sleep(0)

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return (time.perf_counter() - begun) / (calls // CLIENTS * CLIENTS)


async def deadlock() -> float:
    """Seconds to find that a wait would close a cycle through `WAITERS` owners."""
    resources = ResourceCoordinator()
    names = [f"r{number}" for number in range(WAITERS)]
    for name in names:
        resources.register_resource(name, None, ResourceType.COMPUTATION)
    ready, closing, taken = asyncio.Event(), asyncio.Event(), 0.0

    async def owner(number: int) -> None:
        nonlocal taken
        async with resources.acquire_context(names[number], AccessMode.WRITE):
            await (closing if number == WAITERS - 1 else ready).wait()
            begun = time.perf_counter()
            try:
                async with resources.acquire_context(names[(number + 1) % WAITERS], AccessMode.WRITE, timeout=None):
                    pass
            except DeadlockError:
                taken = time.perf_counter() - begun

    tasks = [asyncio.create_task(owner(number)) for number in range(WAITERS)]
    await asyncio.sleep(0)  # each has its own lock now
    ready.set()
    await asyncio.sleep(0)  # all but the last stand in line for the next one's
    closing.set()
    await asyncio.gather(*tasks)
    return taken
