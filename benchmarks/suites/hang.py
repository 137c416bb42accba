"""What becomes of the rest when one call in five hangs and never comes back: while threads last, and afterwards.

Calls come at a steady pace, each with 0.1 s to be done in. A hanging one holds its thread until the end of the turn, as
a read from a socket without a timeout does. "Served" is the share of the sound calls that came back in time.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from benchmarks.contender import THREADS
from benchmarks.contenders import OURS
from benchmarks.figures import Measurement
from benchmarks.goals import judge_limits
from benchmarks.loops import run
from benchmarks.report import Absence, Progress, Report
from companion_async import Brain, BrainConfig, CompanionError, Timeout

SERVICE = 0.01
PATIENCE = 0.1
RATE = 150
EVERY = 5  # each fifth hangs
BUDGET = 40
OTHERS = 4
MOST = THREADS + BUDGET + OTHERS
WHILE_THEY_LAST = 0.8 * BUDGET * EVERY / RATE  # seconds

Submit = Callable[[str, Callable[[], Any]], Awaitable[Any]]
"""``(kind, work)``: kind is ``"core"``, where some of the calls hang, or ``"other"``."""
Opening = Callable[[], AbstractAsyncContextManager[Submit]]


@asynccontextmanager
async def companion() -> AsyncIterator[Submit]:
    """Eight threads for these calls, forty that may be abandoned, four for other work in a category of its own."""
    config = BrainConfig(
        categories={"core": THREADS, "other": OTHERS}, abandoned_budget=BUDGET, max_threads=MOST, auto_scaling=False
    )
    limit = Timeout(total=PATIENCE)  # a run's own limit would let those that wait for a thread wait for ever
    async with Brain(config) as brain:
        try:
            yield lambda kind, work: brain.submit(f"category:{kind}", work, timeout=limit)
        finally:
            _released.set()


def to_thread_of(threads: int) -> Opening:
    """`asyncio.to_thread` under `asyncio.wait_for`, with a default executor of so many threads."""

    @asynccontextmanager
    async def opening() -> AsyncIterator[Submit]:
        with ThreadPoolExecutor(threads) as pool:
            asyncio.get_running_loop().set_default_executor(pool)
            try:
                yield lambda kind, work: asyncio.wait_for(asyncio.to_thread(work), PATIENCE)
            finally:
                _released.set()

    return opening


WAYS: dict[str, Opening] = {
    OURS[0]: companion,
    "asyncio.to_thread": to_thread_of(THREADS),
    f"the same with {MOST}": to_thread_of(MOST),
}


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Rounds in which each way has its turn."""
    rounds = 1 if quick else 3
    figures: dict[tuple[str, str, str], list[float]] = {}
    for number in range(rounds):
        for place, (name, opening) in enumerate(WAYS.items()):
            for (setting, unit), figure in run(loop, turn(opening)).items():
                figures.setdefault((name, setting, unit), []).append(figure)
            progress((number * len(WAYS) + place + 1) / (rounds * len(WAYS)))
    measurements = [Measurement(*key, tuple(values)) for key, values in figures.items()]
    return Report(
        suite="hang",
        loop=loop,
        asks="When some calls never come back, what do the others get?",
        says_not="No thread can be killed: with every hang one is gone, here too. What ends is how many a category "
        "may lose, and whom else it takes with it.",
        measurements=tuple(measurements),
        verdicts=tuple(judge_limits("hang", OURS[0], measurements)),
        absences=(Absence("the others", "have one pool for all calls, whatever they are about"),),
        configurations={
            OURS[0]: f"{THREADS} threads, {BUDGET} that may be abandoned, {OTHERS} for other work, {MOST} in all",
            "asyncio.to_thread": f"wait_for around it, a default executor of {THREADS} threads",
            f"the same with {MOST}": f"of {MOST}: as many as ours may have in all",
        },
        notes=(
            f"{rounds} rounds; {RATE} calls a second of {1e3 * SERVICE:g} ms, each {EVERY}th hangs, {PATIENCE} s to be "
            f"done in; the first {WHILE_THEY_LAST:.1f} s cost {0.8 * BUDGET:g} threads, as long again the rest",
        ),
    )


async def turn(opening: Opening) -> dict[tuple[str, str], float]:
    """One way: undisturbed, while threads last, when none is left, and other work then."""
    _released.clear()
    before, most = threading.active_count(), 0
    async with opening() as submit:
        undisturbed, _ = await served(submit, WHILE_THEY_LAST / 2, hanging=False)
        lasting, threads = await served(submit, WHILE_THEY_LAST, hanging=True)
        most = max(most, threads)
        afterwards, threads = await served(submit, WHILE_THEY_LAST, hanging=True)
        most = max(most, threads) - before
        other = await asyncio.gather(*(_in_time(submit("other", _wait)) for _ in range(OTHERS)))
    return {
        ("while threads last", "% of undisturbed"): 100 * lasting / undisturbed,
        ("when they are spent", "% of undisturbed"): 100 * afterwards / undisturbed,
        ("other work then", "% served"): 100 * sum(other) / len(other),
        ("threads at most", ""): most,
    }


async def served(submit: Submit, seconds: float, *, hanging: bool) -> tuple[float, int]:
    """The share of the sound calls that came back in time, and the most threads that were alive meanwhile."""
    calls, threads = list[asyncio.Task[bool]](), 0
    begun = time.perf_counter()
    for number in range(int(seconds * RATE)):
        await asyncio.sleep(max(0.0, begun + number / RATE - time.perf_counter()))
        hangs = hanging and number % EVERY == 0
        call = asyncio.create_task(_in_time(submit("core", _released.wait if hangs else _wait)))
        if not hangs:
            calls.append(call)
        threads = max(threads, threading.active_count())
    came_back = await asyncio.gather(*calls)
    return sum(came_back) / len(came_back), threads


async def _in_time(call: Awaitable[Any]) -> bool:
    try:
        await call
    except (TimeoutError, CompanionError):
        return False
    return True


def _wait() -> None:
    time.sleep(SERVICE)


_released = threading.Event()
