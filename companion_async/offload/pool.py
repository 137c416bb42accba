"""The bounded threads of one category: who runs, who is woken or started for what, who claims more than one job."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from companion_async.offload.house import House
from companion_async.offload.mailbox import Mailbox
from companion_async.offload.parking import Parking
from companion_async.offload.places import Backlog
from companion_async.offload.slot import BATCH_SECONDS, Job, Seat, Slot
from companion_async.priority import URGENT

_MOST_CLAIMED = 32
_SHORTEST = 1e-6
_FEW = 4
"""The smallest limit under which a place is kept: of fewer it would be too large a share."""
_IN_ORDER: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether all threads see what one of them writes in the order in which it does."""


class Pool(Parking):
    """The threads of one category. At every instant the house's cap holds over all pools.

    A job wakes a thread only if too few are on their way already: those that are searching are awake and have no job
    yet, and one that runs a light job (known to take microseconds) will be back sooner than a sleeper could be woken.
    While nothing else waits the thread is handed the job as it is woken, and spares both sides the queue. A thread that
    takes a light job claims those that come next along with it, within a share of time.

    Once work of the upper levels has come, one place is ``kept`` for such: no overload of other work, however old,
    makes it wait for more than its like. So the others never have all of them, a fourth less at most, until `relax`.
    Under policies that do not ask for priority none is kept.
    """

    __slots__ = (
        "_calls", "_closed", "_growing", "_house", "_kept_watched", "_now", "_run_on_loop", "_runs_seen", "_soon",
        "_start", "_urgent_came", "alive", "kept", "on_kept", "on_thread", "watched",
    )  # fmt: skip

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
        super().__init__(name, limit=limit, budget=budget, backlog=backlog, mailbox=mailbox)
        self._house = house
        self._start = start
        self._run_on_loop = run_on_loop
        self._now = now
        self._soon = 0
        self._calls = 0
        self._growing = False
        self._runs_seen = 0
        self.alive: set[Slot] = set()
        self.on_thread: Callable[[Slot], None] | None = None
        self.watched = False
        self.kept = 0
        self.on_kept: Callable[[], None] | None = None
        self._urgent_came = self._kept_watched = False
        self._closed = False
        house.tenants.append(self)

    @property
    def reserved(self) -> int:
        """Places that are for urgent work alone just now: the one that is kept, while none such is at work."""
        return 0 if self.hurried else self.kept

    # -- work in ---------------------------------------------------------------------------------------------------

    def put(self, job: Any) -> bool:
        """Queue a job and see that somebody will take it. Loop only.

        True if that somebody is a thread in a light job and the pool is not ``watched`` yet: `kick` must look again, in
        case that job is not light after all.
        """
        return self._put(job, self.backlog.push)

    def put_last(self, job: Any) -> bool:
        """`put` for a job that was submitted after all others."""
        if job.light and (self._soon or self._searching) and _IN_ORDER and not job.on_loop:
            # Behind others, for whom somebody is on his way, it is found without the lock, which all threads want.
            found = self.backlog.append(job)
            if found:
                return not self.watched
            if found is not None:
                return self._put(job, self.backlog.settle)
        return self._put(job, self.backlog.push)

    def _put(self, job: Any, enter: Callable[[Any], None]) -> bool:
        woken = None
        grow = relies = False
        with self.lock:
            backlog, most, searching = self.backlog, self.limit, self._searching
            if job.level <= URGENT:
                self._keep()
            else:
                most -= self.reserved
            if (
                self._parked
                and self.working < most
                and not (searching or job.on_loop or (job.light and self._soon))
                and backlog.pass_through(job)
            ):
                woken = self._hand_over(job)
            else:
                enter(job)
                if not job.on_loop:
                    # A light job waits for a thread that is awake anyway; any other wants its own, and a held one none.
                    wanted = 1 - self._soon if job.light and backlog.ready else backlog.ready
                    if searching < wanted and self.working + searching < most:
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
                job = self._next(on_loop=True)
                if job is None:
                    break
                self._occupy(urgent=job.level <= URGENT)
                self.runs += 1
            self._run_on_loop(job)
        self.ensure()

    def ensure(self) -> None:
        """Wake or start a thread if work waits that nobody is on his way to take. Loop only."""
        self._growing = False
        while True:
            with self.lock:
                if self._closed or self.backlog.ready <= self._searching or not self._has_room():
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
        """The next job for a slot's thread, sleeping until there is one; ``None`` sends it home. Unless it goes home
        the loop is told of what came of the jobs before.
        """
        mailbox = self._mailbox
        untold: Any = not mailbox.woken and mailbox.letters
        # Telling lets go of the interpreter. With work waiting it comes first, so that what is taken begins at once;
        # with none it comes last, with the place free again and the thread asleep to all who look: what the loop has
        # for it then is handed over, and the gate open before the thread has got as far as closing its eyes.
        if untold and self.backlog.ready:
            mailbox.wake()
            untold = False
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
                    # `_release`, for every run without the call.
                    self.working -= 1
                    self.hurried -= slot.urgent
                    self.backlog.left(job.lane)
                    if self._returning:
                        self._welcome()
                if slot.retiring:
                    return None
                slots = self.slots
                if self._closed or slots > self.limit + self.waiting or slots > self._house.share:
                    self._leave(slot)
                    return None
                # `_next`, for the most frequent case without the call.
                job = self.backlog.pop() if self.working < self.limit - self.kept else self._next()
                if job is not None:
                    # `_occupy`, without the call, as `_next` above.
                    self.working += 1
                    slot.urgent = job.level <= URGENT
                    self.hurried += slot.urgent
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
                    elif self.backlog.ready > self._searching and self._has_room():
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
            if untold:
                if not mailbox.woken:
                    mailbox.wake()
                untold = False
            if job is None:
                slot.gate.acquire()
                job = slot.job
                if job is None:
                    continue
                # Handed over, and counted, before the gate was opened. Others may have come to stand behind it since.
                if job.light and self.backlog.ready:
                    with self.lock:
                        if not slot.abandoned:
                            self._claim(slot, job)
                return job  # type: ignore[no-any-return]
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

    def steal(self, job: Any) -> Seat | None:
        """`Places.steal`; a job that belongs on the loop is begun there instead, and None returned."""
        seat = super().steal(job)
        if seat is not None and job.on_loop:
            self._mailbox.post(self._run_on_loop, job)
            return None
        return seat

    def close(self) -> None:
        """Send every thread home, the parked now and the busy as they come back; start no more. Loop only."""
        with self.lock:
            self._closed = True
            while self._parked:
                self._send_home()

    def resize(self, limit: int) -> None:
        """Change how many may work at once. Running work is never touched; threads beyond the limit go home as they
        come back. Loop only.
        """
        with self.lock:
            self.limit = limit
            if limit < _FEW:
                self.kept = 0
            while self._parked and self.slots > limit + self.waiting:
                self._send_home()
            self._welcome()
        self.pump()

    def relax(self) -> bool:
        """Keep the place no more if no work of the upper levels has come since the last call; True if it is kept still.
        Loop only.
        """
        with self.lock:
            if self._urgent_came and self.kept and self.backlog.levelled:
                self._urgent_came = False
                return True
            self.kept = 0
            self._kept_watched = False
        self.pump()
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
            if not self._parked or self._searching or not self._has_room():
                return True
            woken = self._unpark()
        woken.gate.release()
        return True

    # -- under the lock --------------------------------------------------------------------------------------------

    def _next(self, *, on_loop: bool = False) -> Any:
        """The job whose turn it is, if there is a place for it."""
        free = self.limit - self.working
        if free > self.reserved:
            return self.backlog.pop(on_loop=on_loop)
        return self.backlog.pop_urgent(on_loop=on_loop) if free > 0 else None

    def _has_room(self) -> bool:
        """Whether there will be a place for one more who searches."""
        free = self.limit - self.working - self._searching
        return free > self.reserved or (free > 0 and self.backlog.urgent)

    def _keep(self) -> None:
        self._urgent_came = True
        if not self.kept and self.limit >= _FEW and self.on_kept is not None and self.backlog.levelled:
            self.kept = 1
            if not self._kept_watched:
                self._kept_watched = True
                self.on_kept()

    def _hand_over(self, job: Any) -> Slot:
        """The warmest sleeper, with a job that has passed through the queue: at work from now on, although it wakes
        only a moment later. Whoever gives the job up until then finds it there, as if it ran.
        """
        slot = self._parked.pop()
        self.working += 1
        slot.urgent = job.level <= URGENT
        self.hurried += slot.urgent
        self.runs += 1
        slot.job = job
        if job.light:
            slot.light = True
            self._soon += 1
        return slot

    def _claim(self, slot: Slot, job: Any) -> None:
        """Hand the slot the light jobs that come next, as many as fit into its time share, under one lock for all."""
        most = min(_MOST_CLAIMED, int(BATCH_SECONDS / max(job.expected, _SHORTEST)))
        self.runs += self.backlog.claim(job.lane, most, slot.batch.append)

    def _unclaim(self, slot: Slot) -> None:
        # The thread takes from the left without a lock: whoever gets a job out has it.
        while slot.batch:
            try:
                self.backlog.restore(slot.batch.pop())
            except IndexError:
                break

    def _gone(self, seat: Seat) -> None:
        if isinstance(seat, Slot):
            self.slots -= 1
        self._set_aside(seat)

    def _set_aside(self, seat: Seat) -> None:
        if isinstance(seat, Slot):
            self._unclaim(seat)
        self._settle(seat)

    def _settle(self, seat: Seat) -> None:
        if seat.light:
            seat.light = False
            self._soon -= 1


def _ensure(pool: Pool) -> None:
    pool.ensure()
