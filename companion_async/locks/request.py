"""One request for a resource, from asking to letting go."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Hashable
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING, Any

from companion_async.locks.mode import AccessMode

if TYPE_CHECKING:
    from companion_async.locks.ledger import Ledger
    from companion_async.locks.rwlock import ReadWriteLock
    from companion_async.locks.waiter import Waiter


class Phase(Enum):
    """Where a request is."""

    NEW = "new"
    WAITING = "waiting"
    HELD = "held"
    ENDED = "ended"


_HELD = Phase.HELD
_numbers = itertools.count(1)
_numbering = threading.Lock()


class ResourceLock:
    """A lock on a resource, for one block: ``async with`` in a coroutine, ``with`` in a thread that runs no loop.
    Either gives the resource and lets go at its end, however it ends.

    Entering raises `LockTimeoutError`, `LockUpgradeError`, `DeadlockError`, or `BrainClosedError`, and then nothing is
    held. Cancelled while it waits, it stands in line no more; cancelled just as it was granted, it is handed on.
    """

    __slots__ = (
        "asked", "error", "fence", "granted", "holder", "lease", "ledger", "level", "lock", "mode", "number", "owner",
        "phase", "timeout", "waiter",
    )  # fmt: skip

    def __init__(
        self,
        ledger: Ledger,
        lock: ReadWriteLock,
        mode: AccessMode,
        holder: str,
        timeout: float | None,
        level: int,
        lease: float | None,
    ) -> None:
        self.ledger = ledger
        self.lock = lock
        self.mode = mode
        self.holder = holder
        self.timeout = timeout
        self.level = level
        self.lease = lease
        self.phase = Phase.NEW
        self.waiter: Waiter | None = None
        self.error: BaseException | None = None

    if TYPE_CHECKING:
        owner: Hashable
        asked: float
        granted: float
        fence: int
        number: int

    @property
    def id(self) -> str:
        """Unique in the process. Most locks are never asked for it, so it is made when one is."""
        if not hasattr(self, "number"):
            with _numbering:
                if not hasattr(self, "number"):
                    self.number = next(_numbers)
        return f"lock-{self.number}"

    @property
    def resource_id(self) -> str:
        """The name of the resource."""
        return self.lock.name

    @property
    def held(self) -> bool:
        """Whether it is in force. False once it was let go, its lease ran out, or its holder was given up."""
        return self.phase is _HELD

    @property
    def suspect(self) -> bool:
        """Whether the resource may be half-written: a writer was taken its lock away before it had let go."""
        return self.lock.suspect

    async def __aenter__(self) -> Any:
        if not self.ledger.ask(self, on_loop=True):
            await self.ledger.wait(self)
        return self.lock.value

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.ledger.let_go(self)

    def __enter__(self) -> Any:
        with self.ledger.work.shield():
            if not self.ledger.ask(self, on_loop=False):
                self.ledger.block(self)
        return self.lock.value

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self.ledger.work.shield():
            self.ledger.let_go(self)

    def __repr__(self) -> str:
        by = f" by {self.holder!r}" if self.holder else ""
        return f"<ResourceLock {self.mode} on {self.lock.name!r}{by}, {self.phase.value}>"
