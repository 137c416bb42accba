"""Snapshots: a name for a tree that there was. Taking one is O(1), keeping it costs what has changed since."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from companion_async.errors import InvalidArgumentError
from companion_async.state.path import parse_path
from companion_async.state.tree import MISSING, Branch, lookup
from companion_async.state.value import thaw


class UnknownSnapshotError(InvalidArgumentError, KeyError):
    """No such snapshot: never taken, or the oldest when there were too many."""


class StateSnapshot:
    """The state as it was at ``version``. It is never changed."""

    __slots__ = ("name", "root", "timestamp", "version")

    def __init__(self, name: str, version: int, timestamp: datetime, root: Branch) -> None:
        self.name = name
        self.version = version
        self.timestamp = timestamp
        self.root = root

    def get(self, path: str, default: Any = None) -> Any:
        """A copy of what stood at ``path``, else ``default``."""
        node = lookup(self.root, parse_path(path))
        return default if node is MISSING else thaw(node)

    def to_dict(self) -> dict[str, Any]:
        """A copy of all of it."""
        plain: dict[str, Any] = thaw(self.root)
        return plain

    def __repr__(self) -> str:
        return f"<StateSnapshot {self.name!r} of version {self.version}>"


class Shelf:
    """The latest snapshots by name; one too many, and the oldest goes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._snapshots: dict[str, StateSnapshot] = {}
        self._taken = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The oldest first."""
        return tuple(self._snapshots)

    def free_name(self) -> str:
        """A name that no snapshot has."""
        while True:
            self._taken += 1
            if (name := f"snapshot-{self._taken}") not in self._snapshots:
                return name

    def put(self, snapshot: StateSnapshot) -> None:
        """Keep it, in the place of one of the same name."""
        self._snapshots.pop(snapshot.name, None)
        self._snapshots[snapshot.name] = snapshot
        while len(self._snapshots) > self._limit:
            del self._snapshots[next(iter(self._snapshots))]

    def find(self, name: str) -> StateSnapshot:
        """The one of that name; else `UnknownSnapshotError`."""
        found = self._snapshots.get(name)
        if found is None:
            raise UnknownSnapshotError(
                f"No snapshot {name!r:.80} is kept (known: {', '.join(self.names) or 'none'}). It was never taken, or "
                "it was the oldest of too many: raise max_snapshots, or keep the StateSnapshot itself."
            )
        return found
