"""Pure: what came of a step beside what was expected of it (action awareness)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from companion_async.cognition.advanced_reasoning.planning import Action


class Outcome(msgspec.Struct, frozen=True):
    """``number`` counts an agent's doings. ``expected`` are the facts that the step was to make true, ``observed``
    those that were found; ``ok`` says that nothing of what was expected is missing. ``decision`` is the number of the
    one that was followed, 0 for none.
    """

    number: int
    step: str
    skill: str
    ok: bool
    expected: tuple[str, ...]
    observed: tuple[str, ...]
    reason: str
    decision: int

    @property
    def surprise(self) -> str:
        """One sentence on what was not as expected; empty where all was."""
        return "" if self.ok else f"{self.step} did not do what was expected: {self.reason}"


def expected(step: str, actions: Sequence[Action]) -> tuple[str, ...]:
    """The facts that a step is to make true, by the domain."""
    return tuple(sorted(fact for action in actions if action.name == step for fact in action.adds))


def judged(came: Any, hoped: Collection[str]) -> tuple[bool, tuple[str, ...], str]:
    """Whether what a skill returned is what was hoped for, the facts, and why not. None and True say that all came as
    expected, False that nothing did; a list of texts are the facts that hold now.
    """
    if came is None or came is True:
        return True, tuple(sorted(hoped)), ""
    if came is False:
        return False, (), "it could not be done"
    observed = (came,) if isinstance(came, str) else tuple(sorted(map(str, came)))
    missing = sorted(set(hoped) - set(observed))
    return not missing, observed, f"not so: {', '.join(missing)}" if missing else ""


def skill_of(step: str, skills: Collection[str]) -> tuple[str, str]:
    """The skill whose name the step begins with, the longest, and the words after it; none is an empty name."""
    words = step.split()
    for end in range(len(words), 0, -1):
        name = " ".join(words[:end])
        if name in skills:
            return name, " ".join(words[end:])
    return "", step
