"""Hundreds of agents through hours of their own time, as fast as it goes: the same seed makes the same history.

``python -m benchmarks.replay --agents 500 --seconds 9000``. The agents of the `village` perceive, plan, talk, act,
remember and reflect with the built-in modules, registered in one brain, each at its own pace. Their time is a
`VirtualClock`; the brain's care for threads and health goes by real time and touches none of it. In simulated time
there is nobody to be waited for, so what a second holds is called one after the other, in a fixed order, in one task
of the brain; only talk, which may wait for a model, is submitted as ever.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import psutil

from benchmarks import loops
from benchmarks.villages.villagers import Villagers
from companion_async import Brain, BrainConfig
from companion_async.cognition.controller.module import MODULE as CONTROLLER
from companion_async.cognition.controller.module import Controller
from companion_async.cognition.converse.module import MODULE as CONVERSE
from companion_async.cognition.converse.module import Converse, Said
from companion_async.cognition.converse.words import intent
from companion_async.cognition.execution.module import MODULE as EXECUTION
from companion_async.cognition.execution.module import Execution
from companion_async.cognition.perception.module import MODULE as PERCEPTION
from companion_async.cognition.perception.module import Perception
from companion_async.cognition.planning.module import MODULE as PLANNING
from companion_async.cognition.planning.module import Planning
from companion_async.cognition.reflection.module import MODULE as REFLECTION
from companion_async.cognition.reflection.module import Reflection
from companion_async.companion.agents import Agent
from companion_async.testing.clock import VirtualClock

T = TypeVar("T")


PACES = {
    "needs": 10,
    "perception": 3,
    "listen": 3,
    "planning": 5,
    "controller": 3,
    "speak": 3,
    "execution": 3,
    "reflection": 60,
    "consolidate": 120,
}
"""Seconds from one turn of an agent to the next, of each of its activities."""

_BETWEEN = 1  # seconds from deciding and speaking to acting: what happens meanwhile is what the broadcast is for
_SAMPLES = 60


class Moment(msgspec.Struct, frozen=True):
    """How things stood at one instant of the simulation: real seconds since it began, MiB resident, and totals."""

    simulated: float
    real: float
    resident: float
    runs: int
    decisions: int


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay came to. ``digest`` is of all that was said and done, and of how everybody ended up; ``kept`` is
    the share of announcements after which that was done which was said.
    """

    agents: int
    seconds: int
    seed: int
    broadcast: bool
    digest: str
    runs: int
    decisions: int
    said: int
    done: int
    met: int
    kept: float
    skills: dict[str, int]
    remembered: int
    insights: int
    moments: tuple[Moment, ...]

    @property
    def real(self) -> float:
        """Seconds of the clock on the wall."""
        return self.moments[-1].real

    @property
    def speed(self) -> float:
        """Simulated seconds in one real second."""
        return self.seconds / self.real


