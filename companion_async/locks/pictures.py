"""What the status pictures show, read from the ledger under its mutex."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping

from companion_async.clock import Clock
from companion_async.locks.ledger import Ledger
from companion_async.locks.request import ResourceLock
from companion_async.locks.rwlock import ReadWriteLock
from companion_async.locks.settings import LockSettings
from companion_async.locks.status import (
    CoordinatorMetrics,
    LockStatus,
    ResourceStatus,
    WaitEdge,
    WaitNode,
    WaitPicture,
)
from companion_async.locks.tally import Tally
from companion_async.priority import Priority


class Pictures:
    """Takes them. Every method under the mutex."""

    def __init__(
        self, locks: Mapping[str, ReadWriteLock], ledger: Ledger, settings: LockSettings, clock: Clock
    ) -> None:
        self._locks = locks
        self._ledger = ledger
        self._settings = settings
        self._now = clock.monotonic

    def resource(self, lock: ReadWriteLock) -> ResourceStatus:
        """One resource."""
        tally = lock.tally
        return ResourceStatus(
            resource_id=lock.name,
            resource_type=lock.type.value,
            holders=self._statuses(lock.held, lambda request: request.granted),
            waiters=self._statuses(lock.line, lambda request: request.asked),
            suspect=lock.suspect,
            requests=tally.ended + lock.line.size,
            acquisitions=tally.acquisitions,
            contention=tally.contention,
            timeouts=tally.timeouts,
            deadlocks=tally.deadlocks,
            cancelled=tally.cancelled,
            refused=tally.refused,
            average_wait=tally.average_wait,
            p99_wait=tally.p99_wait,
        )

    def metrics(self) -> CoordinatorMetrics:
        """All resources that are registered."""
        locks = self._locks.values()
        whole = Tally()
        for lock in locks:
            whole.add(lock.tally)
        waiting = sum(lock.line.size for lock in locks)
        return CoordinatorMetrics(
            resources=len(locks),
            held=sum(len(lock.held) for lock in locks),
            waiting=waiting,
            peak_locks=self._ledger.peak,
            max_concurrent_locks=self._settings.max_concurrent_locks,
            deadlock_detection=self._settings.enable_deadlock_detection,
            suspect=tuple(lock.name for lock in locks if lock.suspect),
            requests=whole.ended + waiting,
            acquisitions=whole.acquisitions,
            contention=whole.contention,
            timeouts=whole.timeouts,
            deadlocks=whole.deadlocks,
            cancelled=whole.cancelled,
            refused=whole.refused,
            average_wait=whole.average_wait,
            p99_wait=whole.p99_wait,
        )

    def waits(self) -> WaitPicture:
        """Resources that are held or waited for, their owners, and the joins of owners that wait."""
        nodes: dict[str, WaitNode] = {}
        edges: dict[WaitEdge, None] = {}

        def name(owner: Hashable) -> str:
            label = self._ledger.graph.label(owner)
            nodes.setdefault(label, WaitNode(label, "owner", label))
            return label

        for lock in self._locks.values():
            if not lock.held and not lock.line.size:
                continue
            resource = f"resource {lock.name}"
            nodes[resource] = WaitNode(resource, "resource", lock.name)
            for request in lock.held:
                edges[WaitEdge(resource, name(request.owner), "held")] = None
            for request in lock.line:
                edges[WaitEdge(name(request.owner), resource, "waits")] = None
        for source, target in self._ledger.graph.joins():
            edges[WaitEdge(name(source), name(target), "joins")] = None
        return WaitPicture(tuple(nodes.values()), tuple(edges))

    def _statuses(
        self, requests: Iterable[ResourceLock], since: Callable[[ResourceLock], float]
    ) -> tuple[LockStatus, ...]:
        now = self._now()
        return tuple(
            LockStatus(
                owner=self._ledger.graph.label(request.owner),
                holder=request.holder,
                mode=request.mode.value,
                priority=Priority(request.level).name.lower(),
                seconds=max(0.0, now - since(request)),
                lock_id=request.id,
            )
            for request in requests
        )
