"""Pure: one category's waiting tasks, as lanes (one per module) under a heap of lanes.

A lane that is held (paused, restarting, throttled to its cap) is simply not in the upper heap: its tasks wait where
they are, in order, and cost nothing until the lane has room. The pool's lock is held for everything but `append`.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator

from companion_async.priority import URGENT
from companion_async.scheduling.lane import Lane, Queued
from companion_async.scheduling.policies import Ordering

_INF = math.inf
_NOBODY = (_INF, 0)


class Queue:
    """The lanes of one category. ``push`` and ``pop`` are O(log n), O(1) in a line; ``discard`` is O(1) amortised."""

    __slots__ = (
        "_heads", "_key", "_lined", "_span", "_stale", "_turns", "_virtual", "_weighted", "_withheld", "arrived",
        "levelled", "taken",
    )  # fmt: skip

    def __init__(self, ordering: Ordering, span: float) -> None:
        self._key, self._turns, self._weighted, self._lined, self.levelled = ordering
        self._span = span
        self._heads: list[tuple[float, int, Lane]] = []
        self._stale = 0
        self._virtual = 0.0
        self._withheld = 0
        self.arrived = 0
        self.taken = 0

    @property
    def size(self) -> int:
        """How many tasks wait: those that arrived and were not taken."""
        return self.arrived - self.taken

    @property
    def ready(self) -> int:
        """How many of them could start now, as far as their module is concerned."""
        return self.arrived - self.taken - self._withheld

    # -- in --------------------------------------------------------------------------------------------------------

    def push(self, task: Queued) -> None:
        """Add a task to its module's lane. In the thread of those who append only."""
        self.arrived = task.ticket = self.arrived + 1
        self._insert(task)
        self.settle(task)

    def pass_through(self, task: Queued) -> bool:
        """Count a task in and out, as `push` and `pop` would, if it is the only one that could start; else False."""
        lane = task.lane
        if self.arrived - self.taken > self._withheld or lane._entry is not None or lane.gate is not None:
            return False
        if lane.held or lane.running >= lane.most:
            return False
        self.arrived = number = self.arrived + 1
        self.taken += 1
        task.ticket = -number
        lane.running += 1
        if self._turns:
            lane._start = max(self._virtual, lane._finish)
            self._charge(lane)
        return True

    def append(self, task: Queued) -> bool | None:
        """Add a task that was submitted last of all, without the lock. One thread only ever appends and pushes.

        None if it is not added, since no line takes it: push it. False if it is, but `settle` has to see to its lane.

        True promises that it is found in its turn: it stands behind another of its line in a lane that is listed, and
        whoever takes the one before it then looks again at what the line has. (That the other threads see this one's
        writes in their order is the interpreter lock's doing.)
        """
        lane = task.lane
        line = lane._lines.get(task.level)
        if line is None:  # as always under a policy that has no lines
            return None
        self.arrived = task.ticket = self.arrived + 1
        line.append(task)
        return len(line) > 1 and lane._entry is not None

    def settle(self, task: Queued) -> None:
        """See that a task which is new in its lane is found in its turn: its lane's entry must not come too late."""
        lane = task.lane
        entry = lane._entry
        if entry is not None:
            key = self._key(task, self._span)
            if (key < entry[0] or (key == entry[0] and task.ticket < entry[1])) and not self._turns:
                self._list(lane)
        elif lane.open:
            self._list(lane)
        else:
            self._count_withheld(lane)

    def restore(self, task: Queued) -> None:
        """Put a task back that was taken and has not begun, in front of those of its line: the last taken first."""
        task.ticket = -task.ticket
        self.taken -= 1
        lane = task.lane
        line = lane._lines.get(task.level)
        if line and self._lined and task.submitted <= line[0].submitted:
            line.appendleft(task)
        else:
            self._insert(task)
        self.settle(task)

    def _insert(self, task: Queued) -> None:
        lane = task.lane
        if not (self._lined and lane.line_up(task)):
            heapq.heappush(lane._heap, (self._key(task, self._span), task.ticket, task))

    # -- out -------------------------------------------------------------------------------------------------------

    def pop(self, *, on_loop: bool = False) -> Queued | None:
        """The best task whose module has room, counted as running; ``None`` if there is none.

        With ``on_loop`` only if that task runs on the loop: it is left in its place otherwise.
        """
        task = self._first()
        if task is None or (on_loop and not task.on_loop):
            return None
        lane = task.lane
        if lane.gate is not None and not task.on_loop and not lane.gate.enter(lane):
            self._delist(lane, shut=True)
            return self.pop(on_loop=on_loop)
        self._take(task, lane)
        lane.running += 1
        if task.on_loop:
            lane.loosen(1)
        if self._turns:
            self._charge(lane)
            self._relist(lane)
        elif lane.running >= lane.most or not lane.waits:
            self._relist(lane)
        return task

    def pop_urgent(self, *, on_loop: bool = False) -> Queued | None:
        """`pop` among the upper levels alone, whatever is older or more urgent by its age. O(lanes)."""
        task = min(self._urgent(), key=self._place, default=None)
        if task is None or (on_loop and not task.on_loop):
            return None
        lane = task.lane
        if lane.gate is not None and not task.on_loop and not lane.gate.enter(lane):
            self._delist(lane, shut=True)
            return self.pop_urgent(on_loop=on_loop)
        self._take(task, lane)
        lane.running += 1
        if task.on_loop:
            lane.loosen(1)
        if not lane.open or not lane.waits:
            self._delist(lane)
        return task

    @property
    def urgent(self) -> bool:
        """Whether `pop_urgent` would find anything. O(lanes)."""
        return next(self._urgent(), None) is not None

    def _urgent(self) -> Iterator[Queued]:
        """Those of the upper levels. One that stands behind others in a lane's heap (a retry, mostly) waits for its
        turn by age.
        """
        if self.levelled:
            standing = (entry[2] for entry in self._heads if entry[2]._entry is entry)
            yield from (task for lane in standing for task in lane.fronts(URGENT))

    def claim(self, lane: Lane, most: int, into: Callable[[Queued], None]) -> int:
        """Hand on up to ``most`` light tasks of ``lane`` that come next, to be run one after the other in the place of
        the one that was popped; how many. Ends where another lane's turn comes, or a task that is not light.
        """
        if self._turns or lane.most != _INF:
            return 0
        claimed = 0
        while claimed < most:
            task = self._first()
            if task is None or task.lane is not lane or not task.light:
                break
            line = lane._lines.get(task.level)
            if line and line[0] is task:
                claimed += self._claim_line(lane, line, most - claimed, into)
            else:
                self._take(task, lane)
                into(task)
                claimed += 1
        if claimed and not lane.waits:
            self._delist(lane)  # another lane may stand first by now
        return claimed

    def _claim_line(self, lane: Lane, line: deque[Queued], most: int, into: Callable[[Queued], None]) -> int:
        """Hand on those who stand first in the line that has the best task, until another's turn comes."""
        claimed, level = 0, line[0].level
        last, rival = line[min(most, len(line)) - 1], self._rival(lane, line)
        # A line is in the order of its keys: if the last who could be claimed comes before the rival, all do.
        alone = last.level == level and self._key(last, self._span) < rival[0]
        while claimed < most and line:
            task = line[0]
            if task.ticket < 0 or task.level != level:
                lane._dead -= 1
            elif task.light and (alone or not claimed or self._place(task) < rival):
                task.ticket = -task.ticket
                into(task)
                claimed += 1
            else:
                break
            line.popleft()
        self.taken += claimed
        return claimed

    def _rival(self, lane: Lane, line: deque[Queued]) -> tuple[float, int]:
        """Whose turn it may be before the line is at its end: the first of the other lines, of the heap, and of the
        other lanes. One who is dead counts as if he were not.
        """
        others = [self._place(other[0]) for other in lane._lines.values() if other and other is not line]
        others += [entry[:2] for entry in (*lane._heap[:1], *self._heads[1:3])]  # a heap's second is one of two
        return min(others, default=_NOBODY)

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
            task = lane.best(self._key, self._span)
            if task is None or (task.ticket != entry[1] and len(heads) > 1 and not self._turns):
                self._relist(lane)
            else:
                return task
        return None

    def _place(self, task: Queued) -> tuple[float, int]:
        return self._key(task, self._span), task.ticket

    def _take(self, task: Queued, lane: Lane) -> None:
        """Take out the lane's best."""
        line = lane._lines.get(task.level)
        if line and line[0] is task:
            line.popleft()
        else:
            heapq.heappop(lane._heap)
        task.ticket = -task.ticket
        self.taken += 1

    # -- changes ---------------------------------------------------------------------------------------------------

    def left(self, lane: Lane, *, loose: bool = False) -> None:
        """A running task of the lane has ended, or no longer counts. ``loose``: it is a coroutine."""
        lane.running -= 1
        if loose:
            lane.loosen(-1)
        if lane.gate is not None and not loose and lane.gate.left(lane):
            if lane._entry is not None:
                self._delist(lane, shut=True)  # others come first
        elif lane._entry is None and lane._withheld and lane.open:
            self._list(lane)

    def returned(self, lane: Lane, *, loose: bool = False) -> bool:
        """A run that had left comes back, if its module has room for it; a hold does not keep it out."""
        if lane.running >= (lane.most if not loose else lane.cap or _INF):
            return False
        lane.running += 1
        if loose:
            lane.loosen(1)
        elif lane.gate is not None:
            lane.gate.returned(lane)
        if not lane.open:
            self.refresh(lane)
        return True

    def withdraw(self, task: Queued) -> bool:
        """Take a waiting task out; False if it does not wait here."""
        if task.ticket < 0:
            return False
        lane = task.lane
        task.ticket = -task.ticket
        self.taken += 1
        lane._dead += 1
        if lane._entry is None:
            self._count_withheld(lane)
        return True

    def discard(self, task: Queued) -> bool:
        """`withdraw`, and clear away what was once it is the most. In the thread of those who append only."""
        if not self.withdraw(task):
            return False
        lane = task.lane
        if lane._dead > 64 and lane._dead > lane.size:
            self._compact(lane)
        return True

    def refresh(self, lane: Lane) -> None:
        """Look again whether the lane may run: after a hold, a cap or a throttle has changed."""
        lane.limit()
        if not lane.open:
            if lane._entry is not None:
                self._delist(lane)
        elif lane._entry is None:
            self._list(lane)

    def reorder(self, task: Queued) -> None:
        """Give a waiting task the place that its raised level, its deadline or expectation earns."""
        if self.discard(task):
            self.push(task)

    def use(self, ordering: Ordering, lanes: list[Lane]) -> None:
        """Switch the policy: every lane is built anew once, and equal keys stay in order of submission."""
        waiting = [sorted(lane.tasks(), key=lambda task: task.ticket) for lane in lanes]
        self._key, self._turns, self._weighted, self._lined, self.levelled = ordering
        self._heads = []
        self._stale = self._withheld = 0
        for lane, tasks in zip(lanes, waiting, strict=True):
            self._rebuild(lane, tasks)
            lane._entry = None
            lane._withheld = 0
            lane._start = lane._finish = self._virtual
            if lane.open:
                self._list(lane)
            else:
                self._count_withheld(lane)

    def _compact(self, lane: Lane) -> None:
        self._rebuild(lane, sorted(lane.tasks(), key=lambda task: task.ticket))
        if lane.open:
            self._list(lane)
        else:
            self._count_withheld(lane)

    def _rebuild(self, lane: Lane, tasks: list[Queued]) -> None:
        lane._lines, lane._heap, lane._dead = {}, [], 0
        for task in tasks:
            self._insert(task)

    # -- the upper heap --------------------------------------------------------------------------------------------

    def _charge(self, lane: Lane) -> None:
        self._virtual = lane._start
        lane._finish = lane._start + (1.0 / lane.quota if self._weighted else 1.0)

    def _list(self, lane: Lane) -> None:
        """Give the lane the place in the order that its best task earns."""
        if lane._entry is not None:
            self._stale += 1
            lane._entry = None
        if (entry := self._next_entry(lane)) is not None:
            heapq.heappush(self._heads, entry)
        if self._stale > 64 and self._stale * 2 > len(self._heads):
            self._heads = [head for head in self._heads if head[2]._entry is head]
            heapq.heapify(self._heads)
            self._stale = 0

    def _relist(self, lane: Lane) -> None:
        """Replace the first head, which is ``lane``'s, by the lane's next."""
        entry = self._next_entry(lane) if lane.open else None
        if entry is not None:
            heapq.heapreplace(self._heads, entry)
        else:
            heapq.heappop(self._heads)
            lane._entry = None
            if not lane.open:
                self._count_withheld(lane)

    def _next_entry(self, lane: Lane) -> tuple[float, int, Lane] | None:
        """The lane's entry, made anew; None, and the lane unlisted, if nothing waits in it."""
        best = lane.best(self._key, self._span)
        if best is None:
            return None
        key, ticket = self._place(best)
        if self._turns:
            lane._start = key = max(self._virtual, lane._finish)
        lane._entry = entry = (key, ticket, lane)
        if lane._withheld:
            self._withheld -= lane._withheld
            lane._withheld = 0
        return entry

    def _delist(self, lane: Lane, *, shut: bool = False) -> None:
        """``shut``: its gate is closed, whatever that may say a moment later; it is told, and looked at again."""
        lane._entry = None
        self._stale += 1
        if shut or not lane.open:
            self._count_withheld(lane)

    def _count_withheld(self, lane: Lane) -> None:
        size = lane.size
        self._withheld += size - lane._withheld
        lane._withheld = size
