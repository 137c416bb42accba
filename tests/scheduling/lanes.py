"""Waiting things for the queue's tests: no scheduler, no thread, only what the queue reads."""

from __future__ import annotations

import itertools
import math

from companion_async.scheduling.lane import Lane
from companion_async.scheduling.policies import ORDERINGS, SchedulingPolicy
from companion_async.scheduling.queue import Queue

SPAN = 10.0

_names = itertools.count()


class Item:
    """One thing that waits: what the queue reads of a task."""

    def __init__(
        self,
        lane: Lane,
        *,
        level: int = 3,
        submitted: float = 0.0,
        deadline: float = math.inf,
        expected: float = 0.0,
        on_loop: bool = False,
        light: bool = False,
    ) -> None:
        self.lane = lane
        self.level = level
        self.submitted = submitted
        self.deadline = deadline
        self.expected = expected
        self.on_loop = on_loop
        self.light = light
        self.ticket = -1
        self.name = next(_names)

    def __repr__(self) -> str:
        return f"<{self.lane.name} {self.name} level={self.level}>"


def queue(policy: SchedulingPolicy, span: float = SPAN) -> Queue:
    return Queue(ORDERINGS[policy], span)


def pushed(target: Queue, *items: Item) -> list[Item]:
    for item in items:
        target.push(item)
    return list(items)


def drained(source: Queue) -> list[Item]:
    """All that comes out, each ended at once."""
    found: list[Item] = []
    while (item := source.pop()) is not None:
        assert isinstance(item, Item)
        found.append(item)
        source.left(item.lane)
    return found
