"""How long one call takes from submit to result with nothing else to do: the median, and the slowest in a hundred."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from queue import SimpleQueue
from threading import Thread

from benchmarks.contender import Contender, Work
from benchmarks.contenders import OURS, CallOfClient, configurations, elsewhere, missing, taking_part
from benchmarks.figures import compare, percentile
from benchmarks.goals import judge
from benchmarks.loops import run
from benchmarks.report import Progress, Report
from benchmarks.turns import interleave

TWO_QUEUES = "two queues"
SPAN = 0.8  # seconds that the calls of a turn may take


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Rounds of sequential calls, each call timed; the percentiles of a round are one figure each."""
    rounds, calls = (3, 300) if quick else (10, 1000)

    async def warm_up(call_of: CallOfClient) -> None:
        await durations(call_of, calls // 4)

    async def turn(call_of: CallOfClient) -> dict[tuple[str, str], float]:
        taken = await durations(call_of, calls)
        return {(f"p{percent}", "us"): 1e6 * percentile(taken, percent) for percent in (50, 99)}

    everyone = taking_part(loop)
    contenders = {**everyone, TWO_QUEUES: PING_PONG}
    measurements = run(loop, interleave(warm_up, turn, rounds, progress, contenders))
    comparisons = compare(measurements, OURS)
    return Report(
        suite="latency",
        loop=loop,
        asks="How long does a service that has nothing else to do wait for one call?",
        says_not="Nothing about many calls at once, which is the suite on throughput.",
        measurements=tuple(measurements),
        comparisons=tuple(comparisons),
        verdicts=tuple(judge("latency", comparisons)),
        absences=(*missing(), *elsewhere(loop)),
        configurations={**configurations(everyone), TWO_QUEUES: PING_PONG.configuration},
        notes=(f"{rounds} rounds of {calls} calls, one after the other, or of what {SPAN} s were enough for",),
    )


async def durations(call_of: CallOfClient, calls: int) -> list[float]:
    """Seconds of each call. A slow contender makes fewer than asked for, but one at least."""
    call, now = call_of(0), time.perf_counter
    taken: list[float] = []
    end = now() + SPAN
    while (len(taken) < calls and (begun := now()) < end) or not taken:
        await call()
        taken.append(now() - begun)
    return taken


@asynccontextmanager
async def _open_ping_pong(work: Work) -> AsyncIterator[CallOfClient]:
    calls: SimpleQueue[Work | None] = SimpleQueue()
    results: SimpleQueue[object] = SimpleQueue()

    def serve() -> None:
        while (function := calls.get()) is not None:
            results.put(function())

    async def call() -> object:
        calls.put(work)
        return results.get()

    thread = Thread(target=serve)
    thread.start()
    yield lambda client: call
    calls.put(None)
    thread.join()


PING_PONG = Contender(
    opens=_open_ping_pong,
    configuration="one thread and two SimpleQueues; the caller blocks, and the event loop with it: no way to work, but "
    "what two threads need at least to hand a call over and its result back",
)
