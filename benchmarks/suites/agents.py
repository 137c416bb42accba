"""A thousand agents with ten modules each, every module once a second: how late its runs are, and what that costs.

An agent in a hundred has one module whose runs take two seconds; they live in a category of their own. How late a run
is, it tells itself: by how much later than its instant it begins.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from benchmarks.contender import THREADS
from benchmarks.contenders import OURS
from benchmarks.figures import Measurement, compare
from benchmarks.goals import judge, judge_limits
from benchmarks.loops import run
from benchmarks.report import Chart, Curve, Progress, Report
from benchmarks.villages.course import PERIOD, PROMPT, Course
from benchmarks.villages.living import STEPS, Reached, climb
from companion_async import Brain, BrainConfig

AGENTS, MODULES = 1000, 10
ONE_SLOW_IN = 100
SLOW = 2.0
_SLOW_THREADS = 20  # each slow module has one to itself, and twice as many agents still fit
_STEPS = (1, 2, 3, 4)  # times as many agents
_START = 1.0  # seconds in which the agents come to life


Living = Callable[[int, Course], AbstractAsyncContextManager[None]]
"""Has so many agents live, their fast runs noting in the course how late they are."""


@asynccontextmanager
async def companion(agents: int, course: Course) -> AsyncIterator[None]:
    """`Brain.every` for each module of each agent, the slow in a category of their own."""
    categories = {"core": THREADS, "slow": _SLOW_THREADS}
    async with Brain(BrainConfig(categories=categories, max_threads=THREADS + _SLOW_THREADS)) as brain:
        for module in range(MODULES):
            await brain.register(f"module{module}", _note, category="core")
        await brain.register("slow", _be_slow, category="slow")
        for place in range(agents * MODULES):
            agent, module = divmod(place, MODULES)
            if slow(agent, module):
                brain.every("slow", "run", period=PERIOD, spread=True)
            else:
                cell = _Cell(course)
                ticker = brain.every(f"module{module}", "run", cell, period=PERIOD, spread=True)
                cell.start = ticker.start
            if place % 100 == 0:
                await asyncio.sleep(_START * 100 / (agents * MODULES))
        yield


@asynccontextmanager
async def coroutines(agents: int, course: Course) -> AsyncIterator[None]:
    """A coroutine for each module of each agent, which awaits `asyncio.to_thread` and then sleeps until its instant."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(THREADS + _SLOW_THREADS) as pool:
        loop.set_default_executor(pool)

        async def live(agent: int, module: int, start: float) -> None:
            cell = _Cell(course)
            cell.start = start
            number = 1
            while True:
                await asyncio.sleep(max(0.0, start + number * PERIOD - time.monotonic()))
                await asyncio.to_thread(_be_slow if slow(agent, module) else lambda: _note(cell))
                number = max(number + 1, int((time.monotonic() - start) / PERIOD) + 1)

        begun = time.monotonic()
        lives = [
            asyncio.create_task(live(agent, module, begun + _START * (agent * MODULES + module) / (agents * MODULES)))
            for agent in range(agents)
            for module in range(MODULES)
        ]
        await asyncio.sleep(_START)
        yield
        for one in lives:
            one.cancel()
        await asyncio.gather(*lives, return_exceptions=True)


