"""The same computing work in processes: how much more gets done than in threads, how prompt the loop stays, and what
one small call across the border costs.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

import anyio
import anyio.to_process

from benchmarks.contender import THREADS, CallOfClient, Contender, Work
from benchmarks.figures import compare, percentile
from benchmarks.goals import judge, judge_limits
from benchmarks.loops import run
from benchmarks.report import Progress, Report
from benchmarks.suites.gil import JOBS, STEPS, beside_computing, compute
from benchmarks.turns import interleave
from companion_async import Brain, BrainConfig

SMALL = -1
"""The client whose call does nothing, where one is measured."""
_OURS = ("companion",)
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Rounds in which each has its processes ready, computes, and then makes small calls one after the other."""
    rounds, seconds, calls = (1, 1.0, 100) if quick else (5, 2.0, 300)

    async def warm_up(call_of: CallOfClient) -> None:
        await asyncio.gather(*(call_of(client)() for client in range(JOBS)))

    async def turn(call_of: CallOfClient) -> dict[tuple[str, str], float]:
        late, done = await beside_computing(call_of, seconds)
        figures = {
            ("throughput", "runs/s"): done,
            ("p50 late", "ms"): 1e3 * percentile(late, 50),
            ("p99 late", "ms"): 1e3 * percentile(late, 99),
        }
        if (small := call_of(SMALL)) is not call_of(0):
            trips = list[float]()
            for _ in range(calls):
                begun = time.perf_counter()
                await small()
                trips.append(time.perf_counter() - begun)
            figures["round trip, p50", "ms"] = 1e3 * percentile(trips, 50)
        return figures

    measurements = run(loop, interleave(warm_up, turn, rounds, progress, CONTENDERS, compute))
    comparisons = compare(measurements, _OURS)
    return Report(
        suite="process",
        loop=loop,
        asks="What does offload='process' gain for modules that compute, and what does it cost to cross the border?",
        says_not="Starting a process, 0.2 to 0.4 s, is not in it, nor is the pickling of large arguments.",
        measurements=tuple(measurements),
        comparisons=tuple(comparisons),
        verdicts=(*judge_limits("process", _OURS[0], measurements), *judge("process", comparisons)),
        configurations={name: one.configuration for name, one in CONTENDERS.items()},
        notes=(
            f"{rounds} rounds of {seconds} s; {JOBS} clients, each with a run of {STEPS:,} steps under way or waiting; "
            f"a timer tells how late it is, as in the suite gil; then {calls} calls that do nothing, one at a time",
            f"{_CORES} processors for the processes and the loop together",
        ),
    )


def nothing() -> None:
    """Cross the border and come back."""


@asynccontextmanager
async def _companion(work: Work) -> AsyncIterator[CallOfClient]:
    async with Brain(BrainConfig(categories={"core": THREADS})) as brain:
        await brain.register("work", work, category="core", offload="process")
        computing, small = partial(brain.submit, "work"), partial(brain.submit, "work", nothing)
        yield lambda client: small if client == SMALL else computing


@asynccontextmanager
async def _companion_threads(work: Work) -> AsyncIterator[CallOfClient]:
    async with Brain(BrainConfig(categories={"core": THREADS})) as brain:
        await brain.register("work", work, category="core")
        computing = partial(brain.submit, "work")
        yield lambda client: computing


@asynccontextmanager
async def _to_thread(work: Work) -> AsyncIterator[CallOfClient]:
    with ThreadPoolExecutor(THREADS) as pool:
        asyncio.get_running_loop().set_default_executor(pool)
        computing = partial(asyncio.to_thread, work)
        yield lambda client: computing


@asynccontextmanager
async def _process_pool(work: Work) -> AsyncIterator[CallOfClient]:
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(_CORES, mp_context=multiprocessing.get_context("spawn")) as pool:
        computing, small = partial(loop.run_in_executor, pool, work), partial(loop.run_in_executor, pool, nothing)
        yield lambda client: small if client == SMALL else computing


@asynccontextmanager
async def _to_process(work: Work) -> AsyncIterator[CallOfClient]:
    call = partial(anyio.to_process.run_sync, limiter=anyio.CapacityLimiter(_CORES))
    computing, small = partial(call, work), partial(call, nothing)
    yield lambda client: small if client == SMALL else computing


CONTENDERS = {
    _OURS[0]: Contender(opens=_companion, configuration="offload='process', as many at once as there are processors"),
    "companion in threads": Contender(
        opens=_companion_threads, configuration=f"offload='thread', {THREADS} threads; the first seconds, uncapped"
    ),
    "asyncio.to_thread": Contender(opens=_to_thread, configuration=f"a default executor of {THREADS} threads"),
    "ProcessPoolExecutor": Contender(
        opens=_process_pool, configuration="run_in_executor, spawned, as many as there are processors"
    ),
    "anyio.to_process": Contender(opens=_to_process, configuration="a limiter of as many as there are processors"),
}
