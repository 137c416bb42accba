"""`ResourceCoordinator`: shared resources and their locks, for threads."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.errors import LockTimeoutError
from companion_async.locks import coordinator as core
from companion_async.locks.mode import AccessMode, ResourceType
from companion_async.locks.request import ResourceLock
from companion_async.locks.settings import LockSettings
from companion_async.locks.status import LockStatus
from companion_async.security import check_seconds

_FEWEST_KEPT = 1000


class ResourceMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Of all resources together. ``failed_acquisitions`` ended without the lock in whatever way, ``timeout_count`` for
    want of time; ``contention_count`` had to wait; ``average_wait_time`` is seconds of those that waited and got it.
    """

    total_requests: int = 0
    successful_acquisitions: int = 0
    failed_acquisitions: int = 0
    timeout_count: int = 0
    contention_count: int = 0
    average_wait_time: float = 0.0
    peak_concurrent_locks: int = 0


class ResourceCoordinator:
    """Resources by name, each under one fair lock for readers and writers. Any thread.

    A lock belongs to the calling thread, or to the task of a manager that runs in it; ``holder_id`` is a label. The
    owner of a write may write again and read. What a thread or task still holds when it ends is taken back. A wait that
    could never end raises `DeadlockError` as it begins. No lock expires while it is in use.

    Made by itself it stands alone; a manager's shares the wait-for graph of its tasks, so that deadlocks over both are
    found. There is nothing to clean up: ``cleanup_interval`` is taken as the documents write it.
    """

    def __init__(
        self,
        max_concurrent_locks: int = 50,
        default_timeout: float = 30.0,
        enable_deadlock_detection: bool = True,
        cleanup_interval: float = 60,
        *,
        clock: Clock | None = None,
    ) -> None:
        check_seconds(cleanup_interval, "cleanup_interval")
        settings = LockSettings(
            max_concurrent_locks=max_concurrent_locks,
            default_timeout=default_timeout,
            enable_deadlock_detection=bool(enable_deadlock_detection),
        )
        clock = clock if clock is not None else SystemClock()
        self._set_up(core.ResourceCoordinator(settings, clock=clock), default_timeout, clock)

    @classmethod
    def over(cls, locks: core.ResourceCoordinator, default_timeout: float, clock: Clock) -> ResourceCoordinator:
        """The facade of a coordinator that is there already, such as ``brain.resources``."""
        self = cls.__new__(cls)
        self._set_up(locks, default_timeout, clock)
        return self

    def _set_up(self, locks: core.ResourceCoordinator, default_timeout: float, clock: Clock) -> None:
        self.default_timeout = default_timeout
        self._core = locks
        self._clock = clock
        self._mutex = threading.Lock()
        self._given: dict[str, ResourceLock] = {}

    # -- resources -------------------------------------------------------------------------------------------------

    def register_resource(self, resource_id: str, resource: Any, resource_type: ResourceType | str) -> None:
        """Make ``resource`` known. A taken name is a ValueError; the type is for whoever looks at it."""
        self._core.register_resource(resource_id, resource, resource_type)

    def unregister_resource(self, resource_id: str) -> None:
        """Forget it and its locks; whoever waits for it gets the KeyError that an unknown one is."""
        self._core.unregister_resource(resource_id)

    # -- locks -----------------------------------------------------------------------------------------------------

    def acquire_context(
        self, resource_id: str, access_mode: AccessMode | str, holder_id: str = "", timeout: float | None = None
    ) -> ResourceLock:
        """The lock for one ``with`` block, which gives the resource.

        Entering waits ``timeout`` seconds at most (0: tries once; None: ``default_timeout``), then raises
        `LockTimeoutError`. A reader that asks to write gets `LockUpgradeError`.
        """
        return self._core.acquire_context(
            resource_id, access_mode, holder_id, self.default_timeout if timeout is None else timeout
        )

    def acquire_resource(
        self, resource_id: str, access_mode: AccessMode | str, holder_id: str = "", timeout: float | None = None
    ) -> str | None:
        """Acquire as `acquire_context` does, until `release_resource`. The lock's id; None if it was not free."""
        lock = self.acquire_context(resource_id, access_mode, holder_id, timeout)
        try:
            lock.__enter__()
        except LockTimeoutError:
            return None
        with self._mutex:
            if len(self._given) >= max(_FEWEST_KEPT, 2 * self._core.settings.max_concurrent_locks):
                # Locks that were taken back with their owner: nobody will release them.
                self._given = {name: each for name, each in self._given.items() if each.held}
            self._given[lock.id] = lock
        return lock.id

    def release_resource(self, lock_id: str) -> bool:
        """Let go. False if it is not held (any more). Only its owner may: `LockNotHeldError`, a RuntimeError."""
        lock = self._given.get(lock_id)
        if lock is None:
            return False
        released = self._core.release_resource(lock)
        with self._mutex:
            self._given.pop(lock_id, None)
        return released

    # -- pictures --------------------------------------------------------------------------------------------------

    def get_resource_status(self, resource_id: str) -> dict[str, Any]:
        """``resource_id resource_type active_locks readers writer waiting_requests locks``; each lock has ``lock_id
        holder mode acquired_at expires_at``, and no lock expires. Readers and writer are labels, or else owners.
        """
        status = self._core.get_resource_status(resource_id)
        readers = [lock for lock in status.holders if lock.mode == AccessMode.READ]
        writers = [lock for lock in status.holders if lock.mode != AccessMode.READ]
        now = datetime.fromtimestamp(self._clock.time())
        return {
            "resource_id": status.resource_id,
            "resource_type": status.resource_type,
            "active_locks": len(status.holders),
            "readers": [_holder(lock) for lock in readers],
            "writer": _holder(writers[0]) if writers else None,
            "waiting_requests": len(status.waiters),
            "locks": [
                {
                    "lock_id": lock.lock_id,
                    "holder": _holder(lock),
                    "mode": lock.mode,
                    "acquired_at": (now - timedelta(seconds=lock.seconds)).isoformat(),
                    "expires_at": None,
                }
                for lock in status.holders
            ],
        }

    def get_coordinator_metrics(self) -> ResourceMetrics:
        """The figures so far, of the resources that are registered."""
        metrics = self._core.get_coordinator_metrics()
        return ResourceMetrics(
            total_requests=metrics.requests,
            successful_acquisitions=metrics.acquisitions,
            failed_acquisitions=metrics.timeouts + metrics.deadlocks + metrics.cancelled + metrics.refused,
            timeout_count=metrics.timeouts,
            contention_count=metrics.contention,
            average_wait_time=metrics.average_wait,
            peak_concurrent_locks=metrics.peak_locks,
        )

    def get_system_status(self) -> dict[str, Any]:
        """``registered_resources active_locks pending_requests lock_holders total_wait_queues max_concurrent_locks
        deadlock_detection_enabled metrics``.
        """
        metrics = self._core.get_coordinator_metrics()
        waits = self._core.get_wait_graph()
        return {
            "registered_resources": metrics.resources,
            "active_locks": metrics.held,
            "pending_requests": metrics.waiting,
            "lock_holders": len({edge.target for edge in waits.edges if edge.kind == "held"}),
            "total_wait_queues": len({edge.target for edge in waits.edges if edge.kind == "waits"}),
            "max_concurrent_locks": metrics.max_concurrent_locks,
            "deadlock_detection_enabled": metrics.deadlock_detection,
            "metrics": msgspec.to_builtins(self.get_coordinator_metrics()),
        }

    def shutdown(self) -> None:
        """Whoever waits, and whoever asks from now on, gets `BrainClosedError`. What is held can be let go."""
        self._core.close()


def _holder(lock: LockStatus) -> str:
    return lock.holder or lock.owner
