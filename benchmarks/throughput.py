"""How many no-op calls a second come back to 1, 20 and 200 clients that each await one after the other."""

from __future__ import annotations

import asyncio
import time

from benchmarks.contenders import OURS, Call, CallOfClient, configurations, missing
from benchmarks.figures import compare
from benchmarks.goals import judge
from benchmarks.loops import run
from benchmarks.report import Progress, Report
from benchmarks.turns import interleave

CLIENTS = (1, 20, 200)
PATIENCE = 3.0  # seconds for a single call of each client; whoever would need more is not measured with so many


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Rounds of a fixed time for each number of clients; the rate counts what came back in the time it really took."""
    rounds, seconds = (5, 0.06) if quick else (12, 0.15)

    async def warm_up(call_of: CallOfClient) -> None:
        await rate(call_of, CLIENTS[-1], 2 * seconds)

    async def turn(call_of: CallOfClient) -> dict[tuple[str, str], float]:
        figures: dict[tuple[str, str], float] = {}
        for clients in CLIENTS:
            # All clients wait for their last call: with 400 tasks a second, 5,000 would for 12 seconds.
            if clients <= PATIENCE * max(figures.values(), default=clients):
                figures[setting(clients), "tasks/s"] = await rate(call_of, clients, seconds)
        return figures

    measurements = run(loop, interleave(warm_up, turn, rounds, progress))
    comparisons = compare(measurements, OURS)
    return Report(
        suite="throughput",
        loop=loop,
        measurements=tuple(measurements),
        comparisons=tuple(comparisons),
        verdicts=tuple(judge("throughput", comparisons)),
        absences=missing(),
        configurations=configurations(),
        notes=(f"{rounds} rounds of {seconds} s for each figure",),
    )


def setting(clients: int) -> str:
    """The name of the setting in tables and goals."""
    return "1 client" if clients == 1 else f"{clients} clients"


async def rate(call_of: CallOfClient, clients: int, seconds: float) -> float:
    """Calls that came back per second while each client awaited one after the other."""
    loop = asyncio.get_running_loop()
    going = [True]

    async def client(call: Call) -> int:
        done = 0
        while going:
            await call()
            done += 1
        return done

    begun = time.perf_counter()
    loop.call_later(seconds, going.clear)
    counts = await asyncio.gather(*(client(call_of(number)) for number in range(clients)))
    return sum(counts) / (time.perf_counter() - begun)
