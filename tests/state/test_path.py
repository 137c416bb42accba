"""Paths and patterns: what is none is refused where it comes in, and changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async import InvalidPathError, StateCoordinator
from companion_async.security import PATH_CHARACTERS, PATH_SEGMENTS, check_state_path
from companion_async.state.path import parse_path, parse_pattern, shown

HOSTILE = [
    "",
    ".",
    "..",
    "a..b",
    ".a",
    "a.",
    "__class__",
    "a.__class__.__init__.__globals__.x",
    "a._private",
    "a b",
    "a/b",
    "a\n",
    "a.*",
    "ä",
    "a\x00",
    ".".join(["x"] * (PATH_SEGMENTS + 1)),
    ".".join(["x"] * 10_000),
    "x" * (PATH_CHARACTERS + 1),
    None,
    7,
    b"a",
    ["a"],
    ("a", "b"),
    True,
]


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: repr(path)[:30])
@pytest.mark.feature("PT-14")
def test_what_is_no_path_is_refused_and_changes_nothing(path):
    """STA-05: every door refuses it by an error that is a ValueError; the state is the same root and version."""
    state = StateCoordinator({"a": {"b": 1}})
    before = state._store.head
    transaction = state.transaction()
    for door in (
        check_state_path,
        state.get,
        lambda path: state.propose("m", path, 1),
        lambda path: state.register_conflict_resolver(path, "latest_wins"),
        transaction.get,
        lambda path: transaction.set(path, 1),
        transaction.delete,
        state.create_snapshot("s").get,
    ):
        with pytest.raises(InvalidPathError, match="is no state path"):
            door(path)
    transaction.commit()
    assert state._store.head is before


@pytest.mark.parametrize("pattern", [each for each in HOSTILE if each != "a.*"], ids=lambda path: repr(path)[:30])
@pytest.mark.feature("PT-14")
def test_what_is_no_pattern_is_refused(pattern):
    """A pattern is a path with stars; nothing else becomes one."""
    state = StateCoordinator()
    with pytest.raises(InvalidPathError):
        state.subscribe_to_path("m", pattern, print)
    with pytest.raises(InvalidPathError):
        state.watch(pattern)
    assert state.status().subscriptions == {}


@given(st.text())
def test_only_the_named_characters_make_a_path(text):
    """Whatever the text, what is let in consists of bounded segments that do not begin with an underscore."""
    try:
        segments = check_state_path(text)
    except InvalidPathError:
        return
    assert ".".join(segments) == text
    assert all(segment and not segment.startswith("_") and segment.isascii() for segment in segments)


def test_the_longest_paths_are_let_in():
    """The limits are inclusive."""
    assert len(check_state_path(".".join(["x"] * PATH_SEGMENTS))) == PATH_SEGMENTS
    assert check_state_path("x" * PATH_CHARACTERS) == ("x" * PATH_CHARACTERS,)
    assert check_state_path("1.-a.b_c-D") == ("1", "-a", "b_c-D")


def test_a_remembered_path_is_the_same_path():
    """Asking twice gives what asking once gave, and shows as it was written."""
    assert parse_path("a.b") == parse_path("a.b") == ("a", "b")
    assert shown(parse_path("a.b")) == "a.b"
    assert parse_pattern("a.*.b") == ("a", "*", "b")
    assert shown(()) == "*"
