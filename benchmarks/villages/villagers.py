"""The agents of a village in one brain, with the built-in modules, each of which can also be called directly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

import msgspec

from benchmarks.villages.village import Village
from companion_async import Brain
from companion_async.clock import Clock
from companion_async.cognition.controller.module import Controller
from companion_async.cognition.mind import Mind, MindModule
from companion_async.companion.agents import Agents
from companion_async.companion.mind_modules import mind_modules
from companion_async.modules.spec import ModuleSpec


class Villagers:
    """So many agents of a village by the seed; without ``broadcast`` each module of an agent decides for itself.

    ``modules`` has, by the name of a module, that of each agent in their order.
    """

    def __init__(
        self, brain: Brain, count: int, seed: int, *, broadcast: bool = True, clock: Clock | None = None
    ) -> None:
        self.village = Village([f"a{number}" for number in range(count)], seed)
        self.agents = Agents(brain, clock=clock)
        self.modules: defaultdict[str, list[MindModule]] = defaultdict(list)
        self._brain = brain
        self._broadcast = broadcast
        self._felt: dict[str, dict[str, float]] = {}

    async def settle(self) -> None:
        """Have everybody live there."""
        for name in self.village.at:
            await self.agents.add(
                name,
                actions=self.village.actions(name),
                skills=self.village.skills(name, partial(self.feel, name)),
                surroundings=partial(self.village.seen_by, name),
                only=(),
                own=self._made,
            )

    def feel(self, name: str) -> None:
        """An agent knows its needs as they are: when they have grown, and when it has seen to one. Any thread."""
        needs = self.village.strong_needs(name)
        if needs != self._felt.get(name):
            self._felt[name] = needs
            self._brain.state.propose(name, f"agents.{name}.needs", needs)

    def _made(self, mind: Mind) -> Iterator[ModuleSpec]:
        for spec in mind_modules(mind):
            yield msgspec.structs.replace(spec, factory=partial(self._make, spec, mind))

    def _make(self, spec: ModuleSpec, mind: Mind) -> MindModule:
        assert spec.factory is not None
        module = Controller(mind, broadcast=self._broadcast) if spec.module is Controller else spec.factory()
        self.modules[spec.name].append(module)
        return module
