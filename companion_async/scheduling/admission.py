"""Who is let in: the bounds on what may wait, the line in front of a full queue, and the word that it is too much."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from companion_async.errors import InvalidArgumentError, QueueFullError
from companion_async.offload.pool import Pool
from companion_async.priority import URGENT
from companion_async.scheduling.queue import Queue
from companion_async.scheduling.task import Task, TaskState

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler

ON_FULL = ("reject", "wait")
_MEMORY = "the memory is nearly used up"
_RELIEF = 0.95  # of the mark: where admission goes on, or it would flap around the mark
_USUAL_RUN = 0.05
_LONGEST_ADVICE = 60.0
_MOMENT = 0.1
_DEEP = 10_000
"""Living tasks, from which on they are what Python's garbage collector spends its time with."""


def urgent_room(capacity: int) -> int:
    """How many tasks of the upper levels find room in a queue that is full for all others, and past those who wait in
    line: a tenth of its capacity, so that an overload of other work does not keep them out.
    """
    return max(1, capacity // 10)


class Admission:
    """Keeps queues within their capacity. A task that waits for room is accepted: it enters in order, and can be
    cancelled or time out where it stands. Loop only.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.lines: dict[Pool, dict[Task[Any], None]] = {}
        self._passed: dict[Pool, int] = {}
        self._overloaded: dict[Pool, str] = {}
        self._starving: set[Pool] = set()
        self._pressed = False
        self._runs: dict[Pool, tuple[float, float]] = {}
        self._next_reading = 0.0
        self._deep = False
        self._mark: float = math.inf
        self.on_overload: Callable[[], None] = lambda: None
        self._on_depth: Callable[[int], None] = lambda waiting: None

    def watch_depth(self, call: Callable[[int], None]) -> None:
        """Have it called with the number of living tasks when that has become large, each time that it has doubled
        since, and with 0 when it is small again or the memory is needed.
        """
        self._on_depth, self._mark = call, _DEEP
        self._set_most()

    def _set_most(self) -> None:
        # A submission looks at this number anyway: what has to be noticed at some number costs the others nothing.
        settings = self._scheduler.settings
        self._scheduler.submission.most = 0 if self._pressed else min(settings.max_pending_tasks, self._mark)

    def _deepen(self) -> None:
        scheduler = self._scheduler
        live, deep = scheduler.live, scheduler.live >= _DEEP
        self._mark = len(scheduler.history.ended) + (2 * live if deep else _DEEP)
        self._set_most()
        if deep and not self._pressed:
            self._deep = True
            self._on_depth(live)

    def _ebb(self) -> None:
        if self._deep and (self._pressed or self._scheduler.live < _DEEP // 2):
            self._deep = False
            self._mark = len(self._scheduler.history.ended) + _DEEP
            self._set_most()
            self._on_depth(0)

    def check_rule(self, rule: Any) -> str:
        """``rule`` if it is one."""
        if rule not in ON_FULL:
            raise InvalidArgumentError(f"on_full must be one of {', '.join(ON_FULL)}; {rule!r:.80} is not.")
        return str(rule)

    def check(self, task: Task[Any], rule: str | None, *, blocked: bool) -> bool:
        """Whether the task has to wait for room; `QueueFullError` if it is refused. A task that waits for others needs
        no room yet.
        """
        scheduler, pool = self._scheduler, task.lane.pool
        settings = scheduler.settings
        if len(scheduler.history.tasks) >= self._mark:
            self._deepen()
        if scheduler.live >= settings.max_pending_tasks:
            self.overloaded(pool, "max_pending_tasks")
            raise QueueFullError(
                "all categories", settings.max_pending_tasks, self.advice(pool), setting="max_pending_tasks"
            )
        rule = settings.on_full if rule is None else rule
        if self._pressed and not self._idle():
            self.overloaded(pool, _MEMORY)
            if rule == "reject":
                raise QueueFullError(pool.name, settings.queue_capacity, self._next_reading, _MEMORY)
            return not blocked
        if blocked:
            return False
        size, capacity = task.lane.queue.size, settings.queue_capacity
        if size < capacity and pool not in self.lines:
            return False
        if task.level <= URGENT and self._passes(task.lane.queue, pool):
            return False
        self.overloaded(pool, "queue_capacity")
        if rule == "reject":
            raise QueueFullError(pool.name, settings.queue_capacity, self.advice(pool))
        return True

    def _passes(self, queue: Queue, pool: Pool) -> bool:
        """Whether urgent work has room where the others have none. Those in line have their turn after each that passes
        them, or a flood of it would leave them there for ever.
        """
        self.room(pool)
        capacity = self._scheduler.settings.queue_capacity
        if queue.size >= capacity + urgent_room(capacity):
            return False
        if pool in self.lines:
            self._passed[pool] = self._passed.get(pool, 0) + 1
        return True

    def press(self, fraction: float | None, mark: float, next_reading: float) -> None:
        """The share of the memory in use, read every ``next_reading`` seconds: from ``mark`` on nothing is taken in.
        With no work in the house one task at a time goes on all the same: then it is not work that fills the memory.
        """
        self._next_reading = next_reading
        pressed = fraction is not None and fraction >= mark * (_RELIEF if self._pressed else 1.0)
        if pressed is not self._pressed:
            self._pressed = pressed
            self._set_most()
            self.look()
        self._ebb()

    def _idle(self) -> bool:
        queues = self._scheduler.queues
        return not any(pool.working or queues[pool.name].size for pool in self._scheduler.pools.values())

    def advice(self, pool: Pool) -> float:
        """Seconds in which the queue should have moved on by about a tenth, from what its runs have taken lately."""
        queue, now = self._scheduler.queues[pool.name], self._scheduler.clock.monotonic()
        read, run = self._runs.get(pool, (-math.inf, _USUAL_RUN))
        if now - read >= _MOMENT:  # a refusal has to be cheap: they come in floods
            runs = [port.record.average_run for port in self._scheduler.ports.values() if port.pool is pool]
            known = [run for run in runs if run is not None]
            run = sum(known) / len(known) if known else _USUAL_RUN
            self._runs[pool] = now, run
        return min(_LONGEST_ADVICE, max(0.01, run * max(1, queue.size // 10) / pool.limit))

    def wait(self, task: Task[Any]) -> None:
        """Put the task at the end of its category's line."""
        task.rare().admission = True
        self.lines.setdefault(task.lane.pool, {})[task] = None
        if task.more is not None and task.more.spans is not None and task.more.spans.queue is not None:
            self._scheduler.limits.queue(task, task.more.spans.queue)

    def drop(self, task: Task[Any]) -> None:
        """The task stands in line no more."""
        line = self.lines.get(task.lane.pool)
        if line is not None and line.pop(task, self) is None and not line:
            del self.lines[task.lane.pool]
            self._passed.pop(task.lane.pool, None)

    def waiting(self, pool: Pool) -> int:
        """How many stand in line."""
        return len(self.lines.get(pool, ()))

    def look(self) -> None:
        """Let in those for whom there is room now, and say when a category has recovered."""
        self._ebb()
        if not (self.lines or self._overloaded):
            return
        for pool in tuple(self.lines):
            self.room(pool)
        for pool in tuple(self._overloaded):
            queue = self._scheduler.queues[pool.name]
            few = queue.size <= self._scheduler.settings.queue_capacity // 2 and not self.waiting(pool)
            held = any(task.lane.pool is pool for task in self._scheduler.limits.held.values())
            pressed = self._pressed and self._overloaded[pool] == _MEMORY
            if few and not held and not pressed and not self._is_starved(pool):
                self._scheduler.announcer.recovered(pool, self._overloaded.pop(pool))

    def room(self, pool: Pool) -> None:
        """Let in those in one category's line for whom there is room."""
        line = self.lines.get(pool)
        if line is None:
            return
        queue, capacity = self._scheduler.queues[pool.name], self._scheduler.settings.queue_capacity
        most = capacity + urgent_room(capacity)
        while line and not (self._pressed and not self._idle()):
            passed = self._passed.get(pool, 0)
            if queue.size >= (most if passed else capacity):
                break
            task = next(iter(line))
            del line[task]
            if passed:
                self._passed[pool] = passed - 1
            if task.ended < 0:
                # It has been ready all along: what it waited in line counts as waiting.
                task.phase = TaskState.QUEUED
                self._scheduler.submission.enqueue(task)
        if not line:
            self.lines.pop(pool, None)
            self._passed.pop(pool, None)

    def starved(self, pool: Pool) -> None:
        """All threads that the house may have are at work elsewhere, and the category has none: say so, unless one
        comes back within a moment.
        """
        if pool not in self._starving:
            self._starving.add(pool)
            self._scheduler.timers.after(_MOMENT, lambda: self._say_if_starved(pool))

    def _say_if_starved(self, pool: Pool) -> None:
        self._starving.discard(pool)
        if self._is_starved(pool):
            self.overloaded(pool, "max_threads")

    def _is_starved(self, pool: Pool) -> bool:
        return not pool.slots and self._scheduler.queues[pool.name].ready > 0

    def overloaded(self, pool: Pool, reason: str) -> None:
        """Say once, until it has recovered, that a category has more than it can take."""
        if pool not in self._overloaded:
            self._overloaded[pool] = reason
            self._scheduler.announcer.overload(pool, reason)
            self.on_overload()

    @property
    def strained(self) -> dict[str, str]:
        """The categories that are overloaded, with the reason."""
        return {pool.name: reason for pool, reason in self._overloaded.items()}
