"""Pure: what was found out and is kept for a while, by what it was made of."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recall(Generic[T]):
    """At most ``capacity`` findings, each for ``span`` seconds; one more, and the one used longest ago goes.

    Not for several threads at once.
    """

    def __init__(self, capacity: int, span: float) -> None:
        self._capacity = capacity
        self._span = span
        self._kept: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, now: float) -> T | None:
        """What was made of ``key``; None if it is not known, or too old."""
        found = self._kept.get(key)
        if found is None:
            return None
        if now - found[0] >= self._span:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return found[1]

    def put(self, key: Hashable, found: T, now: float) -> None:
        """Keep it."""
        if key in self._kept:
            self._kept.move_to_end(key)
        self._kept[key] = (now, found)
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
