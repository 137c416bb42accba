"""What the runs of each module came to, counted as they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from companion_async.events.kinds import Event
from companion_async.scheduling.task import Task, TaskState
from companion_async.sdk.dictionaries import local

ENDS = ("task.completed", "task.failed", "task.timed_out", "task.cancelled")


@dataclass(slots=True)
class Sums:
    """Totals over runs; times in seconds. ``wait`` is from submission to the start of the (last) run."""

    runs: int = 0
    completed: int = 0
    failed: int = 0
    timed_out: int = 0
    seconds: float = 0.0
    wait: float = 0.0
    last: datetime | None = None

    @property
    def average(self) -> float:
        """The mean run; 0.0 before the first."""
        return self.seconds / self.runs if self.runs else 0.0

    @property
    def average_wait(self) -> float:
        """The mean wait; 0.0 before the first run."""
        return self.wait / self.runs if self.runs else 0.0

    def add(self, task: Task[Any]) -> None:
        """Count one run that has ended."""
        started, finished = task.started_at, task.finished_at
        if started is None or finished is None:
            return
        self.runs += 1
        self.completed += task.state is TaskState.COMPLETED
        self.failed += task.state in (TaskState.FAILED, TaskState.TIMED_OUT)
        self.timed_out += task.state is TaskState.TIMED_OUT
        self.seconds += (finished - started).total_seconds()
        self.wait += (started - task.submitted_at).total_seconds()
        self.last = local(finished)


class Tally:
    """Takes the events at the ends of tasks. Written on the loop; read by a portal's calls."""

    def __init__(self, find: Callable[[str], Task[Any]]) -> None:
        self._find = find
        self.total = Sums()
        self.by_module: dict[str, Sums] = {}

    def take(self, event: Event) -> None:
        """Count the run that this event ends, unless it is one of the brain's own."""
        task = self._find(event.task_id)  # type: ignore[attr-defined]
        if ":" not in task.module:
            self.total.add(task)
            self.by_module.setdefault(task.module, Sums()).add(task)
