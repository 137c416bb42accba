"""The last runs, each with the thread that it had: what the page draws as rows over time.

Runs are kept only while somebody asks for them, so a brain that nobody looks at publishes no event for it.
"""

from __future__ import annotations

import uuid
from collections import deque
from datetime import datetime
from itertools import takewhile
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from companion_async.brain.brain import Brain
from companion_async.clock import Clock, TimerHandle
from companion_async.events.kinds import Event, TaskEvent, TaskStarted, utc
from companion_async.http.operation import Call
from companion_async.status.picture import Picture

CAPACITY = 8192
"""Runs that are kept."""
LINGER = 15.0
"""Seconds for which they are kept after nobody has asked any more."""

_ENDS = {
    "task.completed": "completed",
    "task.failed": "failed",
    "task.timed_out": "timed_out",
    "task.cancelled": "cancelled",
    "task.retrying": "retrying",
}
_KINDS = ("task.started", *_ENDS)


class RunsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``after`` is the ``cursor`` of the answer before; ``limit``: the most runs that are told."""

    after: Annotated[str, Meta(max_length=40)] | None = None
    limit: Annotated[int, Meta(ge=1, le=2000)] = 1000


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run that has ended. ``worker`` is its thread, empty on the loop; ``began`` is in seconds since the epoch.

    ``state`` is the task's end, or ``retrying``. A run that passed its limit ends here with it, though its thread may
    go on.
    """

    task_id: str
    module: str
    category: str
    target: str
    worker: str
    state: str
    began: float
    seconds: float


class AtWork(msgspec.Struct, frozen=True, kw_only=True):
    """One thread that lives: what it runs, and for how many seconds it has."""

    worker: str
    category: str
    state: str
    module: str | None
    task_id: str | None
    seconds: float | None


class RunsPicture(Picture, frozen=True, kw_only=True):
    """The runs that ended since ``after``, oldest end first, and the threads at this moment.

    Of more than ``limit`` runs those that did not complete are told first, then the longest; ``left_out`` counts the
    others. ``unseen`` counts those that were queued before anybody asked, so that their thread is not known.
    """

    timestamp: datetime
    cursor: str
    runs: tuple[Run, ...]
    left_out: int
    unseen: int
    threads: tuple[AtWork, ...]


class _Begun(NamedTuple):
    worker: str
    target: str
    began: float


class Runs:
    """Keeps the last runs of a brain while somebody asks. Loop only."""

    def __init__(self, brain: Brain, clock: Clock) -> None:
        self._brain = brain
        self._clock = clock
        self._begun: dict[str, _Begun] = {}
        self._ended: deque[tuple[int, Run | None]] = deque(maxlen=CAPACITY)
        self._number = 0
        self._epoch = ""
        self._forgetting: TimerHandle | None = None
        self._closed = False

    @property
    def listening(self) -> bool:
        """Whether runs are kept."""
        return bool(self._epoch)

    def picture(self, after: str | None, limit: int) -> RunsPicture:
        """What ended since the cursor ``after``; with none, or one of another time, all that is kept."""
        now = self._clock.time()
        threads = self._threads()
        self._listen(threads, now)
        epoch, _, number = (after or "").partition("-")
        known = epoch == self._epoch and number.isascii() and number.isdecimal() and len(number) < 16
        seen = int(number) if known else 0
        since = list(takewhile(lambda entry: entry[0] > seen, reversed(self._ended)))[::-1]
        ended = [run for _, run in since if run is not None]
        told = ended
        if len(ended) > limit:
            kept = sorted(ended, key=lambda run: (run.state == "completed", -run.seconds))[:limit]
            chosen = set(map(id, kept))
            told = [run for run in ended if id(run) in chosen]
        return RunsPicture(
            timestamp=utc(now),
            cursor=f"{self._epoch}-{self._number}",
            runs=tuple(told),
            left_out=(self._number - seen if known else len(since)) - (len(since) - len(ended)) - len(told),
            unseen=len(since) - len(ended),
            threads=threads,
        )

    def close(self) -> None:
        """Keep no more. A second call does nothing."""
        self._closed = True
        self._forget()

    def _threads(self) -> tuple[AtWork, ...]:
        return tuple(
            AtWork(
                worker=worker.name,
                category=category.name,
                state=worker.state,
                module=worker.module,
                task_id=worker.task_id,
                seconds=worker.running_seconds,
            )
            for category in self._brain.status().categories.values()
            for worker in category.workers
        )

    def _listen(self, threads: tuple[AtWork, ...], now: float) -> None:
        if self._closed:
            return
        if self._forgetting is not None:
            self._forgetting.cancel()
        self._forgetting = self._clock.call_later(LINGER, self._forget)
        if self._epoch:
            return
        self._epoch = uuid.uuid4().hex[:8]
        for each in threads:
            if each.state == "busy" and each.task_id is not None and each.seconds is not None:
                self._begun[each.task_id] = _Begun(each.worker, "", now - each.seconds)
        for kind in _KINDS:
            self._brain.events.add_handler(kind, self._keep)

    def _forget(self) -> None:
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None
        if self._epoch:
            for kind in _KINDS:
                self._brain.events.remove_handler(kind, self._keep)
        self._epoch, self._number = "", 0
        self._begun.clear()
        self._ended.clear()

    def _keep(self, event: Event) -> Any:
        assert isinstance(event, TaskEvent)
        when = event.timestamp.timestamp()
        if isinstance(event, TaskStarted):
            self._begun[event.task_id] = _Begun(event.worker, event.target, when)
            return
        begun = self._begun.pop(event.task_id, None)
        if begun is None:
            if event.kind == "task.completed":  # the others may never have run
                self._number += 1
                self._ended.append((self._number, None))
            return
        self._number += 1
        run = Run(
            task_id=event.task_id,
            module=event.module,
            category=event.category,
            target=begun.target,
            worker=begun.worker,
            state=_ENDS[event.kind],
            began=begun.began,
            seconds=max(0.0, when - begun.began),
        )
        self._ended.append((self._number, run))


def runs(call: Call) -> RunsPicture:
    """What ended since the caller last asked."""
    return call.api.runs.picture(call.query.after, call.query.limit)
