"""Pure: who is interested in which paths, and whom a commit concerns.

A pattern is a path in which ``*`` may stand for any one segment. It is touched by a change at it, above it and below
it: all of these change what stands there. Of a change above it only those patterns are touched under which something
is now another, so a merge into a mapping does not concern those who look at its other keys.

Patterns are kept in a trie that is walked along the path of the change: what it costs depends on how many are touched
and not on how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from companion_async.state.path import ANY, Segments
from companion_async.state.tree import MISSING, Branch, lookup

T = TypeVar("T")


class _Node(Generic[T]):
    __slots__ = ("children", "held")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.held: dict[T, None] = {}


class Interests(Generic[T]):
    """Which of the things held are touched by a change. Each is held under one pattern."""

    def __init__(self) -> None:
        self._top: _Node[T] = _Node()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, pattern: Segments, held: T) -> None:
        """Hold ``held`` under ``pattern``."""
        node = self._top
        for segment in pattern:
            node = node.children.setdefault(segment, _Node())
        node.held[held] = None
        self._count += 1

    def remove(self, pattern: Segments, held: T) -> None:
        """Forget it, and what of the trie only it had needed."""
        way = [self._top]
        for segment in pattern:
            way.append(way[-1].children[segment])
        del way[-1].held[held]
        self._count -= 1
        for above, node, segment in zip(way[-2::-1], way[:0:-1], reversed(pattern), strict=True):
            if node.children or node.held:
                break
            del above.children[segment]

    def touched(self, path: Segments, old: Branch, new: Branch) -> Iterator[T]:
        """Those touched by a change at ``path`` that made ``new`` of ``old``; each once."""
        nodes = [self._top]
        for segment in path:
            nodes = [
                child
                for node in nodes
                for child in (node.children.get(segment), node.children.get(ANY))
                if child is not None
            ]
            for node in nodes:
                yield from node.held
        if any(node.children for node in nodes):
            before, after = lookup(old, path), lookup(new, path)
            for node in nodes:
                yield from _below(node, before, after)


def _below(node: _Node[T], before: Any, after: Any) -> Iterator[T]:
    for segment, child in node.children.items():
        if segment != ANY:
            yield from _if_changed(child, _child(before, segment), _child(after, segment))
            continue
        keys = {key: None for branch in (before, after) if type(branch) is Branch for key in branch}
        changed = [key for key in keys if _child(before, key) is not _child(after, key)]
        if changed:
            yield from child.held
        if child.children:
            yield from dict.fromkeys(
                held for key in changed for held in _below(child, _child(before, key), _child(after, key))
            )


def _if_changed(node: _Node[T], before: Any, after: Any) -> Iterator[T]:
    if before is not after:
        yield from node.held
        yield from _below(node, before, after)


def _child(node: Any, segment: str) -> Any:
    return node.get(segment) if type(node) is Branch else MISSING
