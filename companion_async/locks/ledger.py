"""Who holds, who waits, and how a lock goes from hand to hand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Hashable, Iterable
from contextlib import suppress

from companion_async.clock import Clock
from companion_async.errors import (
    BrainClosedError,
    CompanionError,
    InvalidArgumentError,
    LockTimeoutError,
    LockUpgradeError,
    TooManyLocksError,
    WrongThreadError,
)
from companion_async.locks.mode import AccessMode
from companion_async.locks.request import Phase, ResourceLock
from companion_async.locks.rwlock import ReadWriteLock
from companion_async.locks.settings import LockSettings
from companion_async.locks.wait_graph import WaitGraph
from companion_async.locks.waiter import LoopWaiter, ThreadWaiter
from companion_async.locks.work import Work

_NEW, _WAITING, _HELD, _ENDED = Phase.NEW, Phase.WAITING, Phase.HELD, Phase.ENDED
_HAIR = 0.001
"""Seconds by which an event loop may fire a timer early, since some count in milliseconds."""


class Ledger:
    """All requests of one coordinator, under the mutex of its wait-for graph.

    A grant is made whole by whoever lets go: the next in line is the holder before it wakes. If it has left in the
    meantime (cancelled, timed out), it hands the lock on, so that none is lost and none granted twice.
    """

    def __init__(self, settings: LockSettings, clock: Clock, work: Work, graph: WaitGraph) -> None:
        self.graph = graph
        self.work = work
        self.clock = clock
        self.owners: dict[Hashable, dict[ResourceLock, None]] = {}
        self.open = 0
        self.peak = 0
        self.closed = ""
        self._caller = work.caller
        self._now = clock.monotonic
        self._mutex = graph.mutex
        self._acquire = graph.mutex.acquire
        self._release = graph.mutex.release
        self._waiting = graph.waiting
        self._most = settings.max_concurrent_locks
        self._detects = settings.enable_deadlock_detection
        self._threads: set[threading.Thread] = set()
        graph.wanted.append(self._is_wanted)

    # -- asking ----------------------------------------------------------------------------------------------------

    def ask(self, request: ResourceLock, *, on_loop: bool) -> bool:
        """Have the calling owner granted the lock at once (True), or stand in line for it, or raise."""
        owner, loop = self._caller()
        if (loop is not None) is not on_loop:
            if on_loop:
                raise InvalidArgumentError(
                    "'async with' needs a running event loop of asyncio; in a thread use 'with'."
                )
            raise WrongThreadError("with acquire_context(...)", "async with acquire_context(...)")
        now, lock = self._now(), request.lock
        woken: list[ResourceLock] | None = None
        self._acquire()  # `with` takes four times as long
        try:
            mine = self.owners.get(owner)
            if mine is None or lock.leased or request.phase is not _NEW or self.closed or self.open >= self._most:
                woken = []
                mine = self._check(request, owner, woken)
            request.owner, request.asked = owner, now
            granted = lock.ask(request)
            if granted:
                request.phase = _HELD
                request.granted = now
                mine[request] = None
                lock.tally.acquisitions += 1
                self.open = count = self.open + 1
                if count > self.peak:
                    self.peak = count
                if request.lease is not None:
                    lock.leased[request] = now + request.lease
                if woken:
                    wake(woken)
                return True
            woken = woken or []
            self.open += 1
            self.peak = max(self.peak, self.open)
            cycle = self._stand(request, loop, woken) if granted is False else [owner, request, owner]
            if cycle:
                self._forget(request)
                lock.tally.deadlocks += 1
        except LockUpgradeError:
            request.phase = _ENDED
            lock.tally.refused += 1
            raise
        finally:
            self._release()
        wake(woken)
        if cycle:
            raise self.graph.refuse(cycle)
        if request.error is not None:
            raise request.error
        return request.phase is _HELD

    def _check(self, request: ResourceLock, owner: Hashable, woken: list[ResourceLock]) -> dict[ResourceLock, None]:
        """What only few requests need: look at the door, meet a new owner, end leases."""
        if request.phase is not _NEW:
            raise InvalidArgumentError("A lock is for one block. Call acquire_context() again for the next.")
        if self.closed:
            raise BrainClosedError(self.closed)
        if self.open >= self._most:
            raise TooManyLocksError(self._most)
        mine = self.owners.get(owner)
        if mine is None:
            mine = self._welcome(owner, woken)
        self._end_leases(request.lock, woken)
        return mine

    def _stand(
        self, request: ResourceLock, loop: asyncio.AbstractEventLoop | None, woken: list[ResourceLock]
    ) -> list[Hashable]:
        """Stand in line, unless that would never end: the cycle that says so."""
        lock, owner = request.lock, request.owner
        request.waiter = ThreadWaiter() if loop is None else LoopWaiter(loop)
        request.phase = _WAITING
        lock.line.join(request)
        self._waiting.setdefault(owner, {})[request] = None
        lock.tally.contention += 1
        self._bury_threads(woken)
        if request.phase is _WAITING and request.timeout == 0:
            self._fail(request, LockTimeoutError(lock.name, 0), woken)
            lock.tally.timeouts += 1
        if request.phase is not _WAITING or not self._detects:
            return []
        cycle, granted = self.graph.settle(owner)
        woken += granted
        if cycle:
            lock.line.leave(request)
            self._stop_waiting(request)
        return cycle

    def _is_wanted(self, owner: Hashable) -> bool:
        """Whether anybody stands in line for what the owner holds."""
        return any(held.lock.line.size for held in self.owners.get(owner, ()))

    def _welcome(self, owner: Hashable, woken: list[ResourceLock]) -> dict[ResourceLock, None]:
        """An owner asks for its first lock."""
        self.work.watch(owner, self.end)
        mine = self.owners[owner] = {}
        if isinstance(owner, threading.Thread):
            self._bury_threads(woken)  # or a thousand short-lived ones that nobody waits for would be kept
            self._threads.add(owner)
        return mine

    # -- waiting ---------------------------------------------------------------------------------------------------

    async def wait(self, request: ResourceLock) -> None:
        """Wait in line in a coroutine. Cancelled, it stands there no more, and what it was granted is handed on."""
        waiter = request.waiter
        assert isinstance(waiter, LoopWaiter)
        try:
            while request.phase is _WAITING:
                due = self._due(request)
                if due is None:
                    await self.work.pause(request.owner, waiter.sleep)
                else:
                    timer = self.clock.call_later(max(0.0, due - self._now()), waiter.wake)
                    try:
                        await self.work.pause(request.owner, waiter.sleep)
                    finally:
                        timer.cancel()
                if request.phase is _WAITING:
                    waiter.rest()
                    self.look(request)
        except BaseException:
            self.withdraw(request)
            raise
        if request.error is not None:
            raise request.error

    def block(self, request: ResourceLock) -> None:
        """Wait in line in a thread."""
        waiter = request.waiter
        assert isinstance(waiter, ThreadWaiter)
        try:
            while request.phase is _WAITING:
                with suppress(TimeoutError):
                    self.work.block(request.owner, waiter, self._due(request))
                if request.phase is _WAITING:
                    waiter.rest()
                    self.look(request)
        except BaseException:
            self.withdraw(request)
            raise
        if request.error is not None:
            raise request.error

    def _due(self, request: ResourceLock) -> float | None:
        """When to look again if nobody wakes it."""
        due = None if request.timeout is None else request.asked + request.timeout
        if request.lock.leased:
            with self._mutex:
                first = min(request.lock.leased.values(), default=None)
            if first is not None and (due is None or first < due):
                return first
        return due

    def look(self, request: ResourceLock) -> None:
        """It woke and has not been granted: end what is due to end, its own waiting not last."""
        woken: list[ResourceLock] = []
        with self._mutex:
            self._bury_threads(woken)
            self._end_leases(request.lock, woken)
            timeout = request.timeout
            if request.phase is _WAITING and timeout is not None and self._now() >= request.asked + timeout - _HAIR:
                self._fail(request, LockTimeoutError(request.lock.name, timeout), woken)
                request.lock.tally.timeouts += 1
        wake(woken)

    def withdraw(self, request: ResourceLock) -> None:
        """Its owner does not wait any more, whatever it has been granted."""
        woken: list[ResourceLock] = []
        with self._mutex:
            if request.phase is _WAITING:
                self._fail(request, None, woken)
                request.lock.tally.cancelled += 1
            elif request.phase is _HELD:
                self._drop(request, woken)
        wake(woken)

    # -- letting go ------------------------------------------------------------------------------------------------

    def let_go(self, request: ResourceLock) -> bool:
        """Let go; False, and nothing changes, if it is not held."""
        lock = request.lock
        self._acquire()
        try:
            if request.phase is not _HELD:
                return False
            request.phase = _ENDED
            self.open -= 1
            del self.owners[request.owner][request]
            lock.drop(request)
            if not lock.line.size:
                return True
            woken: list[ResourceLock] = []
            self.advance(lock, woken)
        finally:
            self._release()
        wake(woken)
        return True

    def end(self, owner: Hashable) -> None:
        """The owner has ended or was given up: take back what it holds, and have it wait no more."""
        woken: list[ResourceLock] = []
        with self._mutex:
            self._end(owner, woken)
        wake(woken)

    def dismiss(self, lock: ReadWriteLock, error: CompanionError, woken: list[ResourceLock]) -> None:
        """Send everybody in line away with the error. Under the mutex."""
        for request in list(lock.line):
            self._fail(request, error, woken)
            lock.tally.refused += 1

    def drop(self, lock: ReadWriteLock) -> None:
        """Let nobody hold it. Under the mutex."""
        for request in tuple(lock.held):
            self._drop(request, [])

    def advance(self, lock: ReadWriteLock, woken: list[ResourceLock]) -> None:
        """Grant to those whose turn it is. Under the mutex."""
        now = self._now()
        while lock.line.size and (request := lock.next()) is not None:
            request.phase = _HELD
            request.granted = now
            self.owners[request.owner][request] = None
            self._stop_waiting(request)
            lock.tally.acquisitions += 1
            lock.tally.waits.add(now - request.asked)
            if request.lease is not None:
                lock.leased[request] = now + request.lease
            woken.append(request)
        if lock.leased and (first := lock.line.first()) is not None:
            woken.append(first)  # the end of a lease is looked after by whoever waits for it

    # -- under the mutex -------------------------------------------------------------------------------------------

    def _end(self, owner: Hashable, woken: list[ResourceLock]) -> None:
        mine = self.owners.get(owner, {})
        for request in tuple(self._waiting.get(owner, ())):
            if request.ledger is self:
                name = self.graph.label(owner)
                error = CompanionError(f"{name} was given up while it waited for {request.lock.name!r}.")
                self._fail(request, error, woken)
                request.lock.tally.cancelled += 1
        for request in tuple(mine):
            self._take_away(request, woken)
        self.owners.pop(owner, None)

    def _bury_threads(self, woken: list[ResourceLock]) -> None:
        """Threads cannot say that they end, so they are looked at when somebody has to wait."""
        if self._threads:
            for thread in [thread for thread in self._threads if not thread.is_alive()]:
                self._threads.discard(thread)
                self._end(thread, woken)

    def _end_leases(self, lock: ReadWriteLock, woken: list[ResourceLock]) -> None:
        if lock.leased:
            now = self._now() + _HAIR
            for request in [request for request, until in lock.leased.items() if until <= now]:
                self._take_away(request, woken)

    def _take_away(self, request: ResourceLock, woken: list[ResourceLock]) -> None:
        """Its owner has not let go, and may be writing still, or have stopped half-way."""
        if request.mode is not AccessMode.READ:
            request.lock.suspect = True
        self._drop(request, woken)

    def _drop(self, request: ResourceLock, woken: list[ResourceLock]) -> None:
        del self.owners[request.owner][request]
        request.lock.drop(request)
        self._forget(request)
        self.advance(request.lock, woken)

    def _fail(self, request: ResourceLock, error: CompanionError | None, woken: list[ResourceLock]) -> None:
        """Have it wait no more; those behind it may be let in by that."""
        request.lock.line.leave(request)
        self._stop_waiting(request)
        self._forget(request)
        request.error = error
        woken.append(request)
        self.advance(request.lock, woken)

    def _stop_waiting(self, request: ResourceLock) -> None:
        waits = self._waiting[request.owner]
        del waits[request]
        if not waits:
            del self._waiting[request.owner]

    def _forget(self, request: ResourceLock) -> None:
        request.phase = _ENDED
        self.open -= 1


def wake(requests: Iterable[ResourceLock]) -> None:
    """Wake those whose wait is over, or who are to look. Not under the mutex."""
    for request in requests:
        waiter = request.waiter
        if waiter is not None:
            waiter.wake()
