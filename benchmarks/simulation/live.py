"""Five workloads with real threads: ours against the plain rule and a fixed limit of fifty, a process for each."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks.figures import Measurement, percentile
from benchmarks.loops import run
from benchmarks.report import Progress
from companion_async import Brain, BrainConfig

SECONDS = 14.0
_QUIET = 6.0  # the load is high from then on
Work = Callable[[], None]


class Downstream:
    """Serves ``capacity`` calls at full speed and loses throughput beyond that, as `shapes` has it."""

    def __init__(self, capacity: int, seconds: float, collapse: float = 0.5) -> None:
        self._capacity, self._seconds, self._power = capacity, seconds, 1.0 + collapse
        self._inside = 0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """One call."""
        with self._lock:
            self._inside += 1
            stretch = max(1.0, self._inside / self._capacity) ** self._power
        time.sleep(self._seconds * stretch)
        with self._lock:
            self._inside -= 1


def wait(seconds: float) -> Work:
    """Waits for nobody."""
    return lambda: time.sleep(seconds)


def compute(seconds: float) -> None:
    """Uses the processor for that long, by the thread's own clock."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(200))


def mixed(waiting: float, computing: float) -> Work:
    """One after the other."""

    def work() -> None:
        time.sleep(waiting)
        compute(computing)

    return work


def bimodal() -> Work:
    """Mostly short, sometimes long."""
    dice = random.Random(1)
    return lambda: time.sleep(2.0 if dice.random() < 0.05 else 0.08)


WORKLOADS: dict[str, tuple[Callable[[], Work], float, float]] = {
    "real waiting": (lambda: wait(0.4), 4.0, 40.0),
    "real downstream": (lambda: Downstream(8, 0.06), 30.0, 115.0),
    "real computing": (lambda: lambda: compute(0.01), 15.0, 50.0),
    "real mixture": (lambda: mixed(0.06, 0.005), 15.0, 80.0),
    "real bimodal": (bimodal, 8.0, 60.0),
}
"""Work, and how many begin a second while the load is low and while it is high."""
_COMPUTE = ("real computing",)  # most of the time: these have the machine to themselves

_CONFIGS = {
    "companion": {"categories": {"core": 5}},
    "plain rule": {"categories": {"core": 5}, "scaling": "plain"},
    "fixed 50": {"categories": {"core": 50}, "auto_scaling": False},
}


def live(loop: str, progress: Progress) -> list[Measurement]:
    """The 99th percentile of the time from submission to result, in seconds. Who mostly waits does so side by side,
    each in a process of its own.
    """
    found = list[Measurement]()
    for number, name in enumerate(WORKLOADS):
        abreast = 1 if name in _COMPUTE else len(_CONFIGS)
        with ProcessPoolExecutor(abreast, get_context("spawn")) as processes:
            runs = {who: processes.submit(_run, loop, name, who) for who in _CONFIGS}
            found += [Measurement(who, name, "s", (future.result(),)) for who, future in runs.items()]
        progress((number + 1) / len(WORKLOADS))
    return found


def _run(loop: str, name: str, who: str) -> float:
    return run(loop, _serve(name, who))


async def _serve(name: str, who: str) -> float:
    make, low, high = WORKLOADS[name]
    config = BrainConfig(max_threads=50, queue_capacity=100_000, default_timeout=None, **_CONFIGS[who])  # type: ignore[arg-type]
    async with Brain(config) as brain:
        await brain.register("work", make(), category="core")
        return await _drive(brain, low, high)


async def _drive(brain: Brain, low: float, high: float) -> float:
    dice, took, calls = random.Random(7), list[float](), set[asyncio.Task[None]]()
    begun = due = time.perf_counter()

    async def call() -> None:
        came = time.perf_counter()
        await brain.submit("work")
        took.append(time.perf_counter() - came)

    while (now := time.perf_counter()) - begun < SECONDS:
        if now < due:
            await asyncio.sleep(due - now)
            continue
        calls.add(asyncio.create_task(call()))
        due += dice.expovariate(high if now - begun >= _QUIET else low)
    await asyncio.wait(calls)
    return percentile(took, 99)
