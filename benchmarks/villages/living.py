"""Agents with the built-in modules in the place of light ones, ten activities of each once a second: how many of them.

They are those of the `village`: mostly nothing is another for an agent, and a run finds that out; sometimes it looks,
plans, decides, talks, acts and remembers. Every run is made, whether something has changed or not.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import msgspec

from benchmarks.villages.course import PERIOD, PROMPT, Course
from benchmarks.villages.villagers import Villagers
from companion_async import Brain, BrainConfig
from companion_async.cognition.controller.decision import TALK
from companion_async.cognition.controller.module import MODULE as CONTROLLER
from companion_async.cognition.converse.module import MODULE as CONVERSE
from companion_async.cognition.execution.module import MODULE as EXECUTION
from companion_async.cognition.perception.module import MODULE as PERCEPTION
from companion_async.cognition.planning.module import MODULE as PLANNING
from companion_async.cognition.reflection.module import MODULE as REFLECTION
from companion_async.cognition.retrieval.module import MODULE as RETRIEVAL
from companion_async.companion.agents import Agent

STEPS = (50, 100, 200, 300, 350, 400, 450, 500, 600, 1000)
"""Numbers of agents that are tried, until one is too many."""

_THREADS = 2  # of each category: what runs computes, and more of them only hand the interpreter to each other
_SETTLED = 10.0  # seconds until memories are open, the first goals set and what waited meanwhile is done
_FROZEN = 9.0  # seconds until the garbage collector is told of what there is by then
_BEGUN_AT_ONCE = 10  # agents' worth of tickers


class Reached(msgspec.Struct, frozen=True):
    """So many agents: ``p99`` of how late their runs were, in seconds, the share of ``made`` ones, and what it took."""

    agents: int
    p99: float
    made: float
    cpu: float
    resident: float

    @property
    def in_time(self) -> bool:
        """Whether that is not too many."""
        return self.p99 <= PROMPT and self.made >= 0.999


async def climb(seconds: float, steps: tuple[int, ...], progress: Callable[[float], object]) -> list[Reached]:
    """More and more agents, up to the first number that is too many."""
    found: list[Reached] = []
    for step in steps:
        found.append(await live(step, seconds))
        progress(len(found) / len(steps))
        if not found[-1].in_time:
            break
    return found


async def live(agents: int, seconds: float) -> Reached:
    """So many agents for so long, once they have settled."""
    course = Course(deque())
    await course.watch(_village(agents, course), _SETTLED, seconds)
    course.due = agents * len(_ACTIVITIES) * seconds / PERIOD
    return Reached(agents, course.p99, course.made, course.cpu / seconds, course.resident)


@asynccontextmanager
async def _village(agents: int, course: Course) -> AsyncIterator[None]:
    categories = dict.fromkeys(("core", "advanced", "agi"), _THREADS)
    async with Brain(BrainConfig(categories=categories, queue_capacity=100_000)) as brain:
        villagers = Villagers(brain, agents, seed=1)
        await villagers.settle()
        for place, agent in enumerate(villagers.agents):
            for activity, (module, do) in _ACTIVITIES.items():
                cell = _Cell(course, partial(do, villagers, villagers.modules[module][place]))
                target = _Mouth(cell, agent).speak if activity == "speak" else cell
                cell.start = brain.every(f"{agent.name}.{module}", target, period=PERIOD, spread=True).start
            if place % _BEGUN_AT_ONCE == 0:
                await asyncio.sleep(0)
        world = asyncio.create_task(_go_on(villagers))
        # As a program does that carries so many: what lives on is no garbage, and to go through all of it takes as long
        # as the agents may be late.
        frozen = asyncio.get_running_loop().call_later(_FROZEN, gc.freeze)
        try:
            yield
        finally:
            frozen.cancel()
            gc.unfreeze()
            world.cancel()
            await asyncio.gather(world, return_exceptions=True)


async def _go_on(villagers: Villagers) -> None:
    while True:
        await asyncio.sleep(PERIOD)
        villagers.village.go_on(PERIOD)


class _Cell:
    """One activity of one agent, which tells how late it is and then does what it is there for."""

    __slots__ = ("_course", "_do", "start")

    def __init__(self, course: Course, do: Callable[[], object]) -> None:
        self._course, self._do = course, do
        self.start = 0.0

    def note(self) -> None:
        """How late this run is."""
        if self._course.counting:
            self._course.late.append((time.monotonic() - self.start) % PERIOD)

    def __call__(self) -> None:
        self.note()
        self._do()


class _Mouth:
    """The activity of saying what was decided, where that is talk."""

    def __init__(self, cell: _Cell, agent: Agent) -> None:
        self._cell, self._agent = cell, agent
        self._said = 0

    async def speak(self) -> None:
        """A run on the loop, since it waits for the saying."""
        self._cell.note()
        decision = self._agent.get("decision")
        if decision and decision["skill"] in TALK and decision["number"] != self._said:
            self._said = decision["number"]
            await self._agent.submit(CONVERSE, "say")


_ACTIVITIES: dict[str, tuple[str, Callable[[Villagers, Any], object]]] = {
    "needs": (PERCEPTION, lambda villagers, module: villagers.feel(module.mind.name)),
    "perception": (PERCEPTION, lambda _, module: module.run()),
    "listen": (CONVERSE, lambda _, module: module.listen()),
    "planning": (PLANNING, lambda _, module: module.run()),
    "controller": (CONTROLLER, lambda _, module: module.run()),
    "speak": (CONVERSE, lambda _, module: None),
    "execution": (EXECUTION, lambda _, module: module.run()),
    "retrieval": (RETRIEVAL, lambda _, module: module.run("where is the well?")),
    "reflection": (REFLECTION, lambda _, module: module.run()),
    "consolidate": (REFLECTION, lambda _, module: module.mind.memory.consolidate()),
}
"""Ten: the module of each, and what it does in a thread."""
