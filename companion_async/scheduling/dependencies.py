"""Pure: which tasks wait for which others to end."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from companion_async.errors import DependencyCycleError
from companion_async.locks.cycle import path_to

Node = TypeVar("Node", bound=Hashable)


class Dependencies(Generic[Node]):
    """Nodes that wait, and what they wait for. Every change is O(edges it touches).

    ``dependents`` is empty while nobody waits for anything.
    """

    def __init__(self) -> None:
        self._unmet: dict[Node, set[Node]] = {}
        self.dependents: dict[Node, dict[Node, None]] = {}

    def __len__(self) -> int:
        return len(self._unmet)

    def add(self, node: Node, upstream: Iterable[Node]) -> None:
        """Let ``node`` wait for ``upstream``, all of them unfinished. A cycle raises and changes nothing."""
        wanted = set(upstream)
        cycle = self._cycle(node, wanted)
        if cycle:
            raise DependencyCycleError(tuple(str(step) for step in cycle))
        unmet = self._unmet.setdefault(node, set())
        for other in wanted - unmet:
            self.dependents.setdefault(other, {})[node] = None
        unmet |= wanted

    def met(self, upstream: Node) -> list[Node]:
        """``upstream`` has ended: the nodes that waited for it, in the order they came; those it was the last for
        no longer wait (`waits` tells which).
        """
        dependents = [node for node in self.dependents.pop(upstream, ()) if node in self._unmet]
        for node in dependents:
            unmet = self._unmet[node]
            unmet.discard(upstream)
            if not unmet:
                del self._unmet[node]
        return dependents

    def waits(self, node: Node) -> bool:
        """Whether the node still waits for something."""
        return node in self._unmet

    def upstream(self, node: Node) -> frozenset[Node]:
        """What the node still waits for."""
        return frozenset(self._unmet.get(node, ()))

    def drop(self, node: Node) -> None:
        """The node waits no longer, whatever it waited for."""
        for other in self._unmet.pop(node, ()):
            dependents = self.dependents.get(other)
            if dependents is not None:
                dependents.pop(node, None)
                if not dependents:
                    del self.dependents[other]

    def _cycle(self, node: Node, upstream: set[Node]) -> list[Node]:
        if node in upstream:
            return [node, node]
        if node not in self.dependents:
            return []  # nobody waits for it, so no way leads back
        return path_to(node, upstream, lambda step: self._unmet.get(step, ()))
