"""The tree and its version: commits one after the other, from any thread, and readers that need no lock."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from companion_async.errors import ConflictError
from companion_async.state.change import ChangeStatus, StateChange
from companion_async.state.conflict import Settlement
from companion_async.state.effect import RefusedChangeError, effect
from companion_async.state.path import Segments, shown
from companion_async.state.tree import Branch, lookup

_COUNTED = (
    "commits",
    "changes",
    "conflicts",
    "lost",
    "refused",
    "transactions",
    "transactions_lost",
    "rollbacks",
    "restores",
)


class Head(NamedTuple):
    """A tree and the number of commits that led to it."""

    root: Branch
    version: int


class Commit(NamedTuple):
    """One step from a head to the next; what subscribers are told of. ``depth`` counts the commits it answers to."""

    old: Head
    new: Head
    changes: Sequence[StateChange]
    depth: int


class Store:
    """`head` may be read at any time. ``modules`` are those whose last version is wanted.

    ``on_commit`` is called for each commit in order, under the lock: it must only take note of it.
    No code of a user runs under the lock, but for finalizers, which run anywhere. So the lock is re-entrant, and a
    commit is made ready first and swaps the head only if that is still what it started from: a finalizer that commits
    neither waits for itself nor is overwritten.
    """

    def __init__(self, beginning: Branch, history_size: int, on_commit: Callable[[Commit], None]) -> None:
        self.beginning = beginning
        self.head = Head(beginning, 0)
        self.history: deque[StateChange] = deque(maxlen=history_size)
        self.lock = threading.RLock()
        self.counts = dict.fromkeys(_COUNTED, 0)
        self.modules: dict[str, int] = {}
        self._on_commit = on_commit

    def commit_one(self, change: StateChange, depth: int) -> None:
        """Apply ``change`` or refuse it."""
        with self.lock:
            while True:
                head = self.head
                try:
                    root, old, new = effect(head.root, self.beginning, change)
                except RefusedChangeError as error:
                    self.refuse(change, str(error))
                    return
                change.take_effect(head.version + 1, old, new)
                if self._swap(head, root, (change,), depth):
                    return

    def commit_batch(self, batch: Settlement, depth: int) -> None:
        """Apply the winners together, each that is possible, and tell the others that they have lost."""
        with self.lock:
            while True:
                head = self.head
                root = head.root
                applied, refused = [], list(batch.refused)
                for change in batch.winners:
                    everyone = [change, *batch.combined.get(change.number, ())]
                    try:
                        root, old, new = effect(root, self.beginning, change)
                    except RefusedChangeError as error:
                        refused += [(each, str(error)) for each in everyone[1:] or everyone]
                    else:
                        applied.append(change)
                        for each in everyone:
                            each.take_effect(head.version + 1, old, new)
                if not applied or self._swap(head, root, applied, depth):
                    break
            for change, reason in batch.lost:
                change.fail(ChangeStatus.LOST, reason)
            for change, reason in refused:
                self.refuse(change, reason)
            self.counts["lost"] += len(batch.lost)
            self.counts["conflicts"] += batch.conflicts

    def commit_transaction(
        self, base: Head, reads: Collection[Segments], entries: Sequence[StateChange], depth: int
    ) -> int:
        """Apply all of ``entries`` if nothing that was read at ``base`` has changed; the version, else `ConflictError`.

        Read means the branch or value itself: a branch is another one as soon as anything in it is, so a transaction
        that read a mapping has read which keys it has, and those it has not.
        """
        with self.lock:
            while True:
                head = self.head
                root, stale = head.root, _changed(base.root, head.root, reads) if entries else []
                for change in entries if not stale else ():
                    try:
                        root, old, new = effect(root, self.beginning, change)
                    except RefusedChangeError:
                        stale = [change.segments]
                        break
                    change.take_effect(head.version + 1, old, new)
                if stale:
                    self.counts["transactions_lost"] += 1
                    raise ConflictError(tuple(sorted({shown(path) for path in stale})))
                if not entries or self._swap(head, root, entries, depth):
                    self.counts["transactions"] += 1
                    # One that only read is as if it had happened when it began: nothing that it read need still be so.
                    return head.version + 1 if entries else base.version

    def commit_restore(self, root: Branch, change: StateChange, depth: int) -> int:
        """Put ``root`` in the place of the tree there is; the version."""
        with self.lock:
            while True:
                head = self.head
                change.take_effect(head.version + 1, head.root, root)
                if self._swap(head, root, (change,), depth):
                    self.counts["restores"] += 1
                    return head.version + 1

    def _swap(self, head: Head, root: Branch, changes: Sequence[StateChange], depth: int) -> bool:
        commit = Commit(head, Head(root, head.version + 1), changes, depth)
        if self.head is not head:
            return False
        self.head = commit.new
        self._on_commit(commit)
        self.counts["commits"] += 1
        self.counts["changes"] += len(changes)
        for change in changes:
            if change.module in self.modules:
                self.modules[change.module] = commit.new.version
        self.history.extend(changes)  # last: what it forgets may have a finalizer
        return True

    def refuse(self, change: StateChange, reason: str) -> None:
        """It will never be applied. Under the lock."""
        change.fail(ChangeStatus.REFUSED, reason)
        self.counts["refused"] += 1


def _changed(base: Branch, root: Branch, reads: Collection[Segments]) -> list[Segments]:
    if root is base:
        return []
    return [path for path in reads if lookup(root, path) is not lookup(base, path)]
