"""Pure: one round of planning: what happened to the step, which goal comes first, and the way to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from companion_async.cognition.advanced_reasoning.planning import Action, cheapest_plan
from companion_async.cognition.planning.goals import Goal, by_urgency, urgency

HYSTERESIS = 0.1
"""By how much another goal must be more urgent before the one under way is laid aside for it."""

_MOST_STATES = 5_000


class Course(msgspec.Struct, frozen=True):
    """The plan under way: the goal's id, its steps, and the number of the next one from 0."""

    goal: str
    steps: tuple[str, ...]
    at: int = 0

    @property
    def step(self) -> str:
        """What is to be done next."""
        return self.steps[self.at]


class Report(msgspec.Struct, frozen=True):
    """What became of a step; ``facts`` are what was found true beside what was expected."""

    step: str
    ok: bool
    facts: tuple[str, ...] = ()


class Claim(msgspec.Struct, frozen=True):
    """Who holds something, as ``agent/goal``, and how urgently."""

    by: str
    urgency: float


class Round(msgspec.Struct, frozen=True):
    """The outcome of a round. ``claims`` are those that change, None for one that is free again."""

    goals: dict[str, Goal]
    course: Course | None
    facts: frozenset[str]
    claims: dict[str, Claim | None]


def pursue(
    me: str,
    goals: Mapping[str, Goal],
    course: Course | None,
    facts: frozenset[str],
    claims: Mapping[str, Claim],
    actions: Sequence[Action],
    now: float,
    report: Report | None = None,
) -> Round:
    """Plan on. A claim goes to the more urgent goal, whoever's it is; the one that loses it waits.

    The goal under way is kept until it is reached, fails, loses a claim, or another is more urgent by `HYSTERESIS`.
    A step that fails is not planned with again for that goal.
    """
    after = dict(goals)
    if course is not None and course.goal not in goals:
        course = None
    for goal in goals.values():
        if goal.alive and goal.deadline is not None and goal.deadline < now:
            after[goal.id] = _with(goal, "missed", "its deadline has passed")
    if course is not None and report is not None and report.step == course.step and after[course.goal].alive:
        facts, course = _told(after, course, facts, report, actions)
    order = by_urgency(after.values(), now)
    if course is not None and course.goal in {goal.id for goal in order}:
        under_way = after[course.goal]
        if urgency(order[0], now) < urgency(under_way, now) + HYSTERESIS:
            order = [under_way, *(goal for goal in order if goal.id != under_way.id)]
    chosen: Course | None = None
    for goal in order:
        if set(goal.wants) <= facts and goal.wants:
            after[goal.id] = _with(goal, "done", "it is so already")
            continue
        taken = [
            (name, claims[name])
            for name in goal.claims
            if name in claims and claims[name].by != f"{me}/{goal.id}" and claims[name].urgency >= urgency(goal, now)
        ]
        if taken:
            after[goal.id] = _with(goal, "waiting", f"{taken[0][0]} is held by {taken[0][1].by}")
            continue
        steps = course.steps if course is not None and course.goal == goal.id else way(goal, facts, actions)
        if not steps:
            after[goal.id] = _with(
                goal, "failed", "every way that was known was tried" if goal.vain else "no way is known"
            )
            continue
        chosen = course if course is not None and course.goal == goal.id else Course(goal.id, steps)
        after[goal.id] = _with(goal, "open", "")
        break
    return Round(after, chosen, facts, _claimed(me, after, chosen, claims, now))


def way(goal: Goal, facts: frozenset[str], actions: Sequence[Action]) -> tuple[str, ...]:
    """The steps to a goal without those tried in vain; empty where there is no way."""
    if goal.steps and not goal.vain:
        return goal.steps
    if goal.wants:
        able = [action for action in actions if action.name not in goal.vain]
        found = cheapest_plan(facts, goal.wants, able, _MOST_STATES)
        return found.actions if found.found else ()
    return () if goal.vain else (goal.text,)


def _told(
    goals: dict[str, Goal], course: Course, facts: frozenset[str], report: Report, actions: Sequence[Action]
) -> tuple[frozenset[str], Course | None]:
    goal = goals[course.goal]
    if not report.ok:
        goals[goal.id] = msgspec.structs.replace(goal, vain=(*goal.vain, report.step))
        return facts | set(report.facts), None
    for action in actions:
        if action.name == report.step:
            facts = (facts - action.removes) | action.adds
    facts |= set(report.facts)
    if course.at + 1 < len(course.steps):
        return facts, msgspec.structs.replace(course, at=course.at + 1)
    if set(goal.wants) <= facts:
        goals[goal.id] = _with(goal, "done", "")
    return facts, None


def _claimed(
    me: str, goals: Mapping[str, Goal], course: Course | None, claims: Mapping[str, Claim], now: float
) -> dict[str, Claim | None]:
    wanted: dict[str, Claim] = {}
    if course is not None:
        goal = goals[course.goal]
        wanted = {name: Claim(f"{me}/{goal.id}", urgency(goal, now)) for name in goal.claims}
    mine = {name for name, claim in claims.items() if claim.by.startswith(f"{me}/")}
    changes: dict[str, Claim | None] = dict.fromkeys(mine - set(wanted))
    # How urgent a claim is counts from when it was taken: to follow each rise would be a commit a round.
    kept = {name for name in mine if name in wanted and claims[name].by == wanted[name].by}
    return changes | {name: claim for name, claim in wanted.items() if name not in kept}


def _with(goal: Goal, status: str, reason: str) -> Goal:
    if (goal.status, goal.reason) == (status, reason):
        return goal
    return msgspec.structs.replace(goal, status=status, reason=reason)
