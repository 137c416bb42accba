"""What publishing an event costs with nobody, with one and with a thousand listening, against what one would write.

Each listener of ours is a bounded stream that loses the oldest; ``queue per subscriber`` is an `asyncio.Queue` for each
with the same bound and the same loss. ``blinker`` calls a function for each, here the append of a bounded deque. The
event is made beforehand, by all.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from benchmarks.acts import BLINKER, QUEUES, Act, compete
from benchmarks.contenders import OURS
from benchmarks.report import Progress, Report
from companion_async.events.bus import EventBus
from companion_async.events.kinds import TaskCompleted

LISTENERS = {"no subscriber": 0, "1 subscriber": 1, "1,000 subscribers": 1000}
CAPACITY = 100
_EVENT = TaskCompleted("task", "module", "core", datetime(2026, 1, 1, tzinfo=UTC))


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Each contender in each setting."""
    acts = [each for setting, count in LISTENERS.items() for each in contenders(setting, count)]
    what = f"one publish; every listener keeps the newest {CAPACITY} events and nobody reads them meanwhile"
    report = Report(
        suite="events",
        loop=loop,
        asks="What does it cost to publish an event, with nobody, one and a thousand listening?",
        says_not="Nothing about what listeners then do with it.",
        notes=(what,),
    )
    return compete(report, acts, quick=quick, progress=progress)


def contenders(setting: str, count: int) -> Iterator[tuple[str, str, Act]]:
    """Each way of telling so many listeners."""
    bus = EventBus()
    asyncio.run(_listen(bus, count))
    yield OURS[0], setting, lambda _: bus.publish(_EVENT)
    queues: list[asyncio.Queue[Any]] = [asyncio.Queue(CAPACITY) for _ in range(count)]
    yield QUEUES, setting, lambda _: _put(queues)
    if importlib.util.find_spec(BLINKER) is not None:
        from blinker import Signal

        signal, kept = Signal(), [deque[Any](maxlen=CAPACITY) for _ in range(count)]
        for events in kept:
            signal.connect(_Receiver(events), weak=False)
        yield BLINKER, setting, lambda _: signal.send(_EVENT)


class _Receiver:
    """What blinker calls."""

    def __init__(self, events: deque[Any]) -> None:
        self._append = events.append

    def __call__(self, sender: Any) -> None:
        self._append(sender)


async def _listen(bus: EventBus, count: int) -> None:
    for _ in range(count):
        await bus.subscribe("task.*", CAPACITY).__aenter__()


def _put(queues: list[asyncio.Queue[Any]]) -> None:
    for queue in queues:
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(_EVENT)
