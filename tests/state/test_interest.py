"""Interests: whom a commit concerns, told by a trie and checked against looking at everybody."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion_async.state.interest import Interests
from companion_async.state.path import ANY
from companion_async.state.tree import EMPTY, MISSING, Branch, assign, lookup, remove
from companion_async.state.value import freeze

_NAMES = st.sampled_from("abc")
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map(tuple)
_PATTERNS = st.lists(st.sampled_from(["a", "b", "c", ANY]), min_size=1, max_size=3).map(tuple)
_LEAVES = st.integers(0, 1)
_TREES = st.recursive(_LEAVES, lambda inner: st.dictionaries(_NAMES, inner, max_size=3), max_leaves=8)


def fits(pattern, path):
    return all(p in (ANY, s) for p, s in zip(pattern, path, strict=False))


def every_path(node, path=()):
    if path:
        yield path
    if type(node) is Branch:
        for key, child in node.items():
            yield from every_path(child, (*path, key))


def concerned(pattern, path, old, new):
    """What `Interests.touched` promises, by looking at every path that there is before or after."""
    if not fits(pattern, path):
        return False
    if len(pattern) <= len(path):
        return True
    return any(
        len(place) == len(pattern)
        and place[: len(path)] == path
        and fits(pattern, place)
        and all(lookup(old, place[:n]) is not lookup(new, place[:n]) for n in range(len(path) + 1, len(place) + 1))
        for place in {*every_path(old), *every_path(new)}
    )


@given(
    st.lists(_PATTERNS, max_size=12, unique=True),
    st.dictionaries(_NAMES, _TREES, max_size=3),
    _PATHS,
    st.none() | _TREES,
)
@settings(max_examples=300)
@pytest.mark.feature("PT-01")
def test_the_trie_finds_whom_a_look_at_everybody_finds(patterns, tree, path, value):
    """For any patterns, trees and change, exactly those are touched that a look at every pattern and path finds."""
    interests: Interests[int] = Interests()
    for number, pattern in enumerate(patterns):
        interests.add(pattern, number)
    old = freeze(tree)
    try:
        new = remove(old, path) if value is None else assign(old, path, freeze(value))
    except Exception:
        return  # a value that is no mapping stands on the way
    found = list(interests.touched(path, old, new))
    assert len(found) == len(set(found))
    assert set(found) == {n for n, pattern in enumerate(patterns) if concerned(pattern, path, old, new)}


@given(st.lists(_PATTERNS, max_size=12, unique=True))
@pytest.mark.feature("PT-01")
def test_what_is_forgotten_leaves_no_trace(patterns):
    """After all have been removed the trie is as it was made."""
    interests: Interests[int] = Interests()
    for number, pattern in enumerate(patterns):
        interests.add(pattern, number)
    assert len(interests) == len(patterns)
    for number, pattern in enumerate(patterns):
        interests.remove(pattern, number)
        assert number not in set(interests.touched(("a",), EMPTY, assign(EMPTY, ("a",), 1)))
    assert len(interests) == 0
    assert interests._top.children == {}


def test_what_it_costs_depends_on_who_is_touched():
    """A change among 10,000 subscribers to other paths looks at none of them."""
    interests: Interests[int] = Interests()
    for number in range(10_000):
        interests.add(("other", f"k{number}"), number)
    interests.add(("mine", "x"), -1)
    looked = []

    class Spy(dict[str, Any]):
        def get(self, key, default=None):
            looked.append(key)
            return super().get(key, default)

    for node in (interests._top, *interests._top.children.values()):
        node.children = Spy(node.children)
    old, new = EMPTY, assign(EMPTY, ("mine", "x"), 1)
    assert list(interests.touched(("mine", "x"), old, new)) == [-1]
    assert len(looked) <= 4


def test_a_merge_does_not_concern_those_who_look_at_other_keys():
    """Of a change above, only they are touched under whom something is now another."""
    interests: Interests[str] = Interests()
    for pattern in (("a", "x"), ("a", "y"), ("a", ANY), ("a", ANY, "deep"), ("b",)):
        interests.add(pattern, ".".join(pattern))
    old = freeze({"a": {"x": {"deep": 1}, "y": {"deep": 1}}})
    new = assign(old, ("a", "x"), freeze({"deep": 2}))
    assert set(interests.touched(("a",), old, new)) == {"a.x", "a.*", "a.*.deep"}
    assert lookup(new, ("b",)) is MISSING
