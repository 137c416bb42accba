"""`Agents`: many agents in one brain, each with a state, a memory and modules of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from companion_async.brain.brain import Brain
from companion_async.clock import Clock
from companion_async.cognition.advanced_reasoning.planning import Action
from companion_async.cognition.controller.decision import TALK
from companion_async.cognition.converse.module import LONGEST_TALK, Said, inbox
from companion_async.cognition.mind import CLAIMS, Mind
from companion_async.companion.mind_modules import mind_modules
from companion_async.errors import InvalidArgumentError, UnknownModuleError
from companion_async.memory.settings import MemorySettings
from companion_async.modules.spec import ModuleSpec
from companion_async.scheduling.task import Task
from companion_async.scheduling.ticker import Ticker
from companion_async.security import check_seconds, check_text
from companion_async.state.change import StateChangeType

SCALES: Mapping[str, float] = {
    "perception": 0.5,
    "controller": 0.5,
    "execution": 0.5,
    "listen": 0.5,
    "planning": 1.0,
    "speak": 1.0,
    "reflection": 10.0,
    "consolidate": 60.0,
}
"""Seconds from one run to the next of each of an agent's activities."""


class Agent:
    """One of the `Agents`. Its modules are those of the brain named ``<agent>.<module>``. Loop only."""

    def __init__(self, agents: Agents, brain: Brain, mind: Mind, modules: tuple[str, ...]) -> None:
        self.name = mind.name
        self.mind = mind
        self.modules = modules
        self._agents = agents
        self._brain = brain
        self._tickers: list[Ticker] = []

    def submit(self, module: str, target: str = "run", /, *args: Any, **options: Any) -> Task[Any]:
        """`Brain.submit` for one of its modules."""
        return self._brain.submit(f"{self.name}.{module}", target, *args, **options)

    def get(self, path: str, default: Any = None) -> Any:
        """What stands at ``path`` of its own state."""
        return self._brain.state.get(self.mind.path(path), default)

    def set(self, path: str, value: Any) -> None:
        """Put it there."""
        self._brain.state.propose(self.name, self.mind.path(path), value)

    def live(self, scales: Mapping[str, float] | None = None) -> None:
        """Have each of its activities run by itself, each at its own pace: `SCALES` with ``scales`` over them; 0 leaves
        one out. A module of one's own is named with its seconds. While a run is slow those that would follow it are
        skipped, and no other activity waits for it, as long as its category has room for those. Calling it again
        changes the pace.
        """
        paces = {**SCALES, **(scales or {})}
        for name, seconds in paces.items():
            check_seconds(seconds, f"the scale of {name}", zero=True)
            if name not in SCALES and name not in self.modules:
                raise InvalidArgumentError(f"{self.name} has no module {name!r:.80} to give a scale to.")
        self.rest()
        ways: dict[str, tuple[str, str | Callable[..., Any]]] = {
            "listen": ("converse", "listen"),
            "speak": ("converse", self._speak),
            "consolidate": ("reflection", "consolidate"),
        }
        for name, seconds in paces.items():
            module, target = ways.get(name, (name, "run"))
            if seconds and module in self.modules:
                ticker = self._brain.every(f"{self.name}.{module}", target, period=seconds, spread=True)
                self._tickers.append(ticker)

    def rest(self) -> None:
        """Let nothing run by itself any more; what runs ends."""
        while self._tickers:
            self._tickers.pop().stop()

    async def tell(self, other: str, text: str) -> None:
        """Say something to another agent: it comes into the channel of what that one hears, and is never waited for."""
        check_text(text, "text", longest=LONGEST_TALK)
        await inbox(self._brain, self._agents[other].name).send((self.name, text, True))

    async def _speak(self) -> Said | None:
        """Say what was decided, once, where the decision is to talk; another agent hears it."""
        decision = self.get("decision")
        if not decision or decision["skill"] not in TALK or self.get("said.decision") == decision["number"]:
            return None
        said: Said = (await self.submit("converse", "say"))[-1]
        return said