WAYS: dict[str, Living] = {OURS[0]: companion, "coroutines with to_thread": coroutines}


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Rounds of a thousand agents in each way, then ours with more and more of them until it breaks."""
    rounds, seconds = (1, 3.0) if quick else (2, 8.0)
    steps = _STEPS[:2] if quick else _STEPS
    climbs = 1 if quick else 3
    turns, done = rounds * (len(WAYS) + len(steps) - 1) + climbs, 0.0
    figures: dict[tuple[str, str, str], list[float]] = {}
    curve: dict[int, list[float]] = {}
    for _ in range(rounds):
        reached = 0.0
        for name, step in [*((name, 1) for name in WAYS), *((OURS[0], step) for step in steps[1:])]:
            course = run(loop, turn(WAYS[name], step * AGENTS, seconds))
            done += 1
            progress(done / turns)
            if name == OURS[0]:
                curve.setdefault(step, []).append(1e3 * course.p99)
                if course.p99 <= PROMPT and course.made >= 0.999:
                    reached = max(reached, step * AGENTS * MODULES / PERIOD)
            if step == 1:
                for setting, unit, figure in (
                    ("runs made", "%", 100 * course.made),
                    ("p99 late", "ms", 1e3 * course.p99),
                    ("processor", "% of one core", 100 * course.cpu / seconds),
                    ("resident", "MiB", course.resident),
                ):
                    figures.setdefault((name, setting, unit), []).append(figure)
        figures.setdefault((OURS[0], "as many in time", "runs/s"), []).append(reached)
    living: list[list[Reached]] = []
    for number in range(climbs):
        part = partial(_tell_part, progress, (turns - climbs + number) / turns, 1 / turns)
        living.append(run(loop, climb(seconds, STEPS[:2] if quick else STEPS, part)))
    for climbed in living:
        for setting, unit, figure in _of_living(climbed):
            figures.setdefault((OURS[0], setting, unit), []).append(figure)
    measurements = [Measurement(*key, tuple(values)) for key, values in figures.items()]
    comparisons = compare(measurements, OURS)
    return Report(
        suite="agents",
        loop=loop,
        asks="How many agents does one process carry before their modules are late?",
        says_not="The fast modules do next to nothing, but for those of the settings named real modules: for those a "
        "village is a mild life, in which most runs find that nothing is another.",
        measurements=tuple(measurements),
        comparisons=tuple(comparisons),
        verdicts=(*judge_limits("agents", OURS[0], measurements), *judge("agents", comparisons)),
        charts=(_chart(curve), _chart_of_living(living)),
        configurations={
            OURS[0]: f"brain.every for each, spread; {THREADS} threads for the fast, {_SLOW_THREADS} for the slow",
            "coroutines with to_thread": f"one for each, begun evenly over a second; {THREADS + _SLOW_THREADS} threads",
        },
        notes=(
            f"{rounds} rounds of {seconds} s with {AGENTS:,} agents of {MODULES} modules, a run of each in {PERIOD} s",
            f"{AGENTS // ONE_SLOW_IN} of them have one whose runs take {SLOW} s; then up to {steps[-1]} times as many, "
            f"for as long as p99 is within {1e3 * PROMPT:g} ms and every run is made",
            f"real modules: {climbs} times agents of a village with the built-in modules, ten activities of each in "
            f"{PERIOD} s, more and more of them ({', '.join(map(str, STEPS))}) by the same measure; once they have "
            "come to life they are frozen (gc.freeze)",
        ),
    )


async def turn(living: Living, agents: int, seconds: float) -> Course:
    """So many agents for so long, once they have come to life and settled."""
    course = Course(deque())
    await course.watch(living(agents, course), PERIOD, seconds)
    course.due = (agents * MODULES - agents // ONE_SLOW_IN) * seconds / PERIOD
    return course


def slow(agent: int, module: int) -> bool:
    """Whether this module of this agent is one whose runs take seconds."""
    return module == 0 and agent % ONE_SLOW_IN == 0


class _Cell:
    """Where a fast module looks up when its instants are, and writes down how late it was."""

    __slots__ = ("course", "start")

    def __init__(self, course: Course) -> None:
        self.course = course
        self.start = 0.0


def _note(cell: _Cell) -> None:
    if cell.course.counting:
        cell.course.late.append((time.monotonic() - cell.start) % PERIOD)


def _be_slow() -> None:
    time.sleep(SLOW)


def _chart(curve: dict[int, list[float]]) -> Chart:
    steps = sorted(curve)
    middle = [sorted(curve[step])[len(curve[step]) // 2] for step in steps]
    x = tuple(step * AGENTS * MODULES / PERIOD for step in steps)
    return Chart(
        title="How late runs are as agents get more",
        x="runs a second",
        y="p99 late, ms",
        curves=(Curve("companion", x, tuple(middle)),),
        goal=1e3 * PROMPT,
    )


def _tell_part(progress: Progress, before: float, part: float, share: float) -> None:
    progress(before + part * share)


def _of_living(climbed: list[Reached]) -> list[tuple[str, str, float]]:
    """How many agents with real modules were in time, and how that was with the most of them."""
    good = [one for one in climbed if one.in_time]
    if not good:
        return [("real modules, agents in time", "agents", 0.0)]
    most = good[-1]
    return [
        ("real modules, agents in time", "agents", float(most.agents)),
        ("real modules, p99 late", "ms", 1e3 * most.p99),
        ("real modules, processor", "% of one core", 100 * most.cpu),
        ("real modules, resident", "MiB", most.resident),
    ]


def _chart_of_living(living: list[list[Reached]]) -> Chart:
    longest = max(living, key=len)
    return Chart(
        title="How late runs are as agents with the built-in modules get more",
        x="agents, ten activities a second each",
        y="p99 late, ms",
        curves=(
            Curve("companion", tuple(float(one.agents) for one in longest), tuple(1e3 * one.p99 for one in longest)),
        ),
        goal=1e3 * PROMPT,
    )
