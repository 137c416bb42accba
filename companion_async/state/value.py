"""Pure: values on their way into the tree and out of it. Both ways are copies."""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import fractions
import pathlib
import types
import uuid
from collections.abc import Iterator
from typing import Any

from companion_async.errors import InvalidArgumentError
from companion_async.state.tree import Branch

DEEPEST = 100
"""Mappings and sequences inside each other."""

# A float is itself whatever it is, NaN and -0.0 included: the store asks whether a value is the same object as before,
# and never compares.
_ATOMS = frozenset(
    {
        type(None),
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        range,
        datetime.datetime,
        datetime.date,
        datetime.time,
        datetime.timedelta,
        datetime.timezone,
        decimal.Decimal,
        fractions.Fraction,
        uuid.UUID,
        pathlib.PurePosixPath,
        pathlib.PureWindowsPath,
        pathlib.PosixPath,
        pathlib.WindowsPath,
        type,
        types.FunctionType,
        types.BuiltinFunctionType,
    }
)


class Reference:
    """A value that could not be copied: the tree holds the very object, and whoever reads gets it too."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def freeze(value: Any) -> Any:
    """A copy that the tree may hold: a dict with text keys becomes a branch, all else a value of its own.

    `InvalidArgumentError` if it contains itself or nests deeper than `DEEPEST`.
    """
    return _freeze(value, 0)


def thaw(node: Any) -> Any:
    """A copy that its receiver may change: branches become dicts again."""
    kind = type(node)
    if kind in _ATOMS:
        return node
    # Atoms are what there is most of: a call for each would be most of the work.
    if kind is Branch:
        return {key: child if type(child) in _ATOMS else thaw(child) for key, child in node.items()}
    if kind is Reference:
        return node.value
    if kind is list or kind is set or kind is frozenset or kind is tuple:
        return kind([child if type(child) in _ATOMS else thaw(child) for child in node])
    if kind is dict:
        return {thaw(key): child if type(child) in _ATOMS else thaw(child) for key, child in node.items()}
    return copy.deepcopy(node)


def references(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where below ``node`` something is held by reference. It looks at everything."""
    kind = type(node)
    if kind is Reference:
        yield path
    elif kind is Branch:
        for key, child in node.items():
            yield from references(child, (*path, key))
    elif kind in (list, tuple, set, frozenset, dict):
        parts = node.items() if kind is dict else node
        if any(True for part in parts for _ in references(part)):
            yield path


def _freeze(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind in _ATOMS or isinstance(value, enum.Enum):
        return value
    if depth > DEEPEST:
        raise InvalidArgumentError(
            f"The value nests deeper than {DEEPEST} levels, or contains itself. Store its parts under their own paths."
        )
    if kind is dict:
        entries = list(value.items())
        if all(type(key) is str for key, _ in entries):
            return Branch.of({key: _freeze(child, depth + 1) for key, child in entries})
        return {_freeze(key, depth + 1): _freeze(child, depth + 1) for key, child in entries}
    if kind is list or kind is set or kind is frozenset or kind is tuple:
        return kind([_freeze(child, depth + 1) for child in list(value)])
    try:
        return copy.deepcopy(value)
    except Exception:
        return Reference(value)
