"""Where every change is written down: checked, dated and signed on its way in, committed, and told of."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from companion_async.clock import Clock
from companion_async.errors import BrainClosedError, CompanionError, InvalidArgumentError
from companion_async.security import check_name
from companion_async.state.announcer import DEEPEST, Announcer
from companion_async.state.change import StateChange, StateChangeType
from companion_async.state.path import Segments
from companion_async.state.store import Head, Store
from companion_async.state.tree import MISSING, Branch
from companion_async.state.value import freeze

_named = lru_cache(maxsize=16_384)(check_name)


class EndlessAnswersError(CompanionError, RuntimeError):
    """Subscribers answer each other's changes; this one was not taken."""


class Ledger:
    """The desk of all transactions, and of changes outside of them. Any thread."""

    def __init__(
        self, store: Store, announcer: Announcer, clock: Clock, current_task: Callable[[], str | None]
    ) -> None:
        self.store = store
        self.announcer = announcer
        self.closed = False
        self._clock = clock
        self._current_task = current_task

    @property
    def head(self) -> Head:
        """The tree that there is now."""
        return self.store.head

    @property
    def beginning(self) -> Branch:
        """The tree that a reset goes back to."""
        return self.store.beginning

    def now(self) -> float:
        """On the monotonic scale of its clock."""
        return self._clock.monotonic()

    def check_open(self) -> None:
        """`BrainClosedError` once it takes no changes, `EndlessAnswersError` where they only answer each other."""
        if self.closed:
            raise BrainClosedError("shut down")
        if self.announcer.depth > DEEPEST:
            raise EndlessAnswersError(
                f"{DEEPEST} changes have answered one another inside callbacks of subscribers. Change the state there "
                "only if something is left to change, or from an async callback, which has no such limit."
            )

    def record(
        self,
        module: str,
        segments: Segments,
        kind: StateChangeType,
        value: Any = None,
        priority: float = 0,
        metadata: Mapping[str, Any] | None = None,
    ) -> StateChange:
        """A pending change; what is wrong with it is raised."""
        node: Any = MISSING
        if kind is not StateChangeType.DELETE and kind is not StateChangeType.RESET:
            node = freeze(value)
            if kind is StateChangeType.MERGE and type(node) is not Branch:
                raise InvalidArgumentError(f"merge takes a dict with text keys; {type(value).__name__} is none.")
        kept = metadata if metadata is None else _plain(metadata)
        return StateChange.proposed(
            module, segments, kind, node, priority, self._clock.time(), self._current_task(), kept
        )

    def restoration(self, module: str, root: Branch, snapshot: str) -> StateChange:
        """The change that puts ``root`` in the place of all there is."""
        kind, task = StateChangeType.RESET, self._current_task()
        return StateChange.proposed(
            module, (), kind, root, 0, self._clock.time(), task, MappingProxyType({"snapshot": snapshot})
        )

    def enter(self, change: StateChange) -> None:
        """Commit it by itself, or refuse it."""
        self.store.commit_one(change, self.announcer.depth)
        self.announcer.tell()

    def commit(self, base: Head, reads: Collection[Segments], entries: Sequence[StateChange]) -> int:
        """Apply all entries and tell of them, or raise `ConflictError`."""
        self.check_open()
        version = self.store.commit_transaction(base, reads, entries, self.announcer.depth)
        self.announcer.tell()
        return version

    def rolled_back(self) -> None:
        """Count a transaction that was given up."""
        with self.store.lock:
            self.store.counts["rollbacks"] += 1


def checked_module(module: Any) -> str:
    """`check_name`, remembered."""
    return _named(module, "module name") if type(module) is str else check_name(module, "module name")


def checked_priority(priority: Any) -> float:
    """A finite number: others are compared with it."""
    if type(priority) is int or (isinstance(priority, float | int) and math.isfinite(priority)):
        return priority
    raise InvalidArgumentError(f"priority must be a finite number, the higher the stronger; {priority!r:.80} is not.")


def _plain(metadata: Any) -> Mapping[str, Any]:
    if not isinstance(metadata, Mapping):
        raise InvalidArgumentError(f"metadata must be a dict; {type(metadata).__name__} is none.")
    return MappingProxyType(dict(metadata))
