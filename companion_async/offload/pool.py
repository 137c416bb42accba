"""The bounded threads of one category: who runs, who sleeps, who is lent out, who was given up."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from companion_async.offload.house import House
from companion_async.offload.mailbox import Mailbox
from companion_async.offload.slot import BATCH_SECONDS, Job, Seat, Slot

_MOST_CLAIMED = 32
_SHORTEST = 1e-6


class Backlog(Protocol):
    """The waiting work of the category. Called under the pool's lock only."""

    ready: int
    """Jobs that could start now, as far as their module is concerned; at most a few too many."""

    def push(self, job: Any) -> None: ...
    def pop(self, *, on_loop: bool = False) -> Any: ...
    def claim(self, lane: Any, most: int, into: Callable[[Any], None]) -> int: ...
    def left(self, lane: Any) -> None: ...
    def returned(self, lane: Any) -> bool: ...
    def discard(self, job: Any) -> bool: ...


class Abandonment(Enum):
    """What `Pool.abandon` found."""

    ENDED = "ended"  # the run had ended: its outcome is on its way
    REPLACED = "replaced"  # the thread is counted as abandoned, its slot is free for another
    HELD = "held"  # the budget is spent: the run keeps its slot until it ends


class Pool:
    """Slots of one category under one plain lock.

    At every instant ``working <= limit``, ``abandoned <= budget``, and the house's cap holds over all pools. A run
    that was given up leaves ``working`` only while the budget lasts; beyond it, it holds its slot. A thread that waits
    for another task lends its slot, and takes one back before it goes on.

    Idle threads park on a stack, so the warmest gets the next job. A job wakes a thread only if too few are on their
    way already: ``searching`` counts those that are awake and have no job yet; one that runs a light job (known to
    take microseconds) will be back sooner than a sleeper could be woken.
    """

    def __init__(
        self,
        name: str,
        *,
        limit: int,
        budget: int | None,
        backlog: Backlog,
        house: House,
        mailbox: Mailbox,
        start: Callable[[Pool, Slot], None],
        run_on_loop: Callable[[Any], None],
        now: Callable[[], float],
    ) -> None:
        self.name = name
        self.limit = limit
        self.backlog = backlog
        self.slots = 0
        self.working = 0
        self.abandoned = 0
        self.waiting = 0
        self.runs = 0
        self.lock = threading.Lock()
        self._budget = budget
        self._house = house
        self._mailbox = mailbox
        self._start = start
        self._run_on_loop = run_on_loop
        self._now = now
        self._searching = 0
        self._soon = 0
        self._calls = 0
        self._growing = False
        self._parked: deque[Slot] = deque()
        self._returning: deque[tuple[Seat, Any, Callable[[], None]]] = deque()
        self._runs_seen = 0
        self.alive: set[Slot] = set()
        self.on_thread: Callable[[Slot], None] | None = None
        self.watched = False
        self._closed = False
        house.tenants.append(self)

    @property
    def budget(self) -> int:
        """How many abandoned threads the category may have beside its slots."""
        return self.limit if self._budget is None else self._budget

    @property
    def parked(self) -> int:
        """Threads that sleep and have no job."""
        return len(self._parked)

    def sleepers(self) -> tuple[Slot, ...]:
        """The parked slots, the coldest first. Under the lock only."""
        return tuple(self._parked)

    # -- work in ---------------------------------------------------------------------------------------------------

    def put(self, job: Any) -> bool:
        """Queue a job and see that somebody will take it. Loop only.

        True if that somebody is a thread in a light job and the pool is not ``watched`` yet: `kick` must look again, in
        case that job is not light after all.
        """
        woken = None
        grow = relies = False
        with self.lock:
            backlog = self.backlog
            backlog.push(job)
            if not job.on_loop:
                searching = self._searching
                # A light job waits for a thread that is awake anyway; any other wants a thread of its own.
                wanted = 1 - self._soon if job.light else backlog.ready
                if searching < wanted and self.working + searching < self.limit:
                    if self._parked:
                        woken = self._unpark()
                    else:
                        grow = True
                else:
                    relies = job.light
        if woken is not None:
            woken.gate.release()
        elif grow:
            self.ensure()
        elif job.on_loop:
            self.pump()
        return relies and not self.watched

    def pump(self) -> None:
        """Start the coroutine jobs whose turn it is. Loop only."""
        while True:
            with self.lock:
                job = self.backlog.pop(on_loop=True) if self.working < self.limit else None
                if job is None:
                    break
                self.working += 1
                self.runs += 1
            self._run_on_loop(job)
        self.ensure()

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
                self._release(job.lane)
        self._mailbox.post(_pump, self)

    def ensure(self) -> None:
        """Wake or start a thread if work waits that nobody is on his way to take. Loop only."""
        self._growing = False
        while True:
            with self.lock:
                if self._closed or not (
                    self.backlog.ready > self._searching and self.working + self._searching < self.limit
                ):
                    return
                if self._parked:
                    self._unpark().gate.release()
                    continue
                if self.slots >= self.limit + self.waiting:
                    return
            if not self._house.enter(self):
                return
            with self.lock:
                self.slots += 1
                self._searching += 1
                self._calls += 1
                slot = Slot(f"companion-{self.name}-{self._calls}")
                self.alive.add(slot)
            self._start(self, slot)

    # -- the slots' side -------------------------------------------------------------------------------------------

    def take(self, slot: Slot) -> Job | None:
        """The next job for a slot's thread, sleeping until there is one; ``None`` sends the thread home."""
        while True:
            woken = None
            with self.lock:
                job: Any = slot.job
                if job is not None:
                    slot.job = None
                    if slot.light:
                        self._soon -= 1
                        slot.light = False
                    if slot.abandoned:
                        return None
                    self._release(job.lane)
                if slot.retiring:
                    return None
                slots = self.slots
                if self._closed or slots > self.limit + self.waiting or slots > self._house.share:
                    self._leave(slot)
                    return None
                job = self.backlog.pop() if self.working < self.limit else None
                if job is not None:
                    self.working += 1
                    self.runs += 1
                    if job.on_loop:
                        self._mailbox.post(self._run_on_loop, job)
                        continue
                    if slot.searching:
                        slot.searching = False
                        self._searching -= 1
                    slot.job = job
                    if job.light:
                        slot.light = True
                        self._soon += 1
                        if self.backlog.ready:
                            self._claim(slot, job)
                    elif self.backlog.ready > self._searching and self.working + self._searching < self.limit:
                        if self._parked:
                            woken = self._unpark()
                        elif slots < self.limit + self.waiting and not self._growing:
                            self._growing = True
                            self._mailbox.post(_ensure, self)
                else:
                    if slot.searching:
                        slot.searching = False
                        self._searching -= 1
                    slot.parked_at = self._now()
                    self._parked.append(slot)
            if job is None:
                slot.gate.acquire()
                continue
            if woken is not None:
                woken.gate.release()
            return job  # type: ignore[no-any-return]

    def ended(self, slot: Slot) -> None:
        """The slot's thread has really ended. Loop only."""
        with self.lock:
            if slot.abandoned:
                self.abandoned -= 1
            elif not slot.retiring:
                # It never came back to take(): the thread could not be started, or its own code broke.
                self._leave(slot)
            self.alive.discard(slot)
        self._house.leave()

    # -- giving up, lending, sizing --------------------------------------------------------------------------------

    def abandon(self, seat: Seat, job: Any) -> Abandonment:
        """Give up on a run that does not end; it stays counted until it does. Loop only."""
        with self.lock:
            if seat.job is not job:
                return Abandonment.ENDED
            if seat.abandoned:
                return Abandonment.REPLACED
            if self.abandoned >= self.budget:
                return Abandonment.HELD
            seat.abandoned = True
            self.abandoned += 1
            if isinstance(seat, Slot):
                self.slots -= 1
                self._settle(seat)
                self._unclaim(seat)
            if seat.waiting:
                seat.waiting = False
                self.waiting -= 1
            else:
                self._release(job.lane)
        self.pump()
        return Abandonment.REPLACED

    def lend(self, seat: Seat) -> None:
        """The run is about to wait for another task: its place goes to a stand-in meanwhile. Any thread."""
        with self.lock:
            job: Any = seat.job
            if seat.abandoned:
                return
            seat.waiting = True
            self.waiting += 1
            self._settle(seat)
            if isinstance(seat, Slot):
                self._unclaim(seat)
            self._release(job.lane)
        self._mailbox.post(_pump, self)

    def reclaim(self, seat: Seat, granted: Callable[[], None]) -> bool:
        """Take the place back after waiting: True if it was had at once, else ``granted()`` is called when it is.

        Those who come back go before the queue, since others may wait for what they hold. Any thread.
        """
        with self.lock:
            job: Any = seat.job
            if not seat.waiting:
                return True
            if self._readmit(seat, job.lane):
                return True
            self._returning.append((seat, job.lane, granted))
            return False

    def close(self) -> None:
        """Send every thread home, the parked now and the busy as they come back; start no more. Loop only."""
        with self.lock:
            self._closed = True
            while self._parked:
                self._send_home()

    def steal(self, job: Any) -> Seat | None:
        """Take a job that waits here out of its turn, to be run in the caller's own thread; None if it does not wait
        here or has no room. `left` gives its place back. Any thread.
        """
        with self.lock:
            lane = job.lane
            if self.working >= self.limit or not lane.open or not self.backlog.discard(job):
                return None
            self.backlog.returned(lane)
            self.working += 1
            self.runs += 1
            return Seat(job)

    def resize(self, limit: int) -> None:
        """Change how many may work at once. Running work is never touched; threads beyond the limit go home as they
        come back. Loop only.
        """
        with self.lock:
            self.limit = limit
            while self._parked and self.slots > limit + self.waiting:
                self._send_home()
            self._welcome()
        self.pump()

    def retire(self, keep: int, idle_since: float | None = None) -> int:
        """Send parked threads home, the coldest first, until ``keep`` slots are left; with ``idle_since`` only those
        that have slept since before then. The number sent.
        """
        sent = 0
        with self.lock:
            while self._parked and self.slots > keep:
                if idle_since is not None and self._parked[0].parked_at > idle_since:
                    break
                self._send_home()
                sent += 1
        return sent

    def give_up_idle(self) -> bool:
        """Send the coldest parked thread home for another pool's sake; False if none is parked."""
        with self.lock:
            if self._parked:
                self._send_home()
                return True
        return False

    def kick(self) -> bool:
        """If none has been taken since the last kick, a light job that others relied on has turned out not to be: give
        back what its thread had claimed and wake one more. True while there is anything to look after. Loop only.
        """
        with self.lock:
            claimed = [slot for slot in self.alive if slot.batch]
            if not self.backlog.ready and not claimed:
                return False
            stalled, self._runs_seen = self.runs == self._runs_seen, self.runs
            if not stalled:
                return True
            for slot in claimed:
                self._unclaim(slot)
            if not (self._parked and not self._searching and self.working < self.limit):
                return True
            woken = self._unpark()
        woken.gate.release()
        return True

    # -- under the lock --------------------------------------------------------------------------------------------

    def _release(self, lane: Any) -> None:
        self.working -= 1
        self.backlog.left(lane)
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
        if self.working >= self.limit or not self.backlog.returned(lane):
            return False
        self.working += 1
        self.waiting -= 1
        seat.waiting = False
        return True

    def _claim(self, slot: Slot, job: Any) -> None:
        """Hand the slot the light jobs that come next, as many as fit into its time share, under one lock for all."""
        most = min(_MOST_CLAIMED, int(BATCH_SECONDS / max(job.expected, _SHORTEST)))
        self.runs += self.backlog.claim(job.lane, most, slot.batch.append)

    def _unclaim(self, slot: Slot) -> None:
        # The thread takes from the left without a lock: whoever gets a job out has it.
        while slot.batch:
            try:
                self.backlog.push(slot.batch.pop())
            except IndexError:
                break

    def _settle(self, seat: Seat) -> None:
        if seat.light:
            seat.light = False
            self._soon -= 1

    def _unpark(self) -> Slot:
        slot = self._parked.pop()
        slot.searching = True
        self._searching += 1
        return slot

    def _send_home(self) -> None:
        slot = self._parked.popleft()
        self._leave(slot)
        slot.gate.release()

    def _leave(self, slot: Slot) -> None:
        if slot.searching:
            slot.searching = False
            self._searching -= 1
        slot.retiring = True
        self.slots -= 1


def _ensure(pool: Pool) -> None:
    pool.ensure()


def _pump(pool: Pool) -> None:
    pool.pump()
