"""Pure: the cheapest way from one state of a small world to another (STRIPS, Fikes and Nilsson 1971)."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Sequence

import msgspec

from companion_async.errors import InvalidArgumentError


class Action(msgspec.Struct, frozen=True):
    """What can be done: the facts that it needs, those that it adds and takes away, and what it costs."""

    name: str
    needs: frozenset[str] = frozenset()
    adds: frozenset[str] = frozenset()
    removes: frozenset[str] = frozenset()
    cost: float = 1.0

    def __post_init__(self) -> None:
        if not self.cost > 0 or self.cost == float("inf"):
            raise InvalidArgumentError(f"The cost of {self.name!r:.80} must be a finite number above 0.")


class Plan(msgspec.Struct, frozen=True):
    """The names of the actions in order, their cost, and how many states were looked at. ``proved`` says that the whole
    of what can be reached was searched, or the cheapest plan found; without it the search ended at its limit.
    """

    found: bool
    actions: tuple[str, ...]
    cost: float
    looked_at: int
    proved: bool


def cheapest_plan(start: Iterable[str], goal: Iterable[str], actions: Sequence[Action], most: int = 50_000) -> Plan:
    """The cheapest plan that makes every fact of ``goal`` true, by uniform-cost search (Dijkstra 1959) over at most
    ``most`` states.
    """
    wanted = frozenset(goal)
    order = itertools.count()
    line: list[tuple[float, int, frozenset[str], tuple[str, ...]]] = [(0.0, next(order), frozenset(start), ())]
    done: set[frozenset[str]] = set()
    while line:
        cost, _, state, way = heapq.heappop(line)
        if state in done:
            continue
        if wanted <= state:
            return Plan(True, way, cost, len(done), True)
        done.add(state)
        if len(done) >= most:
            return Plan(False, (), 0.0, len(done), False)
        for action in actions:
            if action.needs <= state:
                after = (state - action.removes) | action.adds
                if after not in done:
                    heapq.heappush(line, (cost + action.cost, next(order), after, (*way, action.name)))
    return Plan(False, (), 0.0, len(done), True)
