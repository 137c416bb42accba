"""Whether three modules with quotas 3:2:1 that all want everything get their shares of the runs."""

from __future__ import annotations

import asyncio
import time

from benchmarks.contender import THREADS
from benchmarks.contenders import OURS, lacking
from benchmarks.figures import Measurement
from benchmarks.goals import judge_limits
from benchmarks.loops import run
from benchmarks.report import Progress, Report
from companion_async import Brain, BrainConfig, SchedulingPolicy

QUOTAS = {"three": 3, "two": 2, "one": 1}
POLICIES = (SchedulingPolicy.FAIR_SHARE, SchedulingPolicy.WEIGHTED_PRIORITY)
CLIENTS = 32
SERVICE = 0.001


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Each policy in turn, in rounds: the share of each module, and how far the farthest is from its quota."""
    rounds, seconds = (3, 0.4) if quick else (7, 1.0)
    figures: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds):
        for place, policy in enumerate(POLICIES):
            shares = run(loop, shares_under(policy, seconds))
            for name, share in shares.items():
                figures.setdefault((f"{policy}, quota {QUOTAS[name]}", "% of runs"), []).append(100 * share)
            if policy is SchedulingPolicy.FAIR_SHARE:
                figures.setdefault((f"{policy}, farthest off", "%"), []).append(100 * farthest_off(shares))
            progress((number * len(POLICIES) + place + 1) / (rounds * len(POLICIES)))
    measurements = [Measurement(OURS[0], setting, unit, tuple(values)) for (setting, unit), values in figures.items()]
    return Report(
        suite="fairness",
        loop=loop,
        asks="Do modules that share a category's threads get the shares that their quotas say?",
        says_not="Shares are counted in runs, not in time: a module whose runs are longer has its threads for longer.",
        measurements=tuple(measurements),
        verdicts=tuple(judge_limits("fairness", OURS[0], measurements)),
        absences=lacking("fairness", "knows no modules and no quotas: first come, first served"),
        notes=(
            f"{rounds} rounds of {seconds} s; {CLIENTS} clients of each module, runs of {1e3 * SERVICE:g} ms, "
            f"{THREADS} threads",
            "weighted_priority asks for priority and age alone: with the same priority and the same number of clients "
            "each has a third, whatever its quota",
        ),
    )


async def shares_under(policy: SchedulingPolicy, seconds: float) -> dict[str, float]:
    """The share of all runs that each module had while all of them had more to do than there were threads."""
    going = [True]
    config = BrainConfig(categories={"core": THREADS}, max_threads=THREADS, policy=policy)
    async with Brain(config) as brain:
        for name, quota in QUOTAS.items():
            await brain.register(name, _wait, category="core", quota=quota)

        async def client(name: str) -> None:
            while going:
                await brain.submit(name)

        def counts() -> dict[str, int]:
            return {name: brain.module_status(name).tasks_completed for name in QUOTAS}

        clients = [asyncio.create_task(client(name)) for name in QUOTAS for _ in range(CLIENTS)]
        await asyncio.sleep(seconds / 4)
        before = counts()
        await asyncio.sleep(seconds)
        after = counts()
        going.clear()
        await asyncio.gather(*clients)
    runs = {name: after[name] - before[name] for name in QUOTAS}
    return {name: count / sum(runs.values()) for name, count in runs.items()}


def farthest_off(shares: dict[str, float]) -> float:
    """How far the share that is farthest from its quota is from it, as a part of what it should be."""
    whole = sum(QUOTAS.values())
    return max(abs(share / (QUOTAS[name] / whole) - 1) for name, share in shares.items())


def _wait() -> None:
    time.sleep(SERVICE)
