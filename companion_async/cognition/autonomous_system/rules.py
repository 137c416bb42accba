"""Pure: from goals and figures to proposals, and which of them need no person's word."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from companion_async.errors import InvalidArgumentError

METRICS = ("success_rate", "queued", "utilization", "state")
_FEW_FAILURES = 3


class Goal(msgspec.Struct, frozen=True):
    """That ``metric`` of a module (``success_rate``, ``state``) or a category (``queued``, ``utilization``) be at least
    or at most ``value``; of ``state``, that it be ``running``.
    """

    name: str
    metric: str
    subject: str
    sense: Literal["at least", "at most"] = "at least"
    value: float = 1.0

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise InvalidArgumentError(f"metric must be one of {', '.join(METRICS)}; {self.metric!r:.80} is not.")
        if not math.isfinite(self.value):
            raise InvalidArgumentError(f"The value of goal {self.name!r:.80} must be a finite number.")


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """An operation for a goal. ``risk`` and ``benefit`` are from 0 to 1, ``figures`` what they rest on."""

    goal: str
    operation: str
    subject: str
    value: int | None
    risk: float
    benefit: float
    why: str
    figures: dict[str, Any]


class Counted(msgspec.Struct, frozen=True):
    """How many tasks of a module had completed and failed at a moment."""

    completed: int = 0
    failed: int = 0


def unmet(
    goals: Iterable[Goal],
    modules: Mapping[str, Any],
    categories: Mapping[str, Any],
    since: Mapping[str, Counted] | None = None,
) -> Iterator[Proposal]:
    """What could be done for each goal that is not met; nothing for one whose subject is not there. Of a module that is
    in ``since``, only what came after that counts: what was done to it then is to be judged by that.
    """
    after = since or {}
    for goal in goals:
        if goal.metric in ("success_rate", "state"):
            module = modules.get(goal.subject)
            if module is not None:
                yield from _for_module(goal, module, after.get(goal.subject, Counted()))
        else:
            category = categories.get(goal.subject)
            if category is not None:
                yield from _for_category(goal, category)


def needs_no_word(proposal: Proposal, max_risk: float, min_benefit: float) -> bool:
    """Whether it is safe and useful enough to be done without a person's approval."""
    return proposal.risk < max_risk and proposal.benefit > min_benefit


def _for_module(goal: Goal, module: Any, since: Counted) -> Iterator[Proposal]:
    completed, failed = module.tasks_completed - since.completed, module.tasks_failed - since.failed
    rate = completed / (completed + failed) if completed + failed else 1.0
    figures = {"state": module.state, "success_rate": rate, "tasks_failed": failed}
    if goal.metric == "state":
        if module.state in ("error", "stopped"):
            # A stopped one was stopped by a person or by quarantine: starting it again overrules them.
            operation, risk = ("restart", 0.3) if module.state == "error" else ("resume", 0.8)
            yield _proposal(goal, operation, None, risk, 0.9, f"it is {module.state}", figures)
        elif module.state == "paused":
            yield _proposal(goal, "resume", None, 0.8, 0.5, "it is paused, which somebody wanted", figures)
    elif _misses(goal, rate) and failed > _FEW_FAILURES and module.state == "running":
        gap = min(1.0, abs(goal.value - rate) / max(goal.value, 1e-9))
        why = f"{failed} of its tasks failed, {rate:.0%} succeed"
        yield _proposal(goal, "restart", None, 0.4, 0.5 + gap / 2, why, figures)
        yield _proposal(goal, "pause", None, 0.75, gap, f"{why}; paused, it harms nobody", figures)


def _for_category(goal: Goal, category: Any) -> Iterator[Proposal]:
    value = getattr(category, goal.metric)
    figures = {"max": category.max, "queued": category.queued, "utilization": category.utilization}
    if not _misses(goal, value):
        return
    if goal.sense == "at most":
        after = category.max + max(1, category.max // 2)
        benefit = min(1.0, 0.5 + (value - goal.value) / (2 * max(value, 1e-9)))
        yield _proposal(
            goal, "resize", after, 0.3, benefit, f"{goal.metric} is {value:.3g}, above {goal.value:.3g}", figures
        )
    elif category.max > 1:
        after = category.max // 2
        yield _proposal(
            goal, "resize", after, 0.5, 0.5, f"{goal.metric} is {value:.3g}, below {goal.value:.3g}", figures
        )


def _misses(goal: Goal, value: float) -> bool:
    return value < goal.value if goal.sense == "at least" else value > goal.value


def _proposal(
    goal: Goal, operation: str, value: int | None, risk: float, benefit: float, why: str, figures: dict[str, Any]
) -> Proposal:
    return Proposal(
        goal=goal.name,
        operation=operation,
        subject=goal.subject,
        value=value,
        risk=risk,
        benefit=round(benefit, 3),
        why=why,
        figures=figures,
    )
