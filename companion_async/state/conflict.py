"""Pure: which changes of a batch are applied, in which order, and which have lost.

Changes conflict if they are for one path and are not merges of different keys. The strategy registered for the path,
or for the nearest path above it, decides; by default the higher priority wins, and of equal ones the later. A change
also loses if another of higher precedence replaces what it lies in. What is impossible takes no part; all else is
applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec

from companion_async.state.change import StateChange, StateChangeType
from companion_async.state.effect import RefusedChangeError, effect
from companion_async.state.path import Segments, shown
from companion_async.state.tree import EMPTY, Branch
from companion_async.state.value import freeze

_T = StateChangeType
_WHOLE = frozenset({_T.CREATE, _T.UPDATE, _T.MERGE})
Decide = Callable[[list[StateChange]], Any]
"""A resolver of one's own: of the conflicting changes, in the order they came, the one or the list of those that win,
or a value to be stored instead.
"""


class ConflictStrategy(StrEnum):
    """``latest_wins``; ``priority``: the module that comes first in the order, then the higher priority, then the
    later; ``merge``: dicts over each other and over what is there, else the latest; ``custom``: a function.
    """

    LATEST_WINS = "latest_wins"
    PRIORITY = "priority"
    MERGE = "merge"
    CUSTOM = "custom"


class Resolver(msgspec.Struct, frozen=True):
    """How conflicts at a path and below it are decided; ``order`` names modules, the strongest first."""

    strategy: ConflictStrategy
    order: tuple[str, ...] = ()
    decide: Decide | None = None


DEFAULT = Resolver(ConflictStrategy.PRIORITY)


class Settlement(msgspec.Struct):
    """What became of a batch: ``winners`` in the order to be applied; the others with the reason.

    ``combined`` maps the number of a winner that stands for several changes to these.
    """

    winners: list[StateChange] = []
    lost: list[tuple[StateChange, str]] = []
    refused: list[tuple[StateChange, str]] = []
    combined: dict[int, list[StateChange]] = {}
    conflicts: int = 0
    errors: list[Exception] = []


def nearest(resolvers: Mapping[Segments, Resolver], segments: Segments) -> Resolver:
    """The resolver of the path or of the nearest path above it."""
    for length in range(len(segments), 0, -1):
        found = resolvers.get(segments[:length])
        if found is not None:
            return found
    return DEFAULT


def settle(
    changes: Sequence[StateChange], resolvers: Mapping[Segments, Resolver], root: Branch, beginning: Branch
) -> Settlement:
    """Decide a batch for the state ``root``, given in the order of arrival. Resolvers of one's own are called here."""
    result = Settlement()
    groups: dict[Segments, list[StateChange]] = {}
    paths = {change.segments for change in changes}
    for change in changes:
        # What cannot be must not win over what can. Below another change only that one's effect will tell.
        if not any(change.segments[:length] in paths for length in range(1, len(change.segments))):
            try:
                effect(root, beginning, change)
            except RefusedChangeError as error:
                result.refused.append((change, str(error)))
                continue
        groups.setdefault(change.segments, []).append(change)
    standing: dict[Segments, list[StateChange]] = {}
    for segments, group in groups.items():
        if len(group) > 1 and not _apart(group):
            result.conflicts += 1
            group = _decide(group, nearest(resolvers, segments), result)
        standing[segments] = group
    # What lies above goes first, so that what survives below it is not overwritten.
    replacing: dict[Segments, _Replacing] = {}
    for segments in sorted(standing, key=len):
        above = [
            (change, nearest(resolvers, segments[:length]))
            for length in range(1, len(segments))
            if segments[:length] in replacing
            for change in replacing[segments[:length]].what_is_at(segments[length])
        ]
        replacing[segments] = _Replacing(standing[segments])
        for change in standing[segments]:
            by = next((over for over, resolver in above if _stronger(over, change, resolver)), None)
            if by is None:
                result.winners.append(change)
                continue
            result.conflicts += 1
            for each in result.combined.pop(change.number, [change]):
                result.lost.append((each, f"{by.module} replaced {shown(by.segments)} at once with it"))
    return result


class _Replacing:
    """Which changes of a mapping replace what is at one of its keys: merges those they name, the others all."""

    def __init__(self, changes: Iterable[StateChange]) -> None:
        self._all: list[StateChange] = []
        self._named: dict[str, list[StateChange]] = {}
        for change in changes:
            if change.change_type is not _T.MERGE:
                self._all.append(change)
                continue
            for key in change.node:
                self._named.setdefault(key, []).append(change)

    def what_is_at(self, key: str) -> list[StateChange]:
        return self._all + self._named.get(key, [])


def _decide(group: list[StateChange], resolver: Resolver, result: Settlement) -> list[StateChange]:
    strategy = resolver.strategy
    if strategy is ConflictStrategy.CUSTOM and resolver.decide is not None:
        return _custom(group, resolver.decide, result)
    if strategy is ConflictStrategy.MERGE and all(
        change.change_type in _WHOLE and type(change.node) is Branch for change in group
    ):
        merged = EMPTY
        for change in group:
            for key, value in change.node.items():
                merged = merged.put(key, value)
        return _combine(group, _T.MERGE, merged, result)
    winner = max(group, key=lambda change: _precedence(change, resolver))
    _lose(group, [winner], result)
    return [winner]


def _custom(group: list[StateChange], decide: Decide, result: Settlement) -> list[StateChange]:
    try:
        chosen = decide(list(group))
        winners = chosen if isinstance(chosen, list) else [chosen]
        if winners and {id(winner) for winner in winners} <= {id(change) for change in group}:
            _lose(group, winners, result)
            return winners
        return _combine(group, _T.UPDATE, freeze(chosen), result)
    except Exception as error:
        result.errors.append(error)
        reason = f"its conflict resolver raised {type(error).__name__}"
        result.refused += [(change, reason) for change in group]
        return []


def _combine(group: list[StateChange], kind: StateChangeType, node: Any, result: Settlement) -> list[StateChange]:
    first = max(group, key=lambda change: _precedence(change, DEFAULT))
    one = StateChange.proposed(
        first.module,
        first.segments,
        kind,
        node,
        first.priority,
        first.timestamp.timestamp(),
        first.task,
        MappingProxyType({"combines": [change.id for change in group]}),
        number=group[-1].number,  # it is as late as the latest of those it stands for
    )
    result.combined[one.number] = group
    return [one]


def _lose(group: Iterable[StateChange], winners: list[StateChange], result: Settlement) -> None:
    names = ", ".join(dict.fromkeys(winner.module for winner in winners))
    won = {id(winner) for winner in winners}
    for change in group:
        if id(change) not in won:
            result.lost.append((change, f"{names} changed the same path at once and won"))


def _precedence(change: StateChange, resolver: Resolver) -> tuple[float, float, int]:
    if resolver.strategy is ConflictStrategy.LATEST_WINS or resolver.strategy is ConflictStrategy.MERGE:
        return 0, 0, change.number
    order = resolver.order
    rank = order.index(change.module) if change.module in order else len(order)
    return -rank, change.priority, change.number


def _stronger(above: StateChange, below: StateChange, resolver: Resolver) -> bool:
    return _precedence(above, resolver) > _precedence(below, resolver)


def _apart(group: list[StateChange]) -> bool:
    """Whether all are merges, of keys that no two of them name."""
    if any(change.change_type is not _T.MERGE for change in group):
        return False
    keys = [key for change in group for key in change.node]
    return len(keys) == len(set(keys))
