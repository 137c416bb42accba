"""One change of the state: who asked for what, when and from where, and what became of it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from companion_async.errors import InvalidArgumentError
from companion_async.state.path import Segments, shown
from companion_async.state.tree import MISSING
from companion_async.state.value import thaw

_numbers = itertools.count(1)


class StateChangeType(StrEnum):
    """``create`` what must not be there yet, ``update`` what is there or not, ``delete`` what must be there, ``merge``
    a dict's keys over a mapping, ``reset`` to what the state began with.
    """

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    MERGE = "merge"
    RESET = "reset"


class ChangeStatus(StrEnum):
    """``pending`` until it is decided, and then one of the others for good: ``lost`` to another change of its path,
    ``refused`` because it was impossible.
    """

    PENDING = "pending"
    APPLIED = "applied"
    LOST = "lost"
    REFUSED = "refused"


class _Fate(msgspec.Struct, gc=False):
    """What became of a change: the only part of it that is ever written again."""

    status: ChangeStatus = ChangeStatus.PENDING
    version: int | None = None
    reason: str = ""
    new: Any = MISSING
    old: Any = MISSING


class StateChange(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A proposed change. What was proposed is frozen; ``status``, ``version`` and ``reason`` say what became of it.

    ``new_value`` and ``old_value`` are copies, made at each look; None where nothing is. ``timestamp`` is when it was
    proposed, ``number`` its place in the order of proposals of the process, ``task`` the task that proposed it.
    ``path`` is ``*`` where the whole state was restored. ``node`` is the value as the tree would hold it.
    """

    number: int
    module: str
    segments: Segments
    change_type: StateChangeType
    priority: float
    task: str | None
    metadata: Mapping[str, Any] | None
    node: Any
    _time: float
    _fate: _Fate

    @classmethod
    def proposed(
        cls,
        module: str,
        segments: Segments,
        change_type: StateChangeType,
        node: Any,
        priority: float,
        time: float,
        task: str | None,
        metadata: Mapping[str, Any] | None = None,
        number: int | None = None,
    ) -> StateChange:
        """A pending one, with the next number unless it stands for another."""
        return cls(
            next(_numbers) if number is None else number,
            module,
            segments,
            change_type,
            priority,
            task,
            metadata,
            node,
            time,
            _Fate(),
        )

    @property
    def id(self) -> str:
        """Unique in the process."""
        return f"change-{self.number}"

    @property
    def path(self) -> str:
        """Dotted."""
        return shown(self.segments)

    @property
    def timestamp(self) -> datetime:
        """UTC."""
        return datetime.fromtimestamp(self._time, UTC)

    @property
    def status(self) -> ChangeStatus:
        """Pending, or what became of it."""
        return self._fate.status

    @property
    def version(self) -> int | None:
        """Of the state that it is part of, once it is applied."""
        return self._fate.version

    @property
    def reason(self) -> str:
        """Why it was lost or refused."""
        return self._fate.reason

    @property
    def new_value(self) -> Any:
        """What was proposed; once applied, what stood there right after."""
        node = self._fate.new if self.applied else self.node
        return None if node is MISSING else thaw(node)

    @property
    def old_value(self) -> Any:
        """What stood there before; known once it is applied."""
        return None if self._fate.old is MISSING else thaw(self._fate.old)

    @property
    def removed(self) -> bool:
        """Whether nothing stands there since it was applied."""
        return self.applied and self._fate.new is MISSING

    @property
    def applied(self) -> bool:
        """Whether it is part of the state's history."""
        return self._fate.status is ChangeStatus.APPLIED

    def take_effect(self, version: int, old: Any, new: Any) -> None:
        """It is part of commit ``version``."""
        fate = self._fate
        fate.old, fate.new = old, new
        fate.version = version
        fate.status = ChangeStatus.APPLIED

    def fail(self, status: ChangeStatus, reason: str) -> None:
        """It will never be applied."""
        fate = self._fate
        fate.status, fate.reason, fate.version = status, reason, None

    def __repr__(self) -> str:
        return f"<StateChange {self.number} {self.change_type} {self.path} by {self.module!r}: {self.status}>"


def parse_change_type(value: Any) -> StateChangeType:
    """The type that ``value`` is or names; else `InvalidArgumentError`."""
    if type(value) is StateChangeType:
        return value
    try:
        return StateChangeType(value)
    except ValueError:
        raise InvalidArgumentError(
            f"change_type must be one of {', '.join(StateChangeType)}; {value!r:.80} is not."
        ) from None
