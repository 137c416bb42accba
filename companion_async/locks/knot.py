"""Pure: whether a wait can ever end.

Nodes wait for all of those ahead of them, or for any one (`AnyOf`). A node can go on if it waits for nobody, if all
that it waits for can go on, or one where one is enough. What can never go on is a knot; with waits for all only, it is
a cycle and what waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable


class AnyOf(tuple[Hashable, ...]):
    """Nodes of which one that goes on is enough."""

    __slots__ = ()


Node = Hashable
Ahead = Callable[[Node], Iterable[Node]]
"""Whom a node waits for; nobody: it goes on."""


def knot_through(start: Node, ahead: Ahead) -> list[Node]:
    """A cycle of nodes that can never go on, from ``start`` back to ``start``; empty if ``start`` is in none.

    Linear in the nodes and waits that can be reached from ``start``; nothing here recurses.
    """
    waits: dict[Node, Iterable[Node]] = {}
    behind: dict[Node, list[Node]] = {}
    missing: dict[Node, int] = {}
    going: list[Node] = []
    stack = [start]
    while stack:
        node = stack.pop()
        if node in waits:
            continue
        waits[node] = following = tuple(dict.fromkeys(given := ahead(node)))
        if not following:
            going.append(node)
        else:
            missing[node] = 1 if isinstance(given, AnyOf) else len(following)
        for other in following:
            behind.setdefault(other, []).append(node)
            if other not in waits:
                stack.append(other)
    while going:
        for node in behind.get(going.pop(), ()):
            if node in missing:  # else one of several was enough, and another has come
                missing[node] -= 1
                if not missing[node]:
                    del missing[node]
                    going.append(node)
    return _way_back(start, waits, missing) if start in missing else []


def _way_back(start: Node, waits: dict[Node, Iterable[Node]], stuck: dict[Node, int]) -> list[Node]:
    came: dict[Node, Node] = {}
    line = [start]
    for step in line:  # breadth first: the shortest cycle is the easiest to read
        for other in waits[step]:
            if other == start:
                way, node = [], step
                while node != start:
                    way.append(node)
                    node = came[node]
                return [start, *reversed(way), start]
            if other in stuck and other not in came:
                came[other] = step
                line.append(other)
    return []
