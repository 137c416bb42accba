"""Pure: whom those wait for that stand in line for locks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

from companion_async.locks.mode import AccessMode
from companion_async.locks.request import ResourceLock
from companion_async.locks.rwlock import ReadWriteLock

_READ = AccessMode.READ


class LockEdges:
    """The locks' part of the wait-for graph, for one look at it; ``ahead`` together with what ``moved`` requests would
    change that stood first in their lines.

    Nodes are owners, their waiting requests, and locks. A request waits for those that hold the lock against it (hard:
    only they can change it), and for those before it in line that it could not share with (soft: another order would
    change it). Of these only the nearest are named, who wait for the others in turn: so all edges of a line are as many
    as it is long.
    """

    def __init__(self, waiting: Mapping[Hashable, Iterable[ResourceLock]], moved: Sequence[ResourceLock] = ()) -> None:
        self._waiting = waiting
        self._moved = moved
        self._before: dict[ReadWriteLock, dict[ResourceLock, list[Hashable]]] = {}

    def ahead(self, node: Hashable) -> list[Hashable]:
        """Whom the node waits for, as far as locks are concerned."""
        if isinstance(node, ReadWriteLock):
            return list(node.readers)
        if isinstance(node, ResourceLock):
            return self._ahead_of(node)
        return list(self._waiting.get(node, ()))

    def _ahead_of(self, request: ResourceLock) -> list[Hashable]:
        lock = request.lock
        nodes: list[Hashable] = []
        if lock.writer is not None:
            nodes.append(lock.writer)
        elif lock.readers and request.mode is not _READ:
            nodes.append(lock)
        return nodes + self.soft(request)

    def soft(self, request: ResourceLock) -> list[Hashable]:
        """Whom it waits for only because of the order of the line."""
        first: list[Hashable] = []
        for other in self._moved:
            if other is request:
                return first
            if other.lock is request.lock and not (other.mode is _READ and request.mode is _READ):
                first.append(other.owner)
        before = self._before.get(request.lock)
        if before is None:
            before = self._before[request.lock] = self._look(request.lock)
        return first + before.get(request, [])

    def _look(self, lock: ReadWriteLock) -> dict[ResourceLock, list[Hashable]]:
        before: dict[ResourceLock, list[Hashable]] = {}
        writer: list[Hashable] = []
        readers: list[Hashable] = []
        for request in lock.line:
            if request in self._moved:
                continue
            if request.mode is _READ:
                before[request] = writer
                readers.append(request.owner)
            else:
                before[request] = readers or writer
                writer, readers = [request.owner], []
        return before
