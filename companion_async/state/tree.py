"""Pure: an immutable tree of mappings; a change makes a new root and shares the rest.

A mapping of up to `LEAF` keys is one dict and keeps their order. A wider one is a hash trie over such dicts, and its
keys come sorted: the order in the trie would follow the process's hash seed. So a change copies a few small dicts and
lists along its path, and costs O(log n) of the widest mapping on it. Nothing that is reachable from a root is ever
changed, which is why readers need no lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

LEAF = 32
_FAN = 32
_BITS = 5
_DEEPEST = 60  # bits; keys that agree in all of these share a dict of whatever size

_Trie: TypeAlias = "dict[str, Any] | list[_Trie]"


class _Missing:
    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What stands where nothing is."""


class BlockedPathError(Exception):
    """A value that is no mapping stands at ``segments``, above the place that was to be changed."""

    def __init__(self, segments: tuple[str, ...]) -> None:
        self.segments = segments
        super().__init__(segments)


class Branch:
    """An immutable mapping of names to branches and values."""

    __slots__ = ("_trie",)

    def __init__(self, trie: _Trie) -> None:
        self._trie = trie

    @classmethod
    def of(cls, entries: Mapping[str, Any]) -> Branch:
        """Of these entries; they are copied."""
        return cls(_build(dict(entries), 0))

    def get(self, key: str) -> Any:
        """What stands there, or `MISSING`."""
        trie = self._trie
        if type(trie) is list:
            place = hash(key)
            while type(trie) is list:
                trie = trie[place & (_FAN - 1)]
                place >>= _BITS
        return trie.get(key, MISSING)  # type: ignore[union-attr]

    def put(self, key: str, value: Any) -> Branch:
        """The same with ``value`` at ``key``."""
        return Branch(_put(self._trie, key, value, hash(key), 0))

    def drop(self, key: str) -> Branch:
        """The same without ``key``; itself if there is no such key."""
        return self if self.get(key) is MISSING else Branch(_drop(self._trie, key, hash(key)))

    def items(self) -> Iterable[tuple[str, Any]]:
        """All entries, in the order of the module's promise."""
        return self._trie.items() if type(self._trie) is dict else sorted(_walk(self._trie))

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.items())

    def __len__(self) -> int:
        return sum(len(part) for part in _leaves(self._trie))


EMPTY = Branch({})


def lookup(node: Any, segments: tuple[str, ...]) -> Any:
    """The branch or value at ``segments`` below ``node``, or `MISSING`."""
    for segment in segments:
        if type(node) is not Branch:
            return MISSING
        trie = node._trie  # most are one dict, and this is done for every read
        node = trie.get(segment, MISSING) if type(trie) is dict else node.get(segment)
    return node


def assign(root: Branch, segments: tuple[str, ...], node: Any) -> Branch:
    """``root`` with ``node`` at ``segments``; mappings that are missing on the way are made.

    `BlockedPathError` if a value that is no mapping stands on the way.
    """
    return _assign(root, segments, 0, node)


def remove(root: Branch, segments: tuple[str, ...]) -> Branch:
    """``root`` without what stands at ``segments``; itself if nothing does."""
    return root if lookup(root, segments) is MISSING else _remove(root, segments, 0)


def _assign(branch: Branch, segments: tuple[str, ...], depth: int, node: Any) -> Branch:
    segment = segments[depth]
    if depth + 1 == len(segments):
        return branch.put(segment, node)
    child = branch.get(segment)
    if child is MISSING:
        child = EMPTY
    elif type(child) is not Branch:
        raise BlockedPathError(segments[: depth + 1])
    return branch.put(segment, _assign(child, segments, depth + 1, node))


def _remove(branch: Branch, segments: tuple[str, ...], depth: int) -> Branch:
    segment = segments[depth]
    if depth + 1 == len(segments):
        return branch.drop(segment)
    return branch.put(segment, _remove(branch.get(segment), segments, depth + 1))


def _put(trie: _Trie, key: str, value: Any, place: int, shift: int) -> _Trie:
    if type(trie) is dict:
        leaf = trie.copy()
        leaf[key] = value
        return leaf if len(leaf) <= LEAF else _build(leaf, shift)
    kids: list[_Trie] = trie.copy()  # type: ignore[assignment]
    slot = place & (_FAN - 1)
    kids[slot] = _put(kids[slot], key, value, place >> _BITS, shift + _BITS)
    return kids


def _drop(trie: _Trie, key: str, place: int) -> _Trie:
    if type(trie) is dict:
        leaf = trie.copy()
        del leaf[key]
        return leaf
    kids: list[_Trie] = trie.copy()  # type: ignore[assignment]
    slot = place & (_FAN - 1)
    kids[slot] = kid = _drop(kids[slot], key, place >> _BITS)
    # Once everything below is gone the lists go too, or a state that grew and shrank would keep them.
    return kids if kid or any(kids) else {}


def _build(entries: dict[str, Any], shift: int) -> _Trie:
    if len(entries) <= LEAF or shift > _DEEPEST:
        return entries
    kids: list[dict[str, Any]] = [{} for _ in range(_FAN)]
    for key, value in entries.items():
        kids[hash(key) >> shift & (_FAN - 1)][key] = value
    return [_build(kid, shift + _BITS) for kid in kids]


def _leaves(trie: _Trie) -> Iterator[dict[str, Any]]:
    if type(trie) is dict:
        yield trie
    else:
        for kid in trie:
            yield from _leaves(kid)  # type: ignore[arg-type]


def _walk(trie: _Trie) -> Iterator[tuple[str, Any]]:
    for leaf in _leaves(trie):
        yield from leaf.items()