class Agents:
    """The agents of a brain: ``ann = await agents.add("ann"); ann.live()``. Loop only.

    They share the brain's categories, threads and queues, and what is below ``claims`` in its state; everything else of
    one is its own. ``taken`` are names that are no agent's to have.
    """

    def __init__(self, brain: Brain, *, clock: Clock | None = None, taken: Sequence[str] = ()) -> None:
        self._brain = brain
        self._clock = clock
        self._taken = frozenset(taken)
        self._agents: dict[str, Agent] = {}

    def __len__(self) -> int:
        return len(self._agents)

    def __iter__(self) -> Iterator[Agent]:
        return iter(tuple(self._agents.values()))

    def __contains__(self, name: object) -> bool:
        return name in self._agents

    def __getitem__(self, name: str) -> Agent:
        try:
            return self._agents[name]
        except KeyError:
            known = ", ".join(list(self._agents)[:20]) or "none yet"
            raise InvalidArgumentError(f"There is no agent {name!r:.80} (there are: {known}). Add it first.") from None

    async def add(
        self,
        name: str,
        *,
        actions: tuple[Action, ...] = (),
        skills: Mapping[str, Callable[..., Any]] | None = None,
        surroundings: Any = None,
        file: str | Path | None = None,
        retention: MemorySettings | None = None,
        only: Sequence[str] | None = None,
        own: Callable[[Mind], Iterable[ModuleSpec]] | None = None,
    ) -> Agent:
        """A new agent, with all of the modules or ``only`` some, and with those that ``own`` makes of its `Mind`. The
        rest is as of a `Mind`. It does nothing by itself until it is to `Agent.live`.

        What is slow is best put in a category in which nothing has to be quick.
        """
        mind = Mind(
            name,
            file=file,
            retention=retention,
            actions=actions,
            skills=skills,
            surroundings=surroundings,
            clock=self._clock,
        )
        if name in self._agents or name in self._taken:
            raise InvalidArgumentError(f"The name {name!r} is taken: an agent's name is its own.")
        specs = {spec.name.removeprefix(f"{name}."): spec for spec in mind_modules(mind, f"{name}.")}
        if only is not None:
            unknown = sorted(set(only) - set(specs))
            if unknown:
                raise InvalidArgumentError(f"only names no module: {unknown}; there are {', '.join(specs)}.")
            specs = {module: spec for module, spec in specs.items() if module in only}
        if own is not None and not callable(own):
            raise InvalidArgumentError(f"own must be a function that makes ModuleSpecs of a Mind; {own!r:.80} is not.")
        for spec in () if own is None else own(mind):
            if not isinstance(spec, ModuleSpec):
                raise InvalidArgumentError(
                    f"own must make ModuleSpecs, as in ModuleSpec('mine', ...); {spec!r:.80} is none."
                )
            if spec.name in specs:
                raise InvalidArgumentError(f"An agent has a module {spec.name!r} already: give yours another name.")
            specs[spec.name] = msgspec.structs.replace(spec, name=f"{name}.{spec.name}")
        agent = Agent(self, self._brain, mind, tuple(specs))
        self._agents[name] = agent  # from here on the name is taken, while the modules start
        try:
            await self._brain.register_all(specs.values())
        except BaseException:
            del self._agents[name]
            raise
        agent.set("name", name)  # by which the others know that there is one of that name
        return agent

    async def remove(self, name: str) -> None:
        """Take an agent out, with its state and what it had claimed; its memory is kept where it has a file.
        Cancelled, it may be half taken out; called again, it goes on.
        """
        agent = self[name]
        agent.rest()
        for module in agent.modules:
            with suppress(UnknownModuleError):  # it was taken out before
                await self._brain.unregister(f"{name}.{module}")
        state = self._brain.state
        for resource, claim in state.get(CLAIMS, {}).items():
            if claim["by"].startswith(f"{name}/"):
                state.propose(name, f"{CLAIMS}.{resource}", change_type=StateChangeType.DELETE)
        state.propose(name, f"agents.{name}", change_type=StateChangeType.DELETE)
        del self._agents[name]
