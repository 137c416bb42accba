"""How fast tasks go through a queue that is a thousand, a hundred thousand or a million deep, and what one weighs."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil

from benchmarks.contender import THREADS, nothing
from benchmarks.figures import Measurement, compare
from benchmarks.goals import Limit, judge_limits
from benchmarks.loops import run
from benchmarks.report import Progress, Report
from companion_async import Brain, BrainConfig, Priority

DEPTHS, DEPTHS_QUICK = (1_000, 100_000, 1_000_000), (1_000, 20_000, 100_000)
OURS, UNCOLLECTED, POOL = "companion", "companion, collector off", "bare pool"
_HISTORY = 1_000


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """The queue is filled while no thread takes anything, then emptied; both are in the rate."""
    depths, rounds = (DEPTHS_QUICK, 2) if quick else (DEPTHS, 3)
    figures: dict[tuple[str, str, str], list[float]] = {}
    steps = [(number, depth, name) for number in range(rounds) for depth in depths for name in CONTENDERS]
    for done, (_, depth, name) in enumerate(steps, 1):
        gc.collect()
        rate, weight = run(loop, CONTENDERS[name](depth, max(1, depths[1] // depth)))
        figures.setdefault((name, setting(depth), "tasks/s"), []).append(rate)
        if depth > depths[0]:  # a thousand are less than the memory that lies about in a process
            figures.setdefault((name, f"{setting(depth)}, one of them", "bytes"), []).append(weight)
        progress(done / len(steps))
    measurements = tuple(Measurement(*of, tuple(rounds)) for of, rounds in figures.items())
    deep, shallow = setting(depths[-1]), setting(depths[0])
    goals = (
        Limit("depth", deep, 0.8, than=shallow, sense="at least"),
        Limit("depth", f"{deep}, one of them", 1000.0),
    )
    return Report(
        suite="depth",
        loop=loop,
        asks="Does a deep queue slow the tasks down, and what does a task weigh that waits?",
        says_not="Nothing about how long the last of a million waits: that is the work's to say.",
        headline=deep,
        measurements=measurements,
        comparisons=tuple(compare((one for one in measurements if one.unit == "tasks/s"), (OURS,))),
        verdicts=tuple(judge_limits("depth", OURS, measurements, goals)),
        configurations={
            UNCOLLECTED: "the same while Python's garbage collector is off, which nobody should do: what it takes",
            OURS: f"one category of {THREADS} threads, paused while it is filled; five priorities in turn, the default "
            f"timeout, history_size={_HISTORY:,}",
            POOL: f"ThreadPoolExecutor({THREADS}), its threads held while it is filled; no priorities, no limits",
        },
        notes=(
            f"{rounds} rounds; the rate is of filling and emptying together",
            "Python's garbage collector goes through all that waits each time that this has grown by a fourth; from "
            "10,000 tasks on a brain has it do so more rarely",
        ),
    )


def setting(depth: int) -> str:
    """The name of the setting in tables and goals."""
    return f"{depth:,} queued"


async def _companion(depth: int, times: int) -> tuple[float, float]:
    config = BrainConfig(
        categories={"core": THREADS},
        max_threads=THREADS,
        queue_capacity=2 * depth,
        max_pending_tasks=2 * depth,
        history_size=_HISTORY,
    )
    async with Brain(config) as brain:
        await brain.register("nothing", nothing, category="core")
        for _ in range(100):
            await brain.submit("nothing")
        levels = tuple(Priority)
        taken, weight = 0.0, 0.0
        for _ in range(times):
            brain.pause("nothing")
            gc.collect()
            before, begun = _resident(), time.perf_counter()
            submit: Callable[..., object] = brain.submit
            for number in range(depth):
                submit("nothing", priority=levels[number % 5])
            taken += time.perf_counter() - begun
            weight = (_resident() - before) / depth
            begun = time.perf_counter()
            brain.resume("nothing")
            await _until(lambda: not brain.status().pending_tasks)
            taken += time.perf_counter() - begun
    return depth * times / taken, weight


async def _uncollected(depth: int, times: int) -> tuple[float, float]:
    gc.disable()
    try:
        return await _companion(depth, times)
    finally:
        gc.enable()


async def _bare_pool(depth: int, times: int) -> tuple[float, float]:
    taken, weight = 0.0, 0.0
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(times):
            gate, ended = threading.Event(), threading.Event()
            for _ in range(THREADS):
                pool.submit(gate.wait)
            gc.collect()
            before, begun = _resident(), time.perf_counter()
            for _ in range(depth):
                pool.submit(nothing)
            pool.submit(ended.set)
            taken += time.perf_counter() - begun
            weight = (_resident() - before) / depth
            begun = time.perf_counter()
            gate.set()
            await _until(ended.is_set)
            taken += time.perf_counter() - begun
    return depth * times / taken, weight


async def _until(emptied: Callable[[], bool]) -> None:
    while not emptied():  # noqa: ASYNC110 - to be told of each end would cost what is measured
        await asyncio.sleep(0.001)


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)


CONTENDERS: dict[str, Callable[[int, int], Coroutine[Any, Any, tuple[float, float]]]] = {
    OURS: _companion,
    UNCOLLECTED: _uncollected,
    POOL: _bare_pool,
}
"""``(depth, times) -> (tasks a second, bytes of one that waits)``: fill the queue to that depth and empty it again, so
many times.
"""
