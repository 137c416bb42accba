"""Pure: goals, how urgent each is, and which an agent sets itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import msgspec

from companion_async.errors import InvalidArgumentError
from companion_async.security import check_fraction, check_label, check_labels, check_name, check_seconds, check_text

HORIZON = 3600.0
"""Seconds before its deadline from which on a goal grows more urgent."""

NEED = 0.7
"""How strong a need is that becomes a goal; from 0 (none) to 1."""

LOW_SPIRITS = 0.3
"""Happiness, from 0 to 1, below which company is sought."""

COMPANY_PAUSE = 300.0
"""Seconds after which somebody who is there is talked to again for nothing but company."""

_LONGEST_SOURCE = 200
_MOST_STEPS = 100


class Goal(msgspec.Struct, frozen=True):
    """Something to be brought about: by making the facts it ``wants`` true, by its own ``steps``, or, with neither, by
    the one step that it is itself.

    ``priority`` is 0 to 1, ``deadline`` in seconds since the epoch. ``claims`` names what it needs for itself alone.
    ``status``: ``open``; ``waiting`` for a claim; ``done``, ``failed`` or ``missed`` (its deadline). ``vain`` are the
    steps that were tried in vain, ``source`` who set it.
    """

    id: str
    text: str
    priority: float = 0.5
    deadline: float | None = None
    wants: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    status: str = "open"
    reason: str = ""
    vain: tuple[str, ...] = ()
    source: str = ""

    @property
    def alive(self) -> bool:
        """Whether it can still be reached."""
        return self.status in ("open", "waiting")


def checked(goal: Goal) -> Goal:
    """``goal``; `InvalidArgumentError` if it is none that can be pursued."""
    check_label(goal.text, "a goal")
    lists = {name: check_labels(getattr(goal, name), name, most=_MOST_STEPS) for name in ("wants", "steps", "claims")}
    for claim in lists["claims"]:
        check_name(claim, "a claim")
        if "." in claim:
            raise InvalidArgumentError(f"A claim is one name without dots; {claim!r:.80} is not.")
    check_fraction(goal.priority, "priority")
    check_text(goal.source, "source", longest=_LONGEST_SOURCE)
    if goal.deadline is not None:
        check_seconds(goal.deadline, "deadline (since the epoch)", zero=True)
    return msgspec.structs.replace(goal, **lists)


def urgency(goal: Goal, now: float) -> float:
    """From 0 to 1: its priority, rising to 1 over the last `HORIZON` before its deadline."""
    if goal.deadline is None:
        return goal.priority
    near = min(1.0, max(0.0, 1.0 - (goal.deadline - now) / HORIZON))
    return goal.priority + (1.0 - goal.priority) * near


def steady_until(goals: Iterable[Goal], now: float) -> float:
    """The instant up to which time alone changes nothing about how urgent they are; ``now`` where it does already."""
    dates = (goal.deadline - HORIZON for goal in goals if goal.alive and goal.deadline is not None)
    return max(now, min(dates, default=math.inf))


def by_urgency(goals: Iterable[Goal], now: float) -> list[Goal]:
    """Those that can still be reached, the most urgent first, of equal ones the older."""
    return sorted((goal for goal in goals if goal.alive), key=lambda goal: -urgency(goal, now))


def wishes(
    needs: Mapping[str, float], happiness: float, others: Iterable[str], goals: Iterable[Goal], *, sociable: bool = True
) -> list[Goal]:
    """The goals an agent sets itself: to see to each strong need, to seek company in low spirits, to talk to somebody
    who is there while it has nothing else to do and is ``sociable``. None that it has already.
    """
    alive = [goal for goal in goals if goal.alive]
    found = [
        Goal(f"need-{name}", f"see to {name}", strength, wants=(f"no {name}",), source="need")
        for name, strength in needs.items()
        if strength >= NEED
    ]
    near = sorted(others)
    if happiness < LOW_SPIRITS:
        company = f"talk to {near[0]}" if near else "find someone to talk to"
        found.append(Goal("company", company, 1.0 - happiness, source="mood"))
    elif near and sociable and not alive and not found:
        found.append(Goal("company", f"talk to {near[0]}", 0.2, source="company"))
    known = {goal.id for goal in alive}
    return [goal for goal in found if goal.id not in known]
