"""How late the event loop is while 32 clients keep pure Python computing in threads, and how much of it gets done."""

from __future__ import annotations

import asyncio
import time

from benchmarks.contender import CallOfClient
from benchmarks.contenders import CONTENDERS, OURS, configurations
from benchmarks.figures import compare, percentile
from benchmarks.goals import judge, judge_limits
from benchmarks.loops import run
from benchmarks.report import Progress, Report
from benchmarks.throughput import rate
from benchmarks.turns import interleave

JOBS = 32
STEPS = 100_000  # of a loop of pure Python: some milliseconds
_NAMES = (OURS[0], "asyncio.to_thread", "anyio.to_thread")
_PACE = 0.005


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Rounds in which each computes from cold and, once it has had time to notice what it runs, again."""
    rounds, known, seconds = (1, 4.0, 1.5) if quick else (4, 15.0, 3.0)

    async def warm_up(call_of: CallOfClient) -> None:
        await call_of(0)()

    async def turn(call_of: CallOfClient) -> dict[tuple[str, str], float]:
        first, _ = await beside_computing(call_of, seconds)
        await beside_computing(call_of, known - seconds)
        late, done = await beside_computing(call_of, seconds)
        return {
            ("at first, p99 late", "ms"): 1e3 * percentile(first, 99),
            ("p50 late", "ms"): 1e3 * percentile(late, 50),
            ("p99 late", "ms"): 1e3 * percentile(late, 99),
            ("throughput", "runs/s"): done,
        }

    contenders = {name: CONTENDERS[name] for name in _NAMES}
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
        verdicts=(*judge_limits("gil", OURS[0], measurements), *judge("gil", comparisons)),
        configurations=configurations(_NAMES),
        notes=(
            f"{rounds} rounds; {JOBS} clients, each with a run of {STEPS:,} steps under way or waiting; a timer of "
            f"{1e3 * _PACE:g} ms tells how late it is, for {seconds} s at first and for {seconds} s after {known} s",
        ),
    )


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
