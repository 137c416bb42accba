"""What becomes of critical work while ten times as much low work comes as can be done, and of idle work beside it.

Low work comes at its own pace, ten times what eight threads can do, and everybody bounds what waits of it alike; beside
it a critical call begins every 25 ms. Its time is from submission to result.
"""

from __future__ import annotations

import asyncio
import math
import time
from functools import partial

from benchmarks.contender import THREADS, CallOfClient
from benchmarks.contenders import CONTENDERS, OURS, configurations, lacking, missing
from benchmarks.figures import Measurement, compare, percentile
from benchmarks.goals import judge, judge_limits
from benchmarks.loops import run
from benchmarks.overload import offer, timed
from benchmarks.report import Progress, Report
from benchmarks.turns import interleave
from companion_async import Brain, BrainConfig, Priority
from companion_async.scheduling.admission import urgent_room

SERVICE = 0.01
OVERLOAD = 10
WAITING = 1000  # what may wait: the brain's own bound, and the same for those that have none
SPAN = 0.1  # the ageing span where idle work is looked at: the bound follows from it, and a turn takes a second
SHORT_QUEUE = 100
_PACE = 0.025
_NAMES = (OURS[0], "asyncio.to_thread", "anyio.to_thread", "aiomisc")
_CRITICAL, _LOW = 0, 3  # clients take the levels in order, where there are any


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Rounds of all contenders, then as many of idle work in a flood of critical work, which needs priorities."""
    rounds, seconds = (2, 0.5) if quick else (6, 2.0)
    names = [name for name in _NAMES if name in CONTENDERS]

    async def warm_up(call_of: CallOfClient) -> None:
        await asyncio.gather(*(call_of(_CRITICAL)() for _ in range(THREADS)))

    async def turn(call_of: CallOfClient) -> dict[tuple[str, str], float]:
        alone = [await timed(call_of(_CRITICAL)) for _ in range(50)]
        urgent = await beside_low(call_of, seconds)
        return {
            ("alone, p50", "ms"): 1e3 * percentile(alone, 50),
            ("alone, p99", "ms"): 1e3 * percentile(alone, 99),
            ("critical, p50", "ms"): 1e3 * percentile(urgent, 50),
            ("critical, p99", "ms"): 1e3 * percentile(urgent, 99),
        }

    share = rounds / (rounds + 1)
    contenders = {name: CONTENDERS[name] for name in names}
    work = interleave(warm_up, turn, rounds, lambda done: progress(share * done), contenders, _sleep)
    measurements = run(loop, work)
    waits = run(loop, idle_waits(rounds))
    progress(1.0)
    measurements.append(Measurement(OURS[0], "oldest idle task", "of its bound", tuple(waits)))
    comparisons = compare(measurements, OURS)
    return Report(
        suite="priority",
        loop=loop,
        asks="How long does urgent work wait while far more of other work comes than can be done, and does any starve?",
        says_not="Work that computes is not in it: what a thread keeps of the interpreter no priority takes away.",
        measurements=tuple(measurements),
        comparisons=tuple(comparisons),
        verdicts=(*judge_limits("priority", OURS[0], measurements), *judge("priority", comparisons)),
        absences=(
            *missing(contenders),
            *lacking("priorities", "no priority: what is critical stands behind all that came before", names=names),
        ),
        configurations=configurations(names),
        notes=(
            f"{rounds} rounds of {seconds} s; runs wait {1e3 * SERVICE:g} ms, as on a socket; low work comes at "
            f"{OVERLOAD * THREADS / SERVICE:,.0f} a second, at most {WAITING:,} wait",
            f"idle work in as large a flood of critical work, ageing span {SPAN} s, at most {SHORT_QUEUE} wait: the "
            "bound is four spans, and the run of what then stands before it",
            "what p99 is over p50 alone, with nothing else to do, is the machine's doing",
        ),
    )


async def beside_low(call_of: CallOfClient, seconds: float) -> list[float]:
    """Seconds of each critical call while the overload goes on, which it does until the last of them has come back."""
    going = {1}
    flood = asyncio.ensure_future(offer(call_of(_LOW), OVERLOAD * THREADS / SERVICE, WAITING + THREADS, going))
    await asyncio.sleep(seconds / 4)
    call, calls = call_of(_CRITICAL), list[asyncio.Task[float]]()
    begun = time.perf_counter()
    while (now := time.perf_counter()) < begun + seconds:
        calls.append(asyncio.create_task(timed(call)))
        await asyncio.sleep(max(0.0, begun + len(calls) * _PACE - now))
    taken = await asyncio.gather(*calls)
    going.clear()
    await flood
    return taken


async def idle_waits(rounds: int) -> list[float]:
    """How long the oldest idle task waited to begin in a flood of critical work, as a share of its bound."""
    waits = []
    for _ in range(rounds):
        config = BrainConfig(
            categories={"core": THREADS}, max_threads=THREADS, queue_capacity=SHORT_QUEUE, ageing_span=SPAN
        )
        async with Brain(config) as brain:
            await brain.register("work", _sleep, category="core")
            going = {1}
            critical = partial(brain.submit, "work", priority=Priority.CRITICAL)
            flood = asyncio.ensure_future(offer(critical, OVERLOAD * THREADS / SERVICE, WAITING, going))
            await asyncio.sleep(3 * SPAN)
            idle = [brain.submit("work", priority=Priority.IDLE, on_full="wait", timeout=None) for _ in range(THREADS)]
            await asyncio.gather(*idle)
            going.clear()
            await flood
            longest = max((task.started_at - task.submitted_at).total_seconds() for task in idle if task.started_at)
            run = brain.module_status("work").run_seconds.p99
        waits.append(longest / latest_start(Priority.IDLE, SHORT_QUEUE, run or SERVICE, SPAN))
    return waits


def latest_start(level: int, capacity: int, run: float, span: float) -> float:
    """Seconds after its submission by which a task of ``level`` has begun under weighted priority, whatever comes.

    What is submitted from ``(level - 1) * span`` on does not go before it any more. What does, waits by then: as much
    as the queue holds, its room for urgent work, and what passes the few in line. All of that is served by all threads
    but the one that may be kept.
    """
    before = capacity + urgent_room(capacity) + THREADS
    return (level - 1) * span + run * (math.ceil(before / (THREADS - 1)) + 1)


def _sleep() -> None:
    time.sleep(SERVICE)
