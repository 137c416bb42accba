"""Pure: the six scheduling policies, each a static key: push and pop stay O(log n) and ageing reorders nothing.

A policy answers two questions. Among the tasks of one module: which is best (`Ordering.key`, the lowest first, equal
keys in order of submission)? Among the modules of one category: whose best task goes next? Either the one with the
lowest key (``turns`` false), or the one whose turn it is by virtual time (``turns`` true; start-time fair queueing,
Goyal, Vin and Cheng 1996), each dispatch costing ``1 / quota`` where the policy is ``weighted``.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, Protocol


class SchedulingPolicy(StrEnum):
    """Which task of a category goes next."""

    PRIORITY_FIRST = "priority_first"
    ROUND_ROBIN = "round_robin"
    FAIR_SHARE = "fair_share"
    WEIGHTED_PRIORITY = "weighted_priority"
    SHORTEST_JOB_FIRST = "shortest_job_first"
    EARLIEST_DEADLINE_FIRST = "earliest_deadline_first"


class Keyed(Protocol):
    """What a key may look at: priority level, seconds, absolute seconds or inf, expected run time in seconds."""

    level: int
    submitted: float
    deadline: float
    expected: float


Key = Callable[[Keyed, float], float]
"""``(task, span) -> key``; ``span`` is the ageing span in seconds per level."""


class Ordering(NamedTuple):
    """How one policy orders tasks inside a module, and modules among each other.

    ``lined`` says that of two tasks of one priority, the one submitted later never comes first; ``levelled`` that the
    priority decides among all tasks of a category, so that a place can be kept for the upper ones.
    """

    key: Key
    turns: bool = False
    weighted: bool = False
    lined: bool = False
    levelled: bool = False


def by_level(task: Keyed, span: float) -> float:
    """The priority alone; FIFO inside a level."""
    return task.level


def by_aged_level(task: Keyed, span: float) -> float:
    """Linear ageing as a constant: a task one level lower goes first once it has waited ``span`` longer.

    ``now - submitted`` grows alike for all, so comparing ``submitted + level * span`` equals comparing aged
    priorities at any instant. A task of level ``l`` is overtaken only by tasks of level ``k < l`` submitted within
    ``(l - k) * span`` seconds after it: the bound on its waiting.
    """
    return task.submitted + task.level * span


def by_expected_run(task: Keyed, span: float) -> float:
    """The run time measured so far for the target; an unmeasured one counts as 0 and is so measured soon."""
    return task.expected


def by_deadline(task: Keyed, span: float) -> float:
    """The instant by which the task must have ended; without one, after all that have one."""
    return task.deadline


ORDERINGS: dict[SchedulingPolicy, Ordering] = {
    SchedulingPolicy.PRIORITY_FIRST: Ordering(by_level, lined=True, levelled=True),
    SchedulingPolicy.ROUND_ROBIN: Ordering(by_level, turns=True, lined=True),
    SchedulingPolicy.FAIR_SHARE: Ordering(by_level, turns=True, weighted=True, lined=True),
    SchedulingPolicy.WEIGHTED_PRIORITY: Ordering(by_aged_level, lined=True, levelled=True),
    SchedulingPolicy.SHORTEST_JOB_FIRST: Ordering(by_expected_run),
    SchedulingPolicy.EARLIEST_DEADLINE_FIRST: Ordering(by_deadline),
}
