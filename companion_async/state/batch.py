"""Changes that wait to be decided together, and when that is."""

from __future__ import annotations

import contextlib
import math
import threading
from enum import StrEnum
from typing import Any

from loguru import logger

from companion_async.clock import Clock, TimerHandle
from companion_async.errors import BrainClosedError, InvalidArgumentError, trace_of
from companion_async.state.announcer import Announcer
from companion_async.state.change import ChangeStatus, StateChange
from companion_async.state.conflict import Resolver, settle
from companion_async.state.path import Segments
from companion_async.state.store import Store


class SyncPolicy(StrEnum):
    """When a proposed change is decided: at once; when ``batch_size`` wait or the oldest has waited
    ``sync_interval``; every ``sync_interval``; when `apply_changes` is called.
    """

    IMMEDIATE = "immediate"
    BATCHED = "batched"
    PERIODIC = "periodic"
    ON_DEMAND = "on_demand"


def parse_policy(value: Any) -> SyncPolicy:
    """The policy that ``value`` is or names; else `InvalidArgumentError`."""
    try:
        return SyncPolicy(value)
    except ValueError:
        raise InvalidArgumentError(
            f"sync_policy must be one of {', '.join(SyncPolicy)}; {value!r:.80} is not."
        ) from None


MOST_PENDING = 100_000


class Batch:
    """Pending changes, in the order they came. Any thread; the timer lives on the announcer's loop, if it has one."""

    def __init__(
        self, store: Store, announcer: Announcer, policy: SyncPolicy, size: int, interval: float, clock: Clock
    ) -> None:
        self.policy = policy
        self.resolvers: dict[Segments, Resolver] = {}
        self._store = store
        self._announcer = announcer
        self._size = size
        self._interval = interval
        self._clock = clock
        self._began = clock.monotonic()
        self._pending: list[StateChange] = []
        self._settling: set[int] = set()
        self._timer: TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, change: StateChange) -> None:
        """Have it wait; a batch that is full with it is decided now, in this thread.

        Refused if `MOST_PENDING` wait already: nobody decides them.
        """
        with self._store.lock:
            if self._closed:
                raise BrainClosedError("shut down")
            if len(self._pending) >= MOST_PENDING:
                self._store.refuse(change, f"{MOST_PENDING} changes are pending already: call apply_changes()")
                return
            self._pending.append(change)
            waiting = len(self._pending)
        if self.policy is SyncPolicy.BATCHED and waiting >= self._size:
            self.settle()
        elif self._timer is None and self.policy is not SyncPolicy.ON_DEMAND:
            self._wind()

    def settle(self) -> None:
        """Decide everything that waits now. What is decided is told of by the caller.

        Resolvers are called here, with no lock held: should another thread have settled the same changes meanwhile,
        what they said is thrown away. A resolver that comes back here finds that it is being done.
        """
        me = threading.get_ident()
        if me in self._settling:
            return
        self._settling.add(me)
        try:
            with self._store.lock:
                last = self._pending[-1] if self._pending else None
            while last is not None and last.status is ChangeStatus.PENDING:
                self._settle_once()
        finally:
            self._settling.discard(me)
        if self._timer is not None and self._announcer.on_loop():
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Take no more and decide what has come so far: nothing that was acknowledged as pending stays so."""
        with self._store.lock:
            self._closed = True
        self.settle()

    def abandon(self, reason: str) -> None:
        """Nothing that waits will be applied."""
        with self._store.lock:
            for change in self._pending:
                change.fail(ChangeStatus.LOST, reason)
            self._store.counts["lost"] += len(self._pending)
            self._pending.clear()

    def _settle_once(self) -> None:
        with self._store.lock:
            batch = list(self._pending)
        settlement = settle(batch, self.resolvers, self._store.head.root, self._store.beginning)
        with self._store.lock:
            if self._pending[: len(batch)] != batch:
                return
            del self._pending[: len(batch)]
            self._store.commit_batch(settlement, self._announcer.depth)
        for error in settlement.errors:
            logger.error(
                "A conflict resolver raised {}; its changes are refused.\n{}", type(error).__name__, trace_of(error)
            )

    def _wind(self) -> None:
        """Have the timer set, on the loop."""
        loop = self._announcer.loop
        if loop is None:
            return
        if not self._announcer.on_loop():
            with contextlib.suppress(RuntimeError):  # the loop has closed, and with it time
                loop.call_soon_threadsafe(self._wind)
        elif self._timer is None and self._pending:
            self._timer = self._clock.call_later(self._delay(), self._ring)

    def _delay(self) -> float:
        if self.policy is SyncPolicy.BATCHED:
            return self._interval
        elapsed = self._clock.monotonic() - self._began
        return self._interval * (math.floor(elapsed / self._interval) + 1) - elapsed

    def _ring(self) -> None:
        self._timer = None
        self.settle()
        self._announcer.tell()
        if self._pending:
            self._wind()
