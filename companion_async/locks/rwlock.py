"""Pure: one lock for readers and writers, and the rule by which it is granted."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from companion_async.errors import LockUpgradeError
from companion_async.locks.line import Line
from companion_async.locks.mode import AccessMode, ResourceType
from companion_async.locks.tally import Tally

if TYPE_CHECKING:
    from companion_async.locks.request import ResourceLock

_READ, _EXCLUSIVE = AccessMode.READ, AccessMode.EXCLUSIVE


class ReadWriteLock:
    """Readers share, a writer is alone. Not for use by several threads at once: whoever owns it keeps a mutex.

    It is task-fair: requests are granted in the order of their line (see `Line`: first come, first served among equals,
    higher priority first, with ageing), and neighbours in that order that read share. So a writer is never passed by
    readers that came later, nor a reader by writers; whoever waits, waits for those before it and for nobody else.
    The price: readers who come alternating with writers do not share, where a lock that prefers readers, or one that
    is phase-fair, would let them in together.

    An owner that holds the lock passes the line where it can only wait for itself otherwise: a reader may read again,
    a writer write again and read. Releasing the write after such a read is the downgrade: it remains a reader, and
    nobody has been in between. Asking is O(1), releasing too, with nobody in line.
    """

    __slots__ = (
        "depth", "exclusive", "fence", "held", "leased", "line", "name", "readers", "suspect", "tally", "type", "value",
        "writer",
    )  # fmt: skip

    def __init__(self, name: str, value: Any, kind: ResourceType, span: float) -> None:
        self.name = name
        self.value = value
        self.type = kind
        self.line: Line[ResourceLock] = Line(span)
        self.held: dict[ResourceLock, None] = {}
        self.leased: dict[ResourceLock, float] = {}
        self.readers: dict[Hashable, int] = {}
        self.writer: Hashable | None = None
        self.depth = 0
        self.exclusive = False
        self.fence = 0
        self.suspect = False
        self.tally = Tally()

    def ask(self, request: ResourceLock) -> bool | None:
        """Grant at once if it is its turn: True. False if it has to wait, None if it would wait for its own owner.

        `LockUpgradeError` if a reader asks to write.
        """
        owner = request.owner
        if self.writer is not None:
            if self.writer != owner:
                return False
            if self.exclusive or request.mode is _EXCLUSIVE:
                return None
        elif self.readers:
            if owner in self.readers:
                if request.mode is not _READ:
                    raise LockUpgradeError(self.name)
            elif request.mode is not _READ or (self.line.size and not self.line.would_be_first(request)):
                return False
        self.take(request)
        return True

    def next(self) -> ResourceLock | None:
        """Grant the first in line if the holders let it, and return it. To be called until it returns None, whenever
        anybody has left, holder or not.
        """
        first = self.line.first()
        if first is None or self.writer is not None or (self.readers and first.mode is not _READ):
            return None
        self.line.leave(first)
        self.take(first)
        return first

    def take(self, request: ResourceLock) -> None:
        """Make it a holder."""
        if request.mode is _READ:
            self.readers[request.owner] = self.readers.get(request.owner, 0) + 1
        else:
            if not self.depth:
                self.writer = request.owner
                self.exclusive = request.mode is _EXCLUSIVE
                self.fence += 1
            self.depth += 1
        request.fence = self.fence
        self.held[request] = None

    def drop(self, request: ResourceLock) -> None:
        """It holds no more."""
        del self.held[request]
        if self.leased:
            self.leased.pop(request, None)
        if request.mode is _READ:
            readers = self.readers
            if readers[request.owner] == 1:
                del readers[request.owner]
            else:
                readers[request.owner] -= 1
        else:
            self.depth -= 1
            if not self.depth:
                self.writer = None
                self.exclusive = False
