"""Whether ten million tasks leave anything behind: threads and resident memory before, during and after them."""

from __future__ import annotations

import asyncio
import gc
import threading
import time

import msgspec
import psutil

from benchmarks.contenders import THREADS, nothing
from benchmarks.goals import judge_course
from benchmarks.loops import run, warm_up
from benchmarks.report import Progress, Report, Sample
from companion_async import Brain, BrainConfig

TASKS, TASKS_QUICK = 10_000_000, 100_000
IN_FLIGHT = 200
HISTORY = 1_000  # ended tasks that stay for look-up; everything beyond them must be gone
_BLOCK = 10_000
_ENDING = 2.0  # seconds that a thread may take to end once its loop is closed


class _Course(msgspec.Struct):
    """What is noted on the way."""

    progress: Progress
    tasks: int
    samples: list[Sample] = []
    peak: float = 0.0
    rate: float = 0.0
    known: int = 0

    def note(self, moment: str) -> None:
        gc.collect()
        self.samples.append(Sample(moment, threading.active_count(), _resident()))


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """The figures at six moments. The first block of tasks makes what a running brain has: threads, a full history."""
    course = _Course(progress, TASKS_QUICK if quick else TASKS)
    warm_up(loop)
    run(loop, _start())
    course.note("before the loop")
    run(loop, _run(course))
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(_ENDING)
    course.note("after the loop")
    return Report(
        suite="memory",
        loop=loop,
        asks="Does a process that has run ten million tasks hold more than one that has run ten thousand?",
        says_not="Nothing about what your own modules keep.",
        samples=tuple(course.samples),
        verdicts=(judge_course(course.tasks, course.samples[0], course.samples[-1]),),
        notes=(
            f"{course.tasks:,} tasks, {IN_FLIGHT} in flight, {THREADS} threads, {course.rate:,.0f} tasks/s; "
            f"highest {course.peak / 2**20:.1f} MiB",
            f"{course.known:,} tasks still known, with history_size={HISTORY:,}",
        ),
    )


async def _start() -> None:
    """What is imported when a first brain starts is nothing that tasks leave behind."""
    async with Brain(BrainConfig()):
        pass


async def _run(course: _Course) -> None:
    config = BrainConfig(categories={"core": THREADS}, max_threads=THREADS, history_size=HISTORY)
    async with Brain(config) as brain:
        await brain.register("nothing", nothing, category="core")
        course.note("brain started")
        await _through(brain, _BLOCK)
        course.note("first 10,000 tasks done")
        begun = time.perf_counter()
        for done in range(0, course.tasks, _BLOCK):
            await _through(brain, _BLOCK)
            course.peak = max(course.peak, _resident())
            course.progress((done + _BLOCK) / course.tasks)
        course.rate = course.tasks / (time.perf_counter() - begun)
        course.note(f"{course.tasks:,} more done")
        course.known = len(brain.tasks(limit=1_000_000))
    course.note("brain shut down")


async def _through(brain: Brain, tasks: int) -> None:
    async def client() -> None:
        for _ in range(tasks // IN_FLIGHT):
            await brain.submit("nothing")

    await asyncio.gather(*(client() for _ in range(IN_FLIGHT)))


def _resident() -> float:
    return float(psutil.Process().memory_info().rss)