class Replay:
    """So many agents of a village in one brain, brought through their time second by second."""

    def __init__(self, brain: Brain, agents: int, seed: int, *, broadcast: bool = True) -> None:
        self.clock = VirtualClock()
        self.villagers = Villagers(brain, agents, seed, broadcast=broadcast, clock=self.clock)
        self.runs = self.said = self.done = self.met = 0
        self._brain = brain
        self._broadcast = broadcast
        self._digest = hashlib.sha256()
        self._announced: dict[str, Said] = {}
        self._last_said: dict[str, tuple[str, int]] = {}
        self._looked: dict[str, tuple[object, ...]] = {}
        self._kept = self._matched = 0
        self._skills: Counter[str] = Counter()

    async def second(self, number: int) -> None:
        """One second of everybody's life."""
        await self.clock.advance(1.0)
        await self._brain.to_thread(self._decide, number)
        await self._speak(
            [agent for agent in _due(list(self.villagers.agents), number, PACES["speak"]) if self._may_speak(agent)]
        )
        await self._brain.to_thread(self._act, number)

    def _decide(self, number: int) -> None:
        """Whoever's turn it is perceives, hears, plans and decides."""
        self.villagers.village.go_on(1.0)
        for name in _due(list(self.villagers.village.at), number, PACES["needs"]):
            self.villagers.feel(name)
        for activity, module, call in _DECIDING:
            self._call(number, activity, module, call)

    def _act(self, number: int) -> None:
        """Whoever's turn it is acts; and then there is time for what is slow."""
        for name, outcome in self._call(number - _BETWEEN, "execution", EXECUTION, Execution.run):
            if outcome is None or outcome.skill == "wait":
                continue
            self.done += 1
            self._skills[outcome.skill] += 1
            self._tell(name, "did", f"{outcome.step} {outcome.ok}")
            announced = self._announced.pop(name, None)
            if announced is not None:
                self._matched += 1
                self._kept += announced.step == outcome.step
        for activity, module, call in _AT_LEISURE:
            self._call(number, activity, module, call)

    def _call(self, number: int, activity: str, module: str, call: Callable[[Any], Any]) -> list[tuple[str, Any]]:
        due = _due(self.villagers.modules[module], number, PACES[activity])
        self.runs += len(due)
        return [(one.mind.name, call(one)) for one in due]

    async def _speak(self, agents: list[Agent]) -> None:
        self.runs += len(agents)
        for agent, task in [(agent, agent.submit(CONVERSE, "say")) for agent in agents]:
            said: Said = (await task)[-1]
            self.said += 1
            self.met += bool(said.to)
            self._announced[agent.name] = said
            self._last_said[agent.name] = (said.step, said.decision)
            self._tell(agent.name, "said", said.text)

    def _may_speak(self, agent: Agent) -> bool:
        """Whether it has decided something that it has not said yet. Where nothing is another, neither is that."""
        seen = self._brain.state.stamps(agent.mind.root, "decision", "heard", "plan")
        before = self._looked.get(agent.name)
        self._looked[agent.name] = seen
        if before is not None and all(one is other for one, other in zip(before, seen, strict=True)):
            return False
        what = intent(agent.get("decision"), agent.get("heard"), agent.get("plan"))
        return what.step != "wait" and (what.step, what.decision) != self._last_said.get(agent.name)

    def _tell(self, name: str, verb: str, what: str) -> None:
        self._digest.update(f"{self.clock.monotonic():g} {name} {verb} {what}\n".encode())

    def moment(self, began: float) -> Moment:
        """How things stand now."""
        resident = psutil.Process().memory_info().rss / 2**20
        decisions = sum(agent.get("decisions", 0) for agent in self.villagers.agents)
        return Moment(self.clock.monotonic(), time.perf_counter() - began, resident, self.runs, decisions)

    def history(self, seed: int, moments: Iterable[Moment]) -> History:
        """What it all came to. Reads the memories: not for the event loop."""
        kept = tuple(moments)
        remembered = insights = 0
        for agent in self.villagers.agents:
            summary = agent.mind.memory.get_summary()
            remembered += summary["long_term"]["events"] + summary["episodic_memory"]["events"]
            insights += summary["long_term"]["types"].get("insight", 0)
            state = {part: agent.get(part) for part in ("decisions", "perceived", "goals", "skills")}
            self._tell(agent.name, "ended", f"{self.villagers.village.at[agent.name]} {state} {summary}")
        return History(
            agents=len(self.villagers.agents),
            seconds=round(self.clock.monotonic()),
            seed=seed,
            broadcast=self._broadcast,
            digest=self._digest.hexdigest(),
            runs=self.runs,
            decisions=kept[-1].decisions,
            said=self.said,
            done=self.done,
            met=self.met,
            kept=self._kept / self._matched if self._matched else 1.0,
            skills=dict(sorted(self._skills.items())),
            remembered=remembered,
            insights=insights,
            moments=kept,
        )


