"""How many calls a second come back to 1 to 5,000 clients that each await one after the other: no-ops, and of 50 us."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterable, Mapping
from functools import partial

from benchmarks.contender import Work
from benchmarks.contenders import (
    OURS,
    QUICK,
    Call,
    CallOfClient,
    Contender,
    configurations,
    elsewhere,
    missing,
    taking_part,
)
from benchmarks.figures import Measurement, compare, summarize
from benchmarks.goals import judge
from benchmarks.loops import available, run
from benchmarks.report import Absence, Chart, Curve, Progress, Report
from benchmarks.turns import interleave

CLIENTS = (1, 20, 200, 1_000, 5_000)
BUSY_CLIENTS = (1, 200, 5_000)
BUSY, BUSY_PREFIX = 50e-6, "50 us, "
PATIENCE = 4.0
"""Seconds for a single call of each client. Whoever would need more is not measured with so many."""


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Rounds of a fixed time for each number of clients; the rate counts what came back in the time it really took."""
    rounds, seconds = (3, 0.05) if quick else (8, 0.1)
    work, size = hashing(BUSY)
    everyone = taking_part(loop)
    whole = loop == available()[-1]  # work of 50 us hides most of what a loop costs: it is measured on one of them
    busy = QUICK if quick else everyone  # to start Ray again takes longer than all that others do in a quick run
    part = 0.6 if whole else 1.0
    measurements = _rounds(loop, CLIENTS, "", None, everyone, rounds, seconds, lambda share: progress(part * share))
    if whole:
        rest = partial(_shifted, progress, part)
        measurements += _rounds(loop, BUSY_CLIENTS, BUSY_PREFIX, work, busy, rounds, seconds, rest)
    comparisons = compare(measurements, OURS)
    return Report(
        suite="throughput",
        loop=loop,
        asks="How many calls a second can a service send to threads, and get back?",
        says_not="Nothing about one call alone, which is the suite on latency.",
        headline="200 clients",
        measurements=tuple(measurements),
        comparisons=tuple(comparisons),
        verdicts=tuple(judge("throughput", comparisons)),
        charts=(chart(measurements),),
        absences=(*missing(), *elsewhere(loop), *left_out(measurements, quick=quick)),
        configurations=configurations(everyone),
        notes=(
            f"{rounds} rounds of {seconds} s for each figure",
            f"50 us: the SHA-256 of {size:,} bytes, which does not hold the interpreter lock. What a peer takes for a "
            "call, over 50 us shared by the cores, is the most that a ratio can be there"
            if whole
            else f"work of 50 us is measured on {available()[-1]}",
        ),
    )


def _shifted(progress: Progress, start: float, share: float) -> None:
    progress(start + (1 - start) * share)


def _rounds(
    loop: str,
    numbers: tuple[int, ...],
    prefix: str,
    work: Work | None,
    contenders: Mapping[str, Contender],
    rounds: int,
    seconds: float,
    progress: Progress,
) -> list[Measurement]:
    async def warm_up(call_of: CallOfClient) -> None:
        await rate(call_of, 200, seconds)

    async def turn(call_of: CallOfClient) -> dict[tuple[str, str], float]:
        figures: dict[tuple[str, str], float] = {}
        last = float("inf")
        for clients in numbers:
            # All clients wait for their last call: with 400 tasks a second, 5,000 would for 12 seconds.
            if clients <= PATIENCE * last:
                last = figures[prefix + setting(clients), "tasks/s"] = await rate(call_of, clients, seconds)
        return figures

    return run(loop, interleave(warm_up, turn, rounds, progress, contenders, work))


def left_out(measurements: list[Measurement], *, quick: bool = False) -> list[Absence]:
    """Who was not measured where, of those that were measured at all: for `Report.absences`."""
    found = {(one.contender, one.setting) for one in measurements}
    many = f"not measured with so many: a call of each would take more than {PATIENCE:g} s"
    slow = "slow to start, left out of a quick run"
    return [
        Absence(name, slow if quick and where.startswith(BUSY_PREFIX) else many, where)
        for where in dict.fromkeys(one.setting for one in measurements)
        for name in dict.fromkeys(one.contender for one in measurements)
        if (name, where) not in found
    ]


def chart(measurements: Iterable[Measurement]) -> Chart:
    """The no-ops of each contender over the number of clients."""
    found = {(one.contender, one.setting): summarize(one.rounds) for one in measurements}
    curves = []
    for name in dict.fromkeys(contender for contender, _ in found):
        points = [(clients, found[name, setting(clients)]) for clients in CLIENTS if (name, setting(clients)) in found]
        x, y, low, high = (
            tuple(float(clients) for clients, _ in points),
            *(tuple(getattr(one, what) for _, one in points) for what in ("median", "low", "high")),
        )
        curves.append(Curve(name, x, y, low, high))
    return Chart(
        title="No-ops that come back, by the number of clients",
        x="clients that await one call after the other",
        y="tasks/s",
        curves=tuple(curves),
        log_x=True,
        log_y=True,
        caption="Each line is ten times the one before it. Who is too slow for many clients ends early.",
    )


def hashing(seconds: float) -> tuple[Work, int]:
    """Work that takes about so long, measured now, without the interpreter lock; and how many bytes it hashes."""
    data = bytes(1 << 20)
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        hashlib.sha256(data)
        taken.append(time.perf_counter() - begun)
    size = max(4096, int(len(data) * seconds / min(taken)))  # hashlib lets go of the lock from 2 KiB on
    piece = data[:size]

    def digest() -> bytes:
        return hashlib.sha256(piece).digest()

    return digest, size


def setting(clients: int) -> str:
    """The name of the setting in tables and goals."""
    return "1 client" if clients == 1 else f"{clients:,} clients"


async def rate(call_of: CallOfClient, clients: int, seconds: float) -> float:
    """Calls that came back per second while each client awaited one after the other, one at least."""
    loop = asyncio.get_running_loop()
    going = [True]

    async def client(call: Call) -> int:
        done = 0
        while going or not done:  # to begin with all of 5,000 may take longer than there is time
            await call()
            done += 1
        return done

    begun = time.perf_counter()
    loop.call_later(seconds, going.clear)
    counts = await asyncio.gather(*(client(call_of(number)) for number in range(clients)))
    return sum(counts) / (time.perf_counter() - begun)
