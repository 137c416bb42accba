"""What was decided, on what grounds, and what came of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from companion_async.status.picture import FrozenMap, Picture

Figure = float | str | None


class Expectation(msgspec.Struct, frozen=True):
    """What a decision should bring: ``metric`` of its context, ``before`` now, ``expected`` after ``within`` seconds.

    ``better`` says which way is better: ``"up"``, ``"down"``, or ``"equal"`` for a figure that must be met exactly.
    """

    metric: str
    before: Figure
    expected: Figure
    within: float
    better: str = "equal"


class Outcome(msgspec.Struct, frozen=True):
    """The effect ``seconds`` after the decision. ``met`` is None where the figure could not be had any more."""

    metric: str
    before: Figure
    expected: Figure
    after: Figure
    met: bool | None
    seconds: float


class Decision(Picture, frozen=True):
    """One decision. ``context`` is the category or module it is about; ``data`` holds plain JSON types.

    ``data["inputs"]`` is what the rule saw and ``rule`` its name, so that `replay` can put the same question to another
    rule. ``error`` names the type of what kept it from being applied.
    """

    decision_id: int
    type: str
    context: str
    data: Mapping[str, Any]
    reason: str
    applied: bool
    timestamp: datetime
    outcome: Outcome | None = None
    expectation: Expectation | None = None
    rule: str = ""
    error: str | None = None


class DecisionLog:
    """The last ``capacity`` decisions. A decision never changes; with its outcome known, or taken once more, another is
    put in its place.
    """

    def __init__(self, capacity: int = 1000) -> None:
        self._decisions: deque[Decision] = deque(maxlen=capacity)
        self.made = 0

    def __len__(self) -> int:
        return len(self._decisions)

    def add(
        self,
        type: str,
        context: str,
        data: Mapping[str, Any],
        reason: str,
        applied: bool,
        timestamp: datetime,
        *,
        expectation: Expectation | None = None,
        rule: str = "",
        error: str | None = None,
    ) -> Decision:
        """Number the decision and keep it."""
        self.made += 1
        decision = Decision(
            self.made,
            type,
            context,
            FrozenMap(data),
            reason,
            applied,
            timestamp,
            expectation=expectation,
            rule=rule,
            error=error,
        )
        self._decisions.append(decision)
        return decision

    def recent(self, limit: int | None = None) -> list[Decision]:
        """The last ``limit`` decisions, newest last."""
        decisions = list(self._decisions)
        return decisions if limit is None else decisions[-limit:] if limit > 0 else []

    def get(self, decision_id: int) -> Decision | None:
        """The decision of that number, None when it has left the log."""
        index = self._index(decision_id)
        return None if index is None else self._decisions[index]

    def attach(self, decision_id: int, outcome: Outcome) -> Decision | None:
        """Put the decision with its ``outcome`` in its place; None when it has left the log."""
        return self._change(decision_id, lambda decision: {"outcome": outcome})

    def count(self, decision_id: int) -> Decision | None:
        """Say in the decision's ``data["count"]`` that it was taken once more; None when it has left the log."""
        return self._change(
            decision_id,
            lambda decision: {"data": FrozenMap({**decision.data, "count": decision.data.get("count", 1) + 1})},
        )

    def _change(self, decision_id: int, change: Callable[[Decision], dict[str, Any]]) -> Decision | None:
        index = self._index(decision_id)
        if index is None:
            return None
        decision = self._decisions[index]
        self._decisions[index] = changed = msgspec.structs.replace(decision, **change(decision))
        return changed

    def _index(self, decision_id: int) -> int | None:
        index = decision_id - self.made + len(self._decisions) - 1
        return index if 0 <= index < len(self._decisions) else None
