"""Pure: the waiting tasks of one module.

Tasks of one priority stand in a line, which costs nothing to keep in order: under most policies, what was submitted
later comes later. What that does not hold for (a policy that orders otherwise, a retry that is older than those in
line) goes into a heap beside the lines. What leaves from the middle stays where it stands, dead, until it comes first.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import Protocol


class Queued(Protocol):
    """What the queue reads and writes of a task: ``ticket`` is its place, negative while it has none."""

    ticket: int
    level: int
    submitted: float
    deadline: float
    expected: float
    on_loop: bool
    light: bool

    @property
    def lane(self) -> Lane: ...


class Lane:
    """The tasks of one module, best first, with what decides whether the module may run one more."""

    __slots__ = (
        "_dead",
        "_entry",
        "_finish",
        "_heap",
        "_lines",
        "_start",
        "_withheld",
        "cap",
        "held",
        "most",
        "name",
        "quota",
        "running",
        "throttle",
    )

    def __init__(self, name: str, *, cap: int | None = None, quota: int = 1) -> None:
        self.name = name
        self.cap = cap
        self.throttle: int | None = None
        self.quota = quota
        self.held = False
        self.running = 0
        self.most: float = math.inf if cap is None else cap
        self._lines: dict[int, deque[Queued]] = {}
        self._heap: list[tuple[float, int, Queued]] = []
        self._dead = 0
        self._withheld = 0
        self._entry: tuple[float, int, Lane] | None = None
        self._start = 0.0
        self._finish = 0.0

    @property
    def open(self) -> bool:
        """Whether one more of its tasks may start now."""
        return not self.held and self.running < self.most

    @property
    def waits(self) -> bool:
        """Whether anything stands in it, be it dead."""
        return any(self._lines.values()) or bool(self._heap)

    @property
    def size(self) -> int:
        """How many of its tasks wait."""
        return sum(map(len, self._lines.values())) + len(self._heap) - self._dead

    def tasks(self) -> Iterator[Queued]:
        """Its waiting tasks, in no order."""
        seen: set[int] = set()  # one whose level went there and back may have left its old place behind
        for level, line in self._lines.items():
            for task in line:
                if task.ticket > 0 and task.level == level and task.ticket not in seen:
                    seen.add(task.ticket)
                    yield task
        yield from (task for _, ticket, task in self._heap if task.ticket == ticket and ticket not in seen)
