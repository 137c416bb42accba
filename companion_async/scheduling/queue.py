"""Pure: one category's waiting tasks, as lanes (one per module) under a heap of lanes. No lock: the pool holds it.

Inside a lane, tasks that come in the order of their keys stand in a line, which costs nothing to keep sorted; only
those that come out of order go into a heap beside it. A lane that is held (paused, restarting, throttled to its cap) is
simply not in the upper heap: its tasks wait where they are, keep their keys and their order, and cost nothing until the
lane has room again.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from companion_async.scheduling.policies import Ordering


class Queued(Protocol):
    """What the queue reads and writes of a task: ``ticket`` is its place, -1 when it has none."""

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
        "_line",
        "_start",
        "cap",
        "held",
        "most",
        "name",
        "quota",
        "running",
        "size",
        "throttle",
    )

    def __init__(self, name: str, *, cap: int | None = None, quota: int = 1) -> None:
        self.name = name
        self.cap = cap
        self.throttle: int | None = None
        self.quota = quota
        self.held = False
        self.running = 0
        self.size = 0
        self.most: float = math.inf if cap is None else cap
        self._line: deque[tuple[float, int, Queued]] = deque()
        self._heap: list[tuple[float, int, Queued]] = []
        self._dead = 0
        self._entry: tuple[float, int, Lane] | None = None
        self._start = 0.0
        self._finish = 0.0

    @property
    def open(self) -> bool:
        """Whether one more of its tasks may start now."""
        return not self.held and self.running < self.most

    def tasks(self) -> Iterator[Queued]:
        """Its waiting tasks, in no order."""
        return (task for _, ticket, task in (*self._line, *self._heap) if task.ticket == ticket)

    def _best(self) -> tuple[float, int, Queued] | None:
        """The first entry, dead or alive."""
        line, heap = self._line, self._heap
        if not heap:
            return line[0] if line else None
        return heap[0] if not line or heap[0] < line[0] else line[0]

    def _drop_best(self) -> None:
        line, heap = self._line, self._heap
        if not heap or (line and line[0] < heap[0]):
            line.popleft()
        else:
            heapq.heappop(heap)


class Queue:
    """The lanes of one category. ``push`` and ``pop`` are O(log n), O(1) for what comes in order; ``discard`` is O(1)
    amortised.
    """

    __slots__ = ("_heads", "_key", "_span", "_stale", "_ticket", "_turns", "_virtual", "_weighted", "ready", "size")

    def __init__(self, ordering: Ordering, span: float) -> None:
        self._key, self._turns, self._weighted = ordering
        self._span = span
        self._heads: list[tuple[float, int, Lane]] = []
        self._stale = 0
        self._ticket = 0
        self._virtual = 0.0
        self.size = 0
        self.ready = 0

    def push(self, task: Queued) -> None:
        """Add a task to its module's lane."""
        lane = task.lane
        self._ticket = ticket = self._ticket + 1
        task.ticket = ticket
        key = self._key(task, self._span)
        line = lane._line
        if not line or key >= line[-1][0]:
            line.append((key, ticket, task))
        else:
            heapq.heappush(lane._heap, (key, ticket, task))
        lane.size += 1
        self.size += 1
        entry = lane._entry
        if entry is None:
            if lane.open:
                self._enlist(lane)
        else:
            self.ready += 1
            if key < entry[0] and not self._turns:
                self._enlist(lane)

    def pop(self, *, on_loop: bool = False) -> Queued | None:
        """The best task whose module has room, counted as running; ``None`` if there is none.

        With ``on_loop`` only if that task runs on the loop: it is left in its place otherwise.
        """
        task = self._first()
        if task is None or (on_loop and not task.on_loop):
            return None
        lane = task.lane
        self._take(task, lane)
        lane.running += 1
        if self._turns:
            self._virtual = lane._start
            lane._finish = lane._start + (1.0 / lane.quota if self._weighted else 1.0)
            self._relist(lane)
        elif not lane.size or lane.running >= lane.most:
            self._relist(lane)
        return task

    def claim(self, lane: Lane, most: int, into: Callable[[Queued], None]) -> int:
        """Hand on up to ``most`` light tasks of ``lane`` that come next, to be run one after the other in the place of
        the one that was popped; how many. Ends where another lane's turn comes, or a task that is not light.
        """
        if self._turns or lane.most != math.inf:
            return 0
        claimed = 0
        if len(self._heads) == 1 and not lane._heap:
            # Nobody else stands in line and nothing stands beside it: what comes next is what stands first.
            line = lane._line
            while claimed < most and line:
                _, ticket, task = line[0]
                if task.ticket != ticket:
                    lane._dead -= 1
                elif task.light:
                    task.ticket = -1
                    into(task)
                    claimed += 1
                else:
                    break
                line.popleft()
            lane.size -= claimed
            self.size -= claimed
            self.ready -= claimed
        else:
            while claimed < most:
                best = self._first()
                if best is None or best.lane is not lane or not best.light:
                    break
                self._take(best, lane)
                into(best)
                claimed += 1
        if not lane.size and lane._entry is not None:
            self._delist(lane)  # another lane may stand first by now
        return claimed

    def _first(self) -> Queued | None:
        """The best task. The entry of a lane may be older than the lane's best task, and then comes too early, never
        too late: it is put right only when it is about to count.
        """
        heads = self._heads
        while heads:
            entry = heads[0]
            lane = entry[2]
            if lane._entry is not entry:
                heapq.heappop(heads)
                self._stale -= 1
                continue
            best = lane._line[0] if not lane._heap and lane._line else lane._best()
            if best is None:
                self._relist(lane)
                continue
            task = best[2]
            if task.ticket != best[1]:
                lane._drop_best()
                lane._dead -= 1
            elif best[1] != entry[1] and len(heads) > 1 and not self._turns:
                self._relist(lane)
            else:
                return task
        return None

    def _take(self, task: Queued, lane: Lane) -> None:
        if lane._heap:
            lane._drop_best()
        else:
            lane._line.popleft()
        task.ticket = -1
        lane.size -= 1
        self.size -= 1
        self.ready -= 1

    def left(self, lane: Lane) -> None:
        """A running task of the lane has ended, or no longer counts."""
        lane.running -= 1
        if lane._entry is None and lane.size and lane.open:
            self._enlist(lane)

    def returned(self, lane: Lane) -> bool:
        """A run that had left comes back, if its module has room for it; a hold does not keep it out."""
        if lane.running >= lane.most:
            return False
        lane.running += 1
        if not lane.open:
            self.refresh(lane)
        return True

    def discard(self, task: Queued) -> bool:
        """Take a waiting task out; False if it does not wait here."""
        if task.ticket < 0:
            return False
        lane = task.lane
        task.ticket = -1
        lane.size -= 1
        self.size -= 1
        lane._dead += 1
        if lane._entry is not None:
            self.ready -= 1
        if lane._dead > 64 and lane._dead > lane.size:
            self._compact(lane)
        return True

    def refresh(self, lane: Lane) -> None:
        """Look again whether the lane may run: after a hold, a cap or a throttle has changed."""
        lane.most = min(limit for limit in (math.inf, lane.cap, lane.throttle) if limit is not None)
        if not lane.open:
            if lane._entry is not None:
                self._delist(lane)
        elif lane._entry is None and lane.size:
            self._enlist(lane)

    def reorder(self, task: Queued) -> None:
        """Give a waiting task the place that its changed level, deadline or expectation earns."""
        if self.discard(task):
            self.push(task)

    def use(self, ordering: Ordering, lanes: list[Lane]) -> None:
        """Switch the policy: every heap is rebuilt once, and equal keys stay in order of submission."""
        self._key, self._turns, self._weighted = ordering
        self._heads = []
        self._stale = self.ready = 0
        for lane in lanes:
            lane._entry = None
            lane._start = lane._finish = self._virtual
            live = [(entry[1], entry[2]) for entry in (*lane._line, *lane._heap) if entry[2].ticket == entry[1]]
            lane._line = deque(sorted((ordering.key(task, self._span), ticket, task) for ticket, task in live))
            lane._heap = []
            lane._dead = 0
            if lane.size and lane.open:
                self._enlist(lane)

    def _enlist(self, lane: Lane) -> None:
        best = lane._best()
        if best is None:
            return
        if lane._entry is not None:
            self._stale += 1
        else:
            self.ready += lane.size
        key, ticket, _ = best
        if self._turns:
            lane._start = key = max(self._virtual, lane._finish)
        lane._entry = entry = (key, ticket, lane)
        heapq.heappush(self._heads, entry)
        if self._stale > 64 and self._stale * 2 > len(self._heads):
            self._heads = [head for head in self._heads if head[2]._entry is head]
            heapq.heapify(self._heads)
            self._stale = 0

    def _relist(self, lane: Lane) -> None:
        """Replace the first head, which is ``lane``'s, by the lane's next."""
        best = lane._best() if lane.size and lane.open else None
        if best is None:
            lane._entry = None
            self.ready -= lane.size
            heapq.heappop(self._heads)
            return
        key, ticket, _ = best
        if self._turns:
            lane._start = key = max(self._virtual, lane._finish)
        lane._entry = entry = (key, ticket, lane)
        heapq.heapreplace(self._heads, entry)

    def _compact(self, lane: Lane) -> None:
        lane._line = deque(entry for entry in lane._line if entry[2].ticket == entry[1])
        lane._heap = [entry for entry in lane._heap if entry[2].ticket == entry[1]]
        heapq.heapify(lane._heap)
        lane._dead = 0
        if lane._entry is not None:
            self._delist(lane)
        if lane.size and lane.open:
            self._enlist(lane)

    def _delist(self, lane: Lane) -> None:
        lane._entry = None
        self._stale += 1
        self.ready -= lane.size
