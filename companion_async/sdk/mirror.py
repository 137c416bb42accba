"""Pure: an agent's state object as a tree of values, and back: what is committed is written into the very object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from companion_async.state.change import StateChange
from companion_async.state.tree import MISSING

_MOST_OPENED = 10_000
_PLAIN = (str, bytes, int, float, complex, bool, type(None))


class Mirror:
    """Reads ``target`` once, writes to it from then on. ``target`` is a dict, an object, or anything else, of which
    nothing is read or written.

    What stands at a path is a key of a dict or an attribute of an object. An object that holds nothing but plain values
    and other such objects is opened: a path may lead into it, and it remains the object it is when parts of it change.
    Dicts stay what they are too. Every other object (a memory, a map of the world) is one value.
    """

    def __init__(self, target: Any) -> None:
        self.target = target

    def tree(self) -> dict[str, Any]:
        """What the state begins with."""
        opener = _Opener()
        return {name: opener.plain(value, (id(self.target),)) for name, value in _members(self.target).items()}

    def write(self, change: StateChange) -> None:
        """Make the object as the change says; raises what the object raises."""
        if _is_mapping(self.target) or hasattr(self.target, "__dict__") or _slots(self.target):
            old: Any = change.old_value
            new: Any = change.new_value
            if not change.segments:
                _renew(self.target, old, new)
                return
            *above, last = change.segments
            place = self.target
            for segment in above:
                place = _descend(place, segment)
            if change.removed:
                _remove(place, last)
            else:
                _put(place, last, old, new)


class _Opener:
    """Makes dicts of plain objects, up to a number of members in all."""

    def __init__(self) -> None:
        self._left = _MOST_OPENED

    def plain(self, value: Any, above: tuple[int, ...]) -> Any:
        opened = self._open(value, above)
        return value if opened is MISSING else opened

    def _open(self, value: Any, above: tuple[int, ...]) -> Any:
        """``value`` with its plain objects opened; `MISSING` if it has something in it that is none."""
        self._left -= 1
        if isinstance(value, _PLAIN):
            return value
        if self._left < 0 or id(value) in above or isinstance(value, type):
            return MISSING
        if isinstance(value, (list, tuple, set, frozenset)):
            # A path cannot lead into these: they stay as they are.
            inside = (*above, id(value))
            return MISSING if any(self._open(member, inside) is MISSING for member in list(value)) else value
        if type(value) is dict:
            if any(type(key) is not str for key in value):
                return MISSING
            return {key: self.plain(member, (*above, id(value))) for key, member in list(value.items())}
        members = _members(value)
        if not members or _is_mapping(value):
            return MISSING
        opened = {name: self._open(member, (*above, id(value))) for name, member in members.items()}
        return MISSING if any(member is MISSING for member in opened.values()) else opened


def _members(value: Any) -> dict[str, Any]:
    """Keys of a dict, public attributes of an object's own; nothing of anything else."""
    if _is_mapping(value):
        return {key: member for key, member in list(value.items()) if type(key) is str and not key.startswith("_")}
    found = dict(getattr(value, "__dict__", {})) if not callable(value) else {}
    for name in _slots(value):
        member = getattr(value, name, MISSING)
        if member is not MISSING:
            found[name] = member
    return {name: member for name, member in found.items() if not name.startswith("_")}


def _slots(value: Any) -> list[str]:
    return [
        name
        for cls in type(value).__mro__
        for name in _names(cls.__dict__.get("__slots__", ()))
        if not name.startswith("_")
    ]


def _names(slots: Any) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _descend(place: Any, segment: str) -> Any:
    child = _at(place, segment)
    if child is MISSING or (not _is_mapping(child) and isinstance(child, _PLAIN)):
        child = {}
        _set(place, segment, child)
    return child


def _at(place: Any, segment: str) -> Any:
    return place.get(segment, MISSING) if _is_mapping(place) else getattr(place, segment, MISSING)


def _put(place: Any, segment: str, old: Any, new: Any) -> None:
    child = _at(place, segment)
    if type(new) is dict and type(old) is dict and child is not MISSING and not isinstance(child, _PLAIN):
        _renew(child, old, new)
    else:
        _set(place, segment, new)


def _renew(place: Any, old: dict[str, Any], new: dict[str, Any]) -> None:
    for key in old.keys() - new.keys():
        _remove(place, key)
    for key, value in new.items():
        if key not in old or not _same(old[key], value):
            _put(place, key, old.get(key, MISSING), value)


def _same(one: Any, other: Any) -> bool:
    try:
        return one is other or (type(one) is type(other) and bool(one == other))
    except Exception:  # an array, say, that does not compare as one
        return False


def _set(place: Any, segment: str, value: Any) -> None:
    if _is_mapping(place):
        place[segment] = value
    else:
        _refuse_method(place, segment)
        setattr(place, segment, value)


def _remove(place: Any, segment: str) -> None:
    if _is_mapping(place):
        place.pop(segment, None)
    elif hasattr(place, segment):
        delattr(place, segment)


def _refuse_method(place: Any, segment: str) -> None:
    own: Callable[..., Any] | None = getattr(type(place), segment, None)
    if callable(own):
        raise TypeError(f"{type(place).__name__}.{segment} is a method, whose place no value may take")
