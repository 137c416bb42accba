"""Who has a place among those that work in a category: counted, lent, taken back, given up."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from companion_async.offload.mailbox import Mailbox
from companion_async.offload.slot import Seat

_MOST_MEASURED = 256


class Backlog(Protocol):
    """The waiting work of the category. Called under the pool's lock only, but for ``append``."""

    @property
    def ready(self) -> int:
        """Jobs that could start now, as far as their module is concerned; at most a few too many."""

    def pass_through(self, job: Any) -> bool: ...
    def push(self, job: Any) -> None: ...
    def append(self, job: Any) -> bool | None: ...
    def settle(self, job: Any) -> None: ...
    def restore(self, job: Any) -> None: ...
    @property
    def levelled(self) -> bool:
        """Whether priority decides here, so that a place can be kept for the upper levels."""

    @property
    def urgent(self) -> bool:
        """Whether a job of the upper levels could start now."""

    def pop(self, *, on_loop: bool = False) -> Any: ...
    def pop_urgent(self, *, on_loop: bool = False) -> Any: ...
    def claim(self, lane: Any, most: int, into: Callable[[Any], None]) -> int: ...
    def left(self, lane: Any, *, loose: bool = False) -> None: ...
    def returned(self, lane: Any, *, loose: bool = False) -> bool: ...
    def withdraw(self, job: Any) -> bool: ...


class Abandonment(Enum):
    """What `Pool.abandon` found."""

    ENDED = "ended"  # the run had ended: its outcome is on its way
    REPLACED = "replaced"  # the thread is counted as abandoned, its slot is free for another
    HELD = "held"  # the budget is spent: the run keeps its slot until it ends


class Places(ABC):
    """The places of one category under one plain lock, held by threads and by coroutines alike.

    At every instant ``working <= limit`` and ``abandoned <= budget``. A run that was given up leaves ``working`` only
    while the budget lasts; beyond it, it keeps its place. A run that waits for another task lends its place, and takes
    one back before it goes on.

    ``submitted`` counts the tasks that were. ``measured`` holds the last runs that were measured, as (module, target,
    wall seconds, CPU seconds), until somebody takes them out: who looks at sizes need not go through all modules.
    """

    __slots__ = (
        "_budget", "_mailbox", "_returning", "abandoned", "backlog", "hurried", "limit", "lock", "measured", "name",
        "runs", "submitted", "waiting", "working",
    )  # fmt: skip

    def __init__(self, name: str, *, limit: int, budget: int | None, backlog: Backlog, mailbox: Mailbox) -> None:
        self.name = name
        self.limit = limit
        self.backlog = backlog
        self.working = 0
        self.hurried = 0  # those of them that hold urgent work
        self.abandoned = 0
        self.waiting = 0
        self.runs = 0
        self.submitted = 0
        self.measured: deque[tuple[str, str, float, float | None]] = deque(maxlen=_MOST_MEASURED)
        self.lock = threading.Lock()
        self._budget = budget
        self._mailbox = mailbox
        self._returning: deque[tuple[Seat, Any, Callable[[], None]]] = deque()

    @property
    def budget(self) -> int:
        """How many abandoned threads the category may have beside its slots."""
        return self.limit if self._budget is None else self._budget

    def left(self, seat: Seat) -> None:
        """A run outside of the pool's threads has ended: its place is free. Any thread."""
        with self.lock:
            job: Any = seat.job
            seat.job = None
            if seat.abandoned:
                self.abandoned -= 1
            elif seat.waiting:
                seat.waiting = False
                self.waiting -= 1
            else:
                self._release(seat, job.lane)
        self._mailbox.post(_pump, self)

    def abandon(self, seat: Seat, job: Any) -> Abandonment:
        """Give up on a run that does not end; it stays counted until it does. Loop only."""
        with self.lock:
            current: Any = seat.job
            if current is not job:
                return Abandonment.ENDED
            if seat.abandoned:
                return Abandonment.REPLACED
            if self.abandoned >= self.budget:
                return Abandonment.HELD
            seat.abandoned = True
            self.abandoned += 1
            self._gone(seat)
            if seat.waiting:
                seat.waiting = False
                self.waiting -= 1
                self._welcome()  # it needs no place any more: one that stands in line to come back goes on at once
            else:
                self._release(seat, job.lane)
        self._mailbox.post(_pump, self)
        return Abandonment.REPLACED

    def lend(self, seat: Seat) -> None:
        """The run is about to wait for another task: its place goes to a stand-in meanwhile. Any thread."""
        with self.lock:
            if seat.abandoned:
                return
            job: Any = seat.job
            seat.waiting = True
            self.waiting += 1
            self._set_aside(seat)
            self._release(seat, job.lane)
        self._mailbox.post(_pump, self)

    def reclaim(self, seat: Seat, granted: Callable[[], None]) -> bool:
        """Take the place back after waiting: True if it was had at once, else ``granted()`` is called when it is.

        Those who come back go before the queue, since others may wait for what they hold. Any thread.
        """
        with self.lock:
            if not seat.waiting:
                return True
            job: Any = seat.job
            if self._readmit(seat, job.lane):
                return True
            self._returning.append((seat, job.lane, granted))
            return False

    def steal(self, job: Any) -> Seat | None:
        """Take a job that waits here out of its turn, to be run in the caller's own thread; None if it does not wait
        here or has no room. `left` gives its place back. Any thread.
        """
        with self.lock:
            lane = job.lane
            if self.working >= self.limit or not lane.open or not self.backlog.withdraw(job):
                return None
            self.backlog.returned(lane, loose=job.on_loop)
            seat = Seat(job)
            self._occupy(urgent=seat.urgent)
            self.runs += 1
            return seat

    @abstractmethod
    def pump(self) -> None:
        """See that what waits is taken, as far as there are places. Loop only."""

    # -- under the lock --------------------------------------------------------------------------------------------

    @abstractmethod
    def _gone(self, seat: Seat) -> None:
        """The seat is given up: it is no part of the category any more."""

    @abstractmethod
    def _set_aside(self, seat: Seat) -> None:
        """The seat's run is about to wait."""

    def _occupy(self, *, urgent: bool) -> None:
        self.working += 1
        self.hurried += urgent

    def _release(self, seat: Seat, lane: Any) -> None:
        self.working -= 1
        self.hurried -= seat.urgent
        self.backlog.left(lane, loose=seat.loose)
        if self._returning:
            self._welcome()

    def _welcome(self) -> None:
        """Readmit those who wait to come back, in order, past any whose module is at its cap."""
        for entry in tuple(self._returning):
            seat, lane, granted = entry
            if not seat.waiting or self._readmit(seat, lane):
                self._returning.remove(entry)
                granted()

    def _readmit(self, seat: Seat, lane: Any) -> bool:
        if self.working >= self.limit or not self.backlog.returned(lane, loose=seat.loose):
            return False
        self._occupy(urgent=seat.urgent)
        self.waiting -= 1
        seat.waiting = False
        return True


def _pump(places: Places) -> None:
    places.pump()