async def replay(
    agents: int,
    seconds: int,
    seed: int,
    *,
    broadcast: bool = True,
    progress: Callable[[Moment], object] = lambda _: None,
) -> History:
    """Bring so many agents through so many seconds, telling of `_SAMPLES` moments on the way."""
    config = BrainConfig(
        # So that of what is submitted together the first comes first.
        categories=dict.fromkeys(("core", "advanced", "agi"), 1),
        policy="priority_first",
        auto_scaling=False,
        default_timeout=None,
        queue_capacity=max(1000, 2 * agents),
        history_size=1000,
    )
    usual = gc.get_threshold()
    async with Brain(config) as brain:
        one = Replay(brain, agents, seed, broadcast=broadcast)
        await one.villagers.settle()
        gc.collect()
        gc.freeze()  # what is there now stays
        gc.set_threshold(50_000, 20, 100)  # what comes is kept for long: to look through it often finds nothing
        began = time.perf_counter()
        moments = [one.moment(began)]
        every = max(1, seconds // _SAMPLES)
        for number in range(1, seconds + 1):
            await one.second(number)
            if number % every == 0 or number == seconds:
                moments.append(one.moment(began))
                progress(moments[-1])
        history = await asyncio.to_thread(one.history, seed, moments)
        gc.unfreeze()
        gc.set_threshold(*usual)
    return history


_DECIDING: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("perception", PERCEPTION, Perception.run),
    ("listen", CONVERSE, Converse.listen),
    ("planning", PLANNING, Planning.run),
    ("controller", CONTROLLER, Controller.run),
)
_AT_LEISURE: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("reflection", REFLECTION, Reflection.run),
    ("consolidate", REFLECTION, lambda reflection: reflection.mind.memory.consolidate()),
)


def _due(everyone: list[T], second: int, pace: int) -> list[T]:
    """Those whose turn it is: every ``pace`` seconds each, not all at once."""
    return everyone[second % pace :: pace]


def told(history: History) -> list[str]:
    """For people."""
    first, last = history.moments[1], history.moments[-1]
    return [
        f"{history.agents} agents through {history.seconds:,} s in {history.real:.0f} s, "
        f"{history.speed:.1f} times as fast as in reality",
        f"{history.runs:,} runs of modules, {1e6 * history.real / history.runs:.0f} us each with all around them",
        f"{history.decisions:,} decisions, {history.said:,} times said, {history.met:,} of them to somebody, "
        f"{history.done:,} times done: {', '.join(f'{name} {count:,}' for name, count in history.skills.items())}",
        f"what was said was done: {100 * history.kept:.1f} % "
        + ("(decisions are broadcast)" if history.broadcast else "(no broadcast: each module decides for itself)"),
        f"{history.remembered:,} events remembered, {history.insights:,} insights",
        f"resident {first.resident:.0f} MiB after {first.simulated:,.0f} s, {last.resident:.0f} MiB at the end",
        f"history {history.digest}",
    ]


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on; {text} is not")
    return number


def main(argv: Sequence[str] | None = None) -> None:
    """Replay and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description="A village through its own time.")
    parser.add_argument("--agents", type=_count, default=500, help="how many live there; 500")
    parser.add_argument("--seconds", type=_count, default=9000, help="of their own time; 9000")
    parser.add_argument("--seed", type=int, default=1, help="the same one makes the same history; 1")
    parser.add_argument("--no-broadcast", action="store_true", help="let each module decide for itself")
    parser.add_argument("--loop", choices=loops.available(), default=loops.available()[-1])
    parser.add_argument("--json", type=Path, help="write the history there too")
    options = parser.parse_args(argv)
    if options.json:
        try:
            options.json.open("ab").close()  # not found out when the hours are over
        except OSError as error:
            parser.error(f"argument --json: {options.json} cannot be written: {error.strerror or error}")

    def progress(moment: Moment) -> None:
        print(
            f"\r{moment.simulated:6,.0f} s in {moment.real:5.0f} s, {moment.resident:5.0f} MiB, "
            f"{moment.decisions:,} decisions ",
            end="",
            flush=True,
        )

    history = loops.run(
        options.loop,
        replay(options.agents, options.seconds, options.seed, broadcast=not options.no_broadcast, progress=progress),
    )
    print("\r" + "\n".join(told(history)))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(history)))


if __name__ == "__main__":
    main()
