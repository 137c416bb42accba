"""Pure: what a change makes of a tree."""

from __future__ import annotations

from typing import Any

from companion_async.state.change import StateChange, StateChangeType
from companion_async.state.path import shown
from companion_async.state.tree import EMPTY, MISSING, BlockedPathError, Branch, assign, lookup, remove

_T = StateChangeType


class RefusedChangeError(Exception):
    """The change is impossible in this tree; the message says why."""


def effect(root: Branch, beginning: Branch, change: StateChange) -> tuple[Branch, Any, Any]:
    """The tree after ``change``, and what stood and stands at its path; `RefusedChangeError` if it is impossible.

    ``beginning`` is the tree that a reset goes back to.
    """
    segments, kind = change.segments, change.change_type
    old = lookup(root, segments)
    new = change.node
    if kind is _T.CREATE and old is not MISSING:
        raise RefusedChangeError("something is there already")
    if kind is _T.DELETE:
        if old is MISSING:
            raise RefusedChangeError("nothing is there")
        new = MISSING
    elif kind is _T.RESET:
        new = lookup(beginning, segments)
    elif kind is _T.MERGE:
        new = _merged(old, new)
    if new is MISSING:
        return remove(root, segments), old, new
    try:
        return assign(root, segments, new), old, new
    except BlockedPathError as blocked:
        raise RefusedChangeError(f"{shown(blocked.segments)} holds a value that is no mapping") from None


def _merged(old: Any, new: Branch) -> Branch:
    merged = EMPTY if old is MISSING else old
    if type(merged) is not Branch:
        raise RefusedChangeError("what is there is no mapping")
    for key, value in new.items():
        merged = merged.put(key, value)
    return merged
