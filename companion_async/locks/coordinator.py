"""`ResourceCoordinator`: shared resources by name, their locks, and everybody who waits for one."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from companion_async.clock import Clock, SystemClock
from companion_async.errors import BrainClosedError, InvalidArgumentError, LockNotHeldError, UnknownResourceError
from companion_async.locks.ledger import Ledger, wake
from companion_async.locks.mode import AccessMode, ResourceType, parse
from companion_async.locks.pictures import Pictures
from companion_async.locks.request import ResourceLock
from companion_async.locks.rwlock import ReadWriteLock
from companion_async.locks.settings import LockSettings
from companion_async.locks.status import CoordinatorMetrics, ResourceStatus, WaitPicture
from companion_async.locks.wait_graph import WaitGraph
from companion_async.locks.work import PlainWork, Work
from companion_async.priority import Priority
from companion_async.security import check_count, check_name, check_seconds

_MEDIUM = Priority.MEDIUM


class ResourceCoordinator:
    """Resources by name, each under a `ReadWriteLock`, for coroutines and threads alike.

    A lock belongs to the task, coroutine or thread that acquired it; what an owner still holds when it ends is taken
    back, and a resource that it was writing to is then suspect. Before a wait begins, the wait-for graph is searched:
    where it could never end, this newest wait is the victim and gets `DeadlockError`, unless another order of a line
    resolves it. Every method may be called in any thread; ``mutex`` is held for moments only.
    """

    def __init__(
        self,
        settings: LockSettings | None = None,
        *,
        clock: Clock | None = None,
        work: Work | None = None,
        graph: WaitGraph | None = None,
    ) -> None:
        self.settings = settings = LockSettings() if settings is None else settings
        check_count(settings.max_concurrent_locks, "max_concurrent_locks")
        check_seconds(settings.default_timeout, "default_timeout")
        check_seconds(settings.ageing_span, "ageing_span")
        self.graph = WaitGraph() if graph is None else graph
        clock = SystemClock() if clock is None else clock
        self._ledger = Ledger(settings, clock, PlainWork(clock) if work is None else work, self.graph)
        self._locks: dict[str, ReadWriteLock] = {}
        self._mutex = self.graph.mutex
        self._pictures = Pictures(self._locks, self._ledger, settings, clock)

    # -- resources -------------------------------------------------------------------------------------------------

    def register_resource(self, resource_id: str, resource: Any, resource_type: ResourceType | str) -> None:
        """Make ``resource`` known; `InvalidArgumentError` if the name is taken or is none."""
        check_name(resource_id, "resource name")
        kind = parse(ResourceType, resource_type, "resource_type")
        with self._mutex:
            if resource_id in self._locks:
                raise InvalidArgumentError(
                    f"A resource {resource_id!r} is registered already. Use another name, or unregister_resource() it."
                )
            self._locks[resource_id] = ReadWriteLock(resource_id, resource, kind, self.settings.ageing_span)

    def unregister_resource(self, resource_id: str) -> None:
        """Forget it. Whoever waits for it gets `UnknownResourceError`; whoever holds it goes on, unprotected."""
        woken: list[ResourceLock] = []
        with self._mutex:
            lock = self._find(resource_id)
            del self._locks[resource_id]
            self._ledger.dismiss(lock, UnknownResourceError(resource_id), woken)
            self._ledger.drop(lock)
        wake(woken)

    def clear_suspect(self, resource_id: str) -> None:
        """Say that a suspect resource has been looked after: only a person or their code can know."""
        with self._mutex:
            self._find(resource_id).suspect = False

    # -- locks -----------------------------------------------------------------------------------------------------

    def acquire_context(
        self,
        resource_id: str,
        access_mode: AccessMode | str,
        holder: str = "",
        timeout: float | UnsetType | None = UNSET,
        *,
        priority: Priority | str = _MEDIUM,
        lease: float | None = None,
    ) -> ResourceLock:
        """The lock to be entered: ``async with`` in a coroutine, ``with`` in a thread; it gives the resource.

        ``timeout`` in seconds: 0 tries once, None waits without a limit, left out it is ``default_timeout``. ``holder``
        is a label. With a ``lease`` the lock is taken back after so many seconds, used or not; without one, never.
        """
        try:
            lock = self._locks[resource_id]
        except (KeyError, TypeError):
            raise UnknownResourceError(str(resource_id)[:80]) from None
        if access_mode.__class__ is not AccessMode:
            access_mode = parse(AccessMode, access_mode, "access_mode")
        if timeout is UNSET:
            timeout = self.settings.default_timeout
        elif timeout is not None:
            timeout = check_seconds(timeout, "timeout", zero=True)
        if priority is not _MEDIUM:
            priority = Priority.parse(priority)
        if lease is not None:
            lease = check_seconds(lease, "lease")
        return ResourceLock(self._ledger, lock, access_mode, holder, timeout, priority, lease)

    async def acquire_resource(
        self,
        resource_id: str,
        access_mode: AccessMode | str,
        holder: str = "",
        timeout: float | UnsetType | None = UNSET,
        *,
        priority: Priority | str = _MEDIUM,
        lease: float | None = None,
    ) -> ResourceLock:
        """Acquire as `acquire_context` does, and keep the lock until `release_resource`, or until its owner ends."""
        lock = self.acquire_context(resource_id, access_mode, holder, timeout, priority=priority, lease=lease)
        await lock.__aenter__()
        return lock

    def release_resource(self, lock: ResourceLock) -> bool:
        """Let go. False, and nothing changes, if it is not held (any more). Only its owner may: `LockNotHeldError`."""
        given: Any = lock
        if not isinstance(given, ResourceLock) or given.ledger is not self._ledger:
            raise InvalidArgumentError(f"release_resource() takes a lock of this coordinator; {given!r:.80} is none.")
        if given.held and self._ledger.work.caller()[0] != given.owner:
            raise LockNotHeldError(given.lock.name, self.graph.label(given.owner))
        return self._ledger.let_go(given)

    # -- pictures --------------------------------------------------------------------------------------------------

    @property
    def resource_ids(self) -> tuple[str, ...]:
        """The names of all resources, in the order in which they were registered."""
        with self._mutex:
            return tuple(self._locks)

    def get_resource_status(self, resource_id: str) -> ResourceStatus:
        """The resource at this moment."""
        with self._mutex:
            return self._pictures.resource(self._find(resource_id))

    def get_coordinator_metrics(self) -> CoordinatorMetrics:
        """All resources together at this moment."""
        with self._mutex:
            return self._pictures.metrics()

    def get_wait_graph(self) -> WaitPicture:
        """Who holds, who waits, and for whom."""
        with self._mutex:
            return self._pictures.waits()

    def close(self, phase: str = "shut down") -> None:
        """Whoever waits, and whoever asks from now on, gets `BrainClosedError`. What is held can be let go."""
        woken: list[ResourceLock] = []
        with self._mutex:
            self._ledger.closed = phase
            for lock in self._locks.values():
                self._ledger.dismiss(lock, BrainClosedError(phase), woken)
        wake(woken)

    def _find(self, resource_id: str) -> ReadWriteLock:
        try:
            return self._locks[resource_id]
        except (KeyError, TypeError):
            raise UnknownResourceError(str(resource_id)[:80]) from None
