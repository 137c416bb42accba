"""Pure: the decision log put to another rule, to see what it would have done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from companion_async.autonomy.answer import RuleAnswer
from companion_async.autonomy.decision import Decision
from companion_async.autonomy.scaling import ask
from companion_async.autonomy.settings import AutonomySettings

Rule = Callable[[str, Mapping[str, Any]], RuleAnswer]
"""Given the name of the rule that decided and what it saw, says what it would have done."""


class Comparison(msgspec.Struct, frozen=True):
    """One decision beside another rule's answer; ``same`` if type and figures agree."""

    decision: Decision
    answer: RuleAnswer
    same: bool


def replay(
    decisions: Iterable[Decision], rule: str | Rule, *, settings: AutonomySettings | None = None, only: str = "scale."
) -> list[Comparison]:
    """Put the recorded figures of each decision to another rule, as in
    ``replay(brain.decisions(limit=1000), "scale.plain")``.

    ``rule`` is the name of one of the brain's scaling rules (``scale.adaptive``, ``scale.plain``, ``scale.shrink``,
    ``scale.retire``), with other ``settings`` if those are given, or a function of your own. Only decisions of rules
    whose name begins with ``only`` are asked about, and none that a person took. It answers what the rule would have
    done *then*; what would have come of it the log cannot know. Figures compare on the keys that the answer gives, all
    but ``cause``.
    """
    known = settings or AutonomySettings()
    asked: Rule = (lambda _, inputs: ask(rule, inputs, known)) if isinstance(rule, str) else rule
    compared = []
    for decision in decisions:
        inputs = decision.data.get("inputs")
        if inputs is None or not decision.rule.startswith(only):
            continue
        answer = asked(decision.rule, inputs)
        same = answer.type == decision.type and all(
            decision.data.get(key) == value for key, value in answer.data.items() if key != "cause"
        )
        compared.append(Comparison(decision, answer, same))
    return compared
