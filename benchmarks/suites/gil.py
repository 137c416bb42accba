"""How late the event loop is while 32 clients keep pure Python computing in threads, and how much of it gets done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import msgspec

from benchmarks.contender import CallOfClient, Work
from benchmarks.contenders import CONTENDERS, OURS
from benchmarks.figures import compare, percentile
from benchmarks.goals import judge, judge_limits
from benchmarks.loops import run
from benchmarks.report import Progress, Report
from benchmarks.suites.throughput import rate
from benchmarks.turns import interleave

JOBS = 32
STEPS = 100_000  # of a loop of pure Python: some milliseconds
AT_FIRST = "companion, at first"
_PEERS = ("asyncio.to_thread", "anyio.to_thread")
_PACE = 0.005


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Rounds in which each computes: ours from cold, and once it has had time to notice what it runs."""
    rounds, known, seconds = (1, 3.0, 1.5) if quick else (3, 12.0, 3.0)

    async def warm_up(call_of: CallOfClient) -> None:
        await call_of(0)()

    async def turn(call_of: CallOfClient) -> dict[tuple[str, str], float]:
        late, done = await beside_computing(call_of, seconds)
        return {
            ("p50 late", "ms"): 1e3 * percentile(late, 50),
            ("p99 late", "ms"): 1e3 * percentile(late, 99),
            ("throughput", "runs/s"): done,
        }

    ours = CONTENDERS[OURS[0]]
    contenders = {
        OURS[0]: msgspec.structs.replace(
            ours, opens=partial(_knowing, known), configuration=f"{ours.configuration}; after {known:g} s of this work"
        ),
        AT_FIRST: msgspec.structs.replace(ours, configuration="the same from the first moment on"),
        **{name: CONTENDERS[name] for name in _PEERS},
    }
    measurements = run(loop, interleave(warm_up, turn, rounds, progress, contenders, compute))
    comparisons = compare(measurements, OURS)
    return Report(
        suite="gil",
        loop=loop,
        asks="Does the event loop stay prompt while modules compute in threads?",
        says_not="Threads do not make pure Python faster, ours no more than others: that takes processes.",
        headline="p99 late",
        measurements=tuple(measurements),
        comparisons=tuple(comparisons),
        verdicts=(
            *judge_limits("gil", OURS[0], measurements),
            *judge_limits("gil", AT_FIRST, measurements),
            *judge("gil", comparisons),
        ),
        configurations={name: one.configuration for name, one in contenders.items()},
        notes=(
            f"{rounds} rounds; {JOBS} clients, each with a run of {STEPS:,} steps under way or waiting; a timer of "
            f"{1e3 * _PACE:g} ms tells how late it is, for {seconds} s",
        ),
    )


@asynccontextmanager
async def _knowing(seconds: float, work: Work) -> AsyncIterator[CallOfClient]:
    """Ours once it has run the work for so long. The others do not learn, so they need not wait for it."""
    async with CONTENDERS[OURS[0]](work) as call_of:
        await beside_computing(call_of, seconds)
        yield call_of


async def beside_computing(call_of: CallOfClient, seconds: float) -> tuple[list[float], float]:
    """How late a timer came, each time, in seconds; and the runs a second meanwhile."""
    late, going = list[float](), [True]

    async def probe() -> None:
        while going:
            due = time.perf_counter() + _PACE
            await asyncio.sleep(_PACE)
            late.append(max(0.0, time.perf_counter() - due))

    probing = asyncio.create_task(probe())
    done = await rate(call_of, JOBS, seconds)
    going.clear()
    await probing
    return late, done


def compute() -> int:
    """Keep the interpreter, and nothing else, busy."""
    found = 0
    for number in range(STEPS):
        found ^= number * number
    return found
