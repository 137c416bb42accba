"""Pure: the way round. Nothing here recurses, so a chain may be as long as memory allows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def path_to(goal: Node, starts: Iterable[Node], ahead: Callable[[Node], Iterable[Node]]) -> list[Node]:
    """A shortest way from ``goal`` through one of ``starts`` along ``ahead`` and back to ``goal``; empty if there is
    none. Linear in what can be reached.
    """
    came: dict[Node, Node] = {}
    line = []
    for start in starts:
        if start == goal:
            return [goal, goal]
        if start not in came:
            came[start] = goal
            line.append(start)
    for step in line:
        for following in ahead(step):
            if following == goal:
                way, node = [goal], step
                while node != goal:
                    way.append(node)
                    node = came[node]
                return [goal, *reversed(way[1:]), goal]
            if following not in came:
                came[following] = step
                line.append(following)
    return []
