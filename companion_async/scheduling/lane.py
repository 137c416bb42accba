"""Pure: the waiting tasks of one module.

Tasks of one priority stand in a line, which costs nothing to keep in order: under most policies, what was submitted
later comes later. What that does not hold for (a policy that orders otherwise, a retry that is older than those in
line) goes into a heap beside the lines. What leaves from the middle stays where it stands, dead, until it comes first.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from companion_async.scheduling.policies import Key


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


class Gate(Protocol):
    """What runs of several lanes have to share. A lane whose runs have to is throttled as well."""

    def admits(self, lane: Lane) -> bool: ...
    def enter(self, lane: Lane) -> bool: ...
    def returned(self, lane: Lane) -> None: ...
    def left(self, lane: Lane) -> bool: ...


class Lane:
    """The tasks of one module, best first, with what decides whether the module may run one more.

    ``loose`` counts those of its runs that are coroutines. They keep no thread and no other run from computing, and may
    wait for one that does, so the throttle and the gate, which are for that, pass them over; the cap does not.
    """

    __slots__ = (
        "_dead",
        "_entry",
        "_finish",
        "_heap",
        "_lines",
        "_start",
        "_withheld",
        "cap",
        "gate",
        "held",
        "loose",
        "most",
        "name",
        "quota",
        "running",
        "throttle",
        "weight",
    )

    def __init__(self, name: str, *, cap: int | None = None, quota: int = 1) -> None:
        self.name = name
        self.cap = cap
        self.throttle: int | None = None
        self.gate: Gate | None = None
        self.weight = 0.0
        self.quota = quota
        self.held = False
        self.running = 0
        self.loose = 0
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
        return not self.held and self.running < self.most and (self.gate is None or self.gate.admits(self))

    def limit(self) -> None:
        """Set ``most`` to what cap and throttle allow."""
        cap, throttle = self.cap, self.throttle
        self.most = min(math.inf if cap is None else cap, math.inf if throttle is None else throttle + self.loose)

    def loosen(self, runs: int) -> None:
        """So many more of the runs are coroutines."""
        self.loose += runs
        if self.throttle is not None:
            self.limit()

    def line_up(self, task: Queued) -> bool:
        """Put a task at the end of its level's line; False, and nothing done, if one who came later stands there."""
        line = self._lines.get(task.level)
        if line is None:
            line = self._lines[task.level] = deque()
        if line and line[-1].submitted > task.submitted:
            return False
        line.append(task)
        return True

    @property
    def waits(self) -> bool:
        """Whether anything stands in it, be it dead."""
        return any(self._lines.values()) or bool(self._heap)

    @property
    def size(self) -> int:
        """How many of its tasks wait."""
        return sum(map(len, self._lines.values())) + len(self._heap) - self._dead

    def best(self, key: Key, span: float) -> Queued | None:
        """The best of its tasks. The dead that stand before it go."""
        best: Queued | None = None
        least = math.inf
        front: Queued | None
        for level, line in self._lines.items():
            if not line:
                continue
            front = line[0]
            if front.ticket <= 0 or front.level != level:
                front = self._front(level, line)
                if front is None:
                    continue
            its = key(front, span)
            if best is None or its < least or (its == least and front.ticket < best.ticket):
                best, least = front, its
        heap = self._heap
        while heap:
            its, ticket, task = heap[0]
            if task.ticket == ticket:
                return task if best is None or (its, ticket) < (least, best.ticket) else best
            heapq.heappop(heap)
            self._dead -= 1
        return best

    def fronts(self, lowest: int) -> Iterator[Queued]:
        """Who stands first in the line of each level down to ``lowest``, and in the heap if it is of those."""
        for level, line in self._lines.items():
            if level <= lowest and (front := self._front(level, line)) is not None:
                yield front
        for _, ticket, task in self._heap[:1]:
            if task.ticket == ticket and task.level <= lowest:
                yield task

    def _front(self, level: int, line: deque[Queued]) -> Queued | None:
        while line:
            task = line[0]
            if task.ticket > 0 and task.level == level:
                return task
            line.popleft()
            self._dead -= 1
        return None

    def tasks(self) -> Iterator[Queued]:
        """Its waiting tasks, in no order."""
        seen: set[int] = set()  # one whose level went there and back may have left its old place behind
        for level, line in self._lines.items():
            for task in line:
                if task.ticket > 0 and task.level == level and task.ticket not in seen:
                    seen.add(task.ticket)
                    yield task
        yield from (task for _, ticket, task in self._heap if task.ticket == ticket and ticket not in seen)

    def some(self, most: int) -> Iterator[Queued]:
        """Its waiting tasks, or of more than ``most`` about so many: of each line the first and the last, as its share
        is, and of the heap one of so many.
        """
        standing = sum(map(len, self._lines.values())) + len(self._heap)
        if standing <= most:
            yield from self.tasks()
            return
        for level, line in self._lines.items():
            few = 1 + most * len(line) // (2 * standing)
            ends = line if len(line) <= 2 * few else (*islice(line, few), *islice(reversed(line), few))
            yield from (task for task in ends if task.ticket > 0 and task.level == level)
        yield from (task for _, ticket, task in self._heap[:: standing // most] if task.ticket == ticket)

    def oldest(self, most: int) -> list[Queued]:
        """The first of its waiting tasks, ``most`` from each line and from the heap, in the order of their coming."""
        found = {
            task
            for level, line in self._lines.items()
            for task in islice(line, most)
            if task.ticket > 0 and task.level == level
        }
        found.update(task for _, ticket, task in self._heap[:most] if task.ticket == ticket)
        return sorted(found, key=lambda task: task.ticket)
