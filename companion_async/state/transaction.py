"""Optimistic transactions: all of it or nothing, as if nothing else had happened meanwhile."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Collection, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Protocol, Self

from companion_async.errors import ConflictError, InvalidArgumentError, InvalidPathError, WrongThreadError
from companion_async.state.change import ChangeStatus, StateChange, StateChangeType
from companion_async.state.effect import RefusedChangeError, effect
from companion_async.state.path import Segments, parse_path
from companion_async.state.store import Head
from companion_async.state.tree import MISSING, Branch, lookup
from companion_async.state.value import thaw

_T = StateChangeType


class TransactionStateError(InvalidArgumentError):
    """The transaction is not open: it never was here, or it has ended."""


class Desk(Protocol):
    """What a transaction needs of the state it belongs to."""

    @property
    def head(self) -> Head:
        """The tree that there is now."""

    @property
    def beginning(self) -> Branch:
        """The tree that a reset goes back to."""

    def record(
        self, module: str, segments: Segments, kind: StateChangeType, value: Any, priority: float = 0
    ) -> StateChange:
        """A change, checked and dated."""

    def commit(self, base: Head, reads: Collection[Segments], entries: Sequence[StateChange]) -> int:
        """Apply all entries and tell of them, or raise `ConflictError`."""

    def rolled_back(self) -> None:
        """Count one that was given up."""

    def now(self) -> float:
        """Seconds on a scale that never goes back."""


class Transaction:
    """Reads are of the moment it began, its own writes over them; it locks nothing.

    `commit` applies all of it at once if nothing that it read has been changed by others since, and raises
    `ConflictError` with the paths if something has: committed transactions are as if run one after the other, in the
    order of their commits. A mapping that is read counts with all that is in it and with what is not. Writing reads
    no value: it need only still be possible. One that is forgotten holds nobody up and is gone with its last reference.

    ``async with`` on a loop, ``with`` in a thread: leaving the block commits, an error in it rolls back. It belongs to
    one task or thread.
    """

    __slots__ = ("__weakref__", "_base", "_desk", "_entries", "_reads", "_state", "_view", "_written", "module", "name")

    def __init__(self, desk: Desk, module: str, name: str = "") -> None:
        self.module = module
        self.name = name
        self._desk = desk
        self._base = desk.head
        self._view = self._base.root
        self._reads: dict[Segments, None] = {}
        self._written: set[Segments] = set()
        self._entries: list[StateChange] = []
        self._state = "open"

    @property
    def version(self) -> int:
        """Of the state that it reads."""
        return self._base.version

    @property
    def open(self) -> bool:
        """Whether it can still be written to and committed."""
        return self._state == "open"

    def get(self, path: str, default: Any = None) -> Any:
        """A copy of what stands at ``path`` for this transaction, else ``default``."""
        self._check_open()
        segments = parse_path(path)
        self._read(segments)
        node = lookup(self._view, segments)
        return default if node is MISSING else thaw(node)

    def to_dict(self) -> dict[str, Any]:
        """A copy of all of it; as a read, of everything."""
        self._check_open()
        self._reads[()] = None
        plain: dict[str, Any] = thaw(self._view)
        return plain

    def set(self, path: str, value: Any) -> None:
        """Put a copy of ``value`` at ``path``; mappings that are missing on the way are made."""
        self._write(path, _T.UPDATE, value)

    def merge(self, path: str, value: dict[str, Any]) -> None:
        """Put the keys of ``value`` into the mapping at ``path``."""
        self._write(path, _T.MERGE, value)

    def delete(self, path: str) -> None:
        """Take away what stands at ``path``, if anything does."""
        self._check_open()
        segments = parse_path(path)
        if lookup(self._view, segments) is MISSING:
            self._read(segments)
        else:
            self._write(path, _T.DELETE, None)

    def take(self, change: StateChange) -> None:
        """Make ``change`` part of it, or refuse it as it would be outside."""
        self._check_open()
        segments = change.segments
        try:
            self._view, _, _ = effect(self._view, self._desk.beginning, change)
        except RefusedChangeError as error:
            # Whoever hears of the refusal has learned what stands there and above.
            for length in range(1, len(segments) + 1):
                self._read(segments[:length])
            change.fail(ChangeStatus.REFUSED, str(error))
            return
        self._entries.append(change)
        if change.change_type is _T.MERGE:
            self._written.update((*segments, key) for key in change.node)
        else:
            self._written.add(segments)

    def commit(self) -> int:
        """Apply it all; the version of the state that it made, or read if it wrote nothing."""
        self._check_open()
        try:
            version = self._desk.commit(self._base, self._reads, self._entries)
        except ConflictError:
            self._end("lost", "something that its transaction read has changed")
            raise
        except BaseException:
            self._end("rolled back", "its transaction could not be committed")
            raise
        self._state = "committed"
        return version

    def rollback(self) -> None:
        """Forget it all."""
        self._check_open()
        self._end("rolled back", "its transaction was rolled back")
        self._desk.rolled_back()

    async def __aenter__(self) -> Self:
        self._check_open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave(exc)

    def __enter__(self) -> Self:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._check_open()
            return self
        raise WrongThreadError("with state.transaction()", "async with state.transaction()")

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave(exc)

    def _leave(self, exc: BaseException | None) -> None:
        if not self.open:
            return  # it was ended inside its block
        if exc is None:
            self.commit()
        else:
            self.rollback()

    def _write(self, path: str, kind: StateChangeType, value: Any) -> None:
        self._check_open()
        change = self._desk.record(self.module, parse_path(path), kind, value)
        self.take(change)
        if change.status is ChangeStatus.REFUSED:
            raise InvalidPathError(path, change.reason)

    def _read(self, segments: Segments) -> None:
        # Below what it wrote itself it sees nothing of the others.
        written = self._written
        if not written or not any(segments[:length] in written for length in range(1, len(segments) + 1)):
            self._reads[segments] = None

    def _end(self, state: str, reason: str) -> None:
        self._state = state
        for change in self._entries:
            change.fail(ChangeStatus.LOST, reason)

    def _check_open(self) -> None:
        if self._state != "open":
            named = f" {self.name!r}" if self.name else ""
            raise TransactionStateError(f"The transaction{named} is {self._state} already. Begin another one.")


# -- named transactions: the same thing, bound to the task or thread that began it ---------------------------------

_bound: ContextVar[tuple[_Bound, ...]] = ContextVar("companion_state_transactions", default=())


class _Bound:
    __slots__ = ("desk", "owner", "transaction", "until")

    def __init__(self, desk: Desk, transaction: Transaction, until: float) -> None:
        self.desk = desk
        self.until = until
        self.transaction = transaction
        self.owner = _who()


def bind(desk: Desk, transaction: Transaction, until: float) -> None:
    """From here on, to the instant ``until``, `bound` finds it; `TransactionStateError` if the name is taken here."""
    mine = _mine(desk)
    if any(each.transaction.name == transaction.name for each in mine):
        raise TransactionStateError(
            f"A transaction {transaction.name!r} is open here already. Commit it, roll it back, or use another name."
        )
    _bound.set((*(each for each in _bound.get() if each.transaction.open), _Bound(desk, transaction, until)))


def bound(desk: Desk, name: str | None = None) -> Transaction | None:
    """The transaction of that name that the calling task or thread has begun on ``desk`` and not ended, without a name
    the one begun last. A task inherits the context of its maker, but not its transactions.

    One whose time is over is rolled back here, with a `TransactionStateError`: it was forgotten, and must not take in
    what its task does after it.
    """
    if not _bound.get():
        return None
    for each in reversed(_mine(desk)):
        if name is not None and each.transaction.name != name:
            continue
        if each.until <= desk.now():
            each.transaction.rollback()
            raise TransactionStateError(
                f"The transaction {each.transaction.name!r} was begun here and not ended in time; it has been rolled "
                "back. End each with commit_transaction() or rollback_transaction(), or raise transaction_ttl."
            )
        return each.transaction
    return None


def unbind(desk: Desk, name: str) -> Transaction:
    """The transaction of that name, bound no longer; `TransactionStateError` if there is none here."""
    found = bound(desk, name)
    if found is None:
        raise TransactionStateError(
            f"No transaction {name!r} is open here. It has ended, or another task or thread began it: whoever begins "
            "one ends it."
        )
    _bound.set(tuple(each for each in _bound.get() if each.transaction is not found))
    return found


def _mine(desk: Desk) -> list[_Bound]:
    who = _who()
    return [each for each in _bound.get() if each.desk is desk and each.owner == who and each.transaction.open]


def _who() -> Any:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    # A reference to the task would keep it and its context in a circle.
    return threading.get_ident() if task is None else weakref.ref(task)
