"""What a route of FastAPI costs that has blocking work done, and what one slow dependency among five does to the rest.

The application is called as a server calls it, without sockets and a client's parsing, which would be the same for all.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from benchmarks.asgi import Get, getter
from benchmarks.contenders import OURS
from benchmarks.figures import Measurement, compare, percentile
from benchmarks.goals import judge
from benchmarks.loops import run
from benchmarks.report import Progress, Report
from benchmarks.turns import rotated
from companion_async import Brain, BrainConfig

DEPENDENCIES = 5
CLIENTS = 20
SLOW = 0.25  # seconds: what a call of the slow dependency takes
QUICK = 0.002  # seconds: what a call of the others takes
SLOW_CLIENTS = 60  # more than the 40 threads that FastAPI shares among all of its plain routes


def work(seconds: float) -> int:
    """A dependency that blocks its thread, as a driver without asyncio does; none at all for 0 seconds."""
    if seconds:
        time.sleep(seconds)
    return 7


@asynccontextmanager
async def contenders() -> AsyncIterator[dict[str, Get]]:
    """Three applications with a route per dependency. Ours has a module per dependency, of at most eight runs."""
    from fastapi import Depends, FastAPI
    from fastapi.concurrency import run_in_threadpool

    from companion_async.integrations.fastapi import companion_lifespan, get_brain

    lengths = [0.0, *[QUICK] * (DEPENDENCIES - 1), SLOW]

    plain, pooled = FastAPI(), FastAPI()
    ours = FastAPI(lifespan=companion_lifespan(Brain(BrainConfig(categories={"core": 40}, max_threads=50))))

    def add(number: int, length: float) -> None:
        @plain.get(f"/{number}")
        def in_def() -> int:
            return work(length)

        @pooled.get(f"/{number}")
        async def in_pool() -> int:
            return await run_in_threadpool(work, length)

        @ours.get(f"/{number}")
        async def in_brain(brain: Any = Depends(get_brain)) -> Any:  # noqa: B008 as FastAPI has it
            return await brain.submit(f"dependency-{number}", "run", length)

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(ours.router.lifespan_context(ours))
        for number, length in enumerate(lengths):
            add(number, length)
            await ours.state.brain.register(f"dependency-{number}", work, max_concurrency=8)
        yield {OURS[0]: getter(ours), "def route": getter(plain), "run_in_threadpool": getter(pooled)}


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Rounds in which each application has its turn in each setting."""
    if importlib.util.find_spec("fastapi") is None:
        return Report(suite="http", loop=loop, notes=("FastAPI is not installed",))
    rounds, requests = (2, 20) if quick else (6, 60)
    measurements = run(loop, _measure(rounds, requests, progress))
    comparisons = compare(measurements, OURS)
    return Report(
        suite="http",
        loop=loop,
        asks="What does a route gain that has its blocking work done by a brain, and what does it cost?",
        says_not="The application is called without sockets, so a server and its client come on top of all three.",
        measurements=tuple(measurements),
        comparisons=tuple(comparisons),
        verdicts=tuple(judge("http", comparisons)),
        notes=(
            f"alone: {CLIENTS} clients, no work; beside a slow one: four dependencies of {1e3 * QUICK:g} ms, {CLIENTS} "
            f"clients, while {SLOW_CLIENTS} others call one of {1e3 * SLOW:g} ms",
        ),
    )


async def _measure(rounds: int, requests: int, progress: Progress) -> list[Measurement]:
    figures: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    async with contenders() as found:
        names = list(found)
        for number in range(rounds):
            for place, name in enumerate(rotated(names, number)):
                gc.collect()
                get = found[name]
                await _durations(get, ["/0"], 5)
                begun = time.perf_counter()
                alone = await _durations(get, ["/0"], requests)
                figures[name, "alone", "requests/s"].append(len(alone) / (time.perf_counter() - begun))
                beside = await _beside_slow(get, requests)
                figures[name, "beside a slow one, p99", "ms"].append(1e3 * percentile(beside, 99))
                progress((number * len(names) + place + 1) / (rounds * len(names)))
    return [Measurement(*key, tuple(values)) for key, values in figures.items()]


async def _beside_slow(get: Get, requests: int) -> list[float]:
    """How long calls of the four quick dependencies take while the fifth has more callers than it can serve."""
    ended = asyncio.Event()

    async def slow_client() -> None:
        while not ended.is_set():
            await get(f"/{DEPENDENCIES}")

    slow = [asyncio.ensure_future(slow_client()) for _ in range(SLOW_CLIENTS)]
    await asyncio.sleep(SLOW / 2)
    taken = await _durations(get, [f"/{number}" for number in range(1, DEPENDENCIES)], requests // 4)
    ended.set()
    await asyncio.gather(*slow)
    return taken


async def _durations(get: Get, paths: list[str], requests: int) -> list[float]:
    taken: list[float] = []

    async def client(number: int) -> None:
        for _ in range(requests):
            begun = time.perf_counter()
            await get(paths[number % len(paths)])
            taken.append(time.perf_counter() - begun)

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return taken
