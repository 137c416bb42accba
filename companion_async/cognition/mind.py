"""`Mind`: what the modules of one agent share, and `MindModule`, what these derive from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from companion_async.clock import Clock, SystemClock
from companion_async.cognition.advanced_reasoning.planning import Action
from companion_async.errors import CompanionError, InvalidArgumentError
from companion_async.memory.agent_memory import AgentMemory, Consolidated
from companion_async.memory.settings import MemorySettings
from companion_async.modules.module import BaseModule
from companion_async.security import check_state_path

CLAIMS = "claims"
"""The path of the brain's state at which all its agents see who holds what."""

LONGEST_NAME = 40
"""Characters of an agent's name."""


def check_agent_name(name: str) -> str:
    """``name`` if it can be one segment of a path of the state."""
    given: Any = name
    if not isinstance(given, str) or len(check_state_path(f"agents.{name}")) != 2 or len(name) > LONGEST_NAME:
        raise InvalidArgumentError(
            f"An agent's name is a text of at most {LONGEST_NAME} characters without dots; {name!r:.80} is not."
        )
    return name


def _checked_actions(actions: Any) -> tuple[Action, ...]:
    if not isinstance(actions, (tuple, list)) or not all(isinstance(each, Action) for each in actions):
        raise InvalidArgumentError(f"actions must be a tuple of Action(...); {actions!r:.80} is not.")
    return tuple(actions)


def _checked_skills(skills: Any) -> dict[str, Callable[..., Any]]:
    if not isinstance(skills, Mapping) or not all(callable(skill) for skill in skills.values()):
        raise InvalidArgumentError(
            f"skills must map names to functions, as in {{'eat': eat}}; {skills!r:.80} does not."
        )
    return dict(skills)


class Mind:
    """One agent: its name, its part of the brain's state (everything below ``root``), its memory, what it can do.

    ``actions`` are the domain that plans are made of; ``skills`` do the steps of plans, by the step's first words;
    ``surroundings`` is what the senses look at (see `look_around`), or a function that gives it. The memory is opened
    when first used and closed by the last of its modules that stops; without a ``file`` it is gone then. It forgets by
    the ``retention`` when it is consolidated, without one as of an `AgentMemory`. ``voices`` counts the modules that
    speak for it: while there are any, talk is done when it is said.
    """

    def __init__(
        self,
        name: str = "companion",
        *,
        file: str | Path | None = None,
        retention: MemorySettings | None = None,
        actions: tuple[Action, ...] = (),
        skills: Mapping[str, Callable[..., Any]] | None = None,
        surroundings: Any = None,
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self.root = f"agents.{check_agent_name(name)}"
        self.actions = _checked_actions(actions)
        self.skills = _checked_skills({} if skills is None else skills)
        self.surroundings = surroundings
        self.clock = clock if clock is not None else SystemClock()
        self.voices = 0
        self._file = file
        self._retention = retention
        self._lock = threading.Lock()
        self._memory: AgentMemory | None = None
        self._users = 0

    @property
    def memory(self) -> AgentMemory:
        """Its five memories, while any of its modules is up. May open a file: not for the event loop."""
        with self._lock:
            if self._memory is None:
                if not self._users:
                    raise CompanionError(f"The memory of {self.name!r} is there while one of its modules is started.")
                self._memory = AgentMemory(self._file, settings=self._retention, clock=self.clock)
            return self._memory

    def consolidate(self) -> Consolidated | None:
        """`AgentMemory.consolidate`; None while the memory was not used. Writes a file: not for the event loop."""
        with self._lock:
            memory = self._memory
        return None if memory is None else memory.consolidate()

    def path(self, name: str) -> str:
        """Where ``name`` stands in the brain's state."""
        return f"{self.root}.{name}"

    def enter(self) -> None:
        """One more module uses the memory."""
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        """One less; the last one saves and closes. Writes a file: not for the event loop."""
        with self._lock:
            self._users -= 1
            if self._users <= 0 and self._memory is not None:
                memory, self._memory = self._memory, None
                memory.close()


class MindModule(BaseModule):
    """A module of an agent. It keeps nothing of its own but caches: what it knows stands in the agent's state and
    memory, so that a fresh instance goes on where the last one was.
    """

    def __init__(self, mind: Mind | None = None) -> None:
        self.mind = mind if mind is not None else Mind()
        super().__init__(self.mind)

    def start(self) -> None:
        """Be one of those that keep the agent's memory open."""
        self.mind.enter()

    def stop(self) -> None:
        """Be none of them any more."""
        self.mind.leave()

    def _get(self, name: str, default: Any = None) -> Any:
        return self.brain.state.get(self.mind.path(name), default)

    def _set(self, name: str, value: Any) -> None:
        self.brain.state.propose(self.mind.name, self.mind.path(name), value)
