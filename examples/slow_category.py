"""Background jobs as with Celery, without a broker: why slow ones and fast ones want categories of their own.

Run it with:  python examples/slow_category.py
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from companion_async import Brain, BrainConfig, RetryPolicy, current_task

THREADS = 6  # in all, the same for both
REPORTS, LOOKUPS = 24, 200


def report(month: int) -> str:
    """A slow job: it waits for a service that takes 100 ms."""
    time.sleep(0.1)
    return f"report {month}"


def lookup(key: int) -> int:
    """A fast job: 1 ms."""
    time.sleep(0.001)
    return key


async def lookups_take(call: Callable[[int], Awaitable[int]]) -> list[float]:
    """How long each of the lookups takes its caller, in ms; one comes every 2 ms."""
    taken = []

    async def one(key: int) -> None:
        began = time.perf_counter()
        await call(key)
        taken.append(1000 * (time.perf_counter() - began))

    async with asyncio.TaskGroup() as group:
        for key in range(LOOKUPS):
            group.create_task(one(key))
            await asyncio.sleep(0.002)
    return sorted(taken)


def told(name: str, taken: list[float]) -> None:
    print(f"   {name:24} half within {median(taken):6.1f} ms, 99 of 100 within {taken[int(0.99 * len(taken))]:6.1f} ms")


async def main() -> None:
    print(f"{LOOKUPS} lookups of 1 ms, while {REPORTS} reports of 100 ms are made; {THREADS} threads each time")
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(THREADS) as pool:
        slow = [loop.run_in_executor(pool, report, month) for month in range(REPORTS)]
        told("one pool for all:", await lookups_take(lambda key: loop.run_in_executor(pool, lookup, key)))
        await asyncio.gather(*slow)

    categories = {"reports": THREADS // 2, "lookups": THREADS // 2}
    async with Brain(BrainConfig(categories=categories, auto_scaling=False)) as brain:
        await brain.register("reports", report, category="reports")
        await brain.register("lookups", lookup, category="lookups")
        jobs = [brain.submit("reports", "run", month) for month in range(REPORTS)]
        told("a category for each:", await lookups_take(lambda key: brain.submit("lookups", "run", key)))
        for job in jobs:
            await job

        print("\nWhat else a job queue is used for:")
        job = brain.submit("reports", "run", 13)
        print(f"   by its id: {brain.task(job.id).state}, then {await job!r}")

        def flaky() -> str:
            if current_task().attempt < 3:
                raise ConnectionError("not yet")
            return f"done at attempt {current_task().attempt}"

        print("   retried:  ", await brain.submit("reports", flaky, retry=RetryPolicy(attempts=5, wait_initial=0.01)))
        month, year = brain.submit("reports", "run", 12), brain.submit("reports", lambda: "the year", after=jobs[:3])
        print("   a chain:  ", await month, "and, after three others,", await year)
        once = [brain.submit("reports", "run", 7, key="report of july") for _ in range(3)]
        print("   only once:", len({task.id for task in once}), "task for", len(once), "submissions")
        beats: list[float] = []
        enough = asyncio.Event()

        async def beat() -> None:
            beats.append(time.perf_counter())
            if len(beats) == 5:
                enough.set()

        ticker = brain.every("lookups", beat, period=0.02)
        await enough.wait()
        ticker.stop()
        print(f"   beat:      {len(beats)} ticks, {1000 * (beats[4] - beats[0]) / 4:.0f} ms apart")


if __name__ == "__main__":
    asyncio.run(main())
