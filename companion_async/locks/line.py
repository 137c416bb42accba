"""Pure: who stands in line for one lock, in which order."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Standing(Protocol):
    """What the line looks at: seconds on the clock, and the level of a priority."""

    asked: float
    level: int


R = TypeVar("R", bound=Standing)


class Line(Generic[R]):
    """Those who wait, in order. Joining, leaving and finding the first are O(1), however many wait.

    The order is that of the scheduler: ``asked + level * span``, the lowest first, so that a request one level lower
    goes first once it has waited ``span`` seconds longer, and nobody waits for ever. Inside a level that is the order
    in which they came, which is why a queue for each of the few levels is all it takes. Whoever was moved ahead to
    break a cycle stands before all others, the latest first.
    """

    __slots__ = ("_ahead", "_levels", "_span", "size")

    def __init__(self, span: float) -> None:
        self._span = span
        self._ahead: OrderedDict[R, None] = OrderedDict()
        self._levels: dict[int, OrderedDict[R, None]] = {}
        self.size = 0

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[R]:
        yield from self._ahead
        yield from heapq.merge(*self._levels.values(), key=self._rank)

    def join(self, request: R) -> None:
        """Stand in line."""
        level = self._levels.get(request.level)
        if level is None:
            level = self._levels[request.level] = OrderedDict()
        level[request] = None
        self.size += 1

    def leave(self, request: R) -> None:
        """Stand there no more."""
        if request in self._ahead:
            del self._ahead[request]
        else:
            del self._levels[request.level][request]
        self.size -= 1

    def move_ahead(self, request: R) -> None:
        """Stand before all others, those who were moved ahead earlier too."""
        self._levels[request.level].pop(request, None)
        self._ahead[request] = None
        self._ahead.move_to_end(request, last=False)

    def first(self) -> R | None:
        """Whose turn it is."""
        if self._ahead:
            return next(iter(self._ahead))
        best: R | None = None
        for level in self._levels.values():
            if level:
                head = next(iter(level))
                if best is None or self._rank(head) < self._rank(best):
                    best = head
        return best

    def would_be_first(self, request: R) -> bool:
        """Whether it would be its turn if it joined now."""
        if self._ahead:
            return False
        first = self.first()
        return first is None or self._rank(request) < self._rank(first)

    def _rank(self, request: R) -> tuple[float, int]:
        return request.asked + request.level * self._span, request.level
