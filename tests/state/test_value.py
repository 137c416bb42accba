"""Values: copied on their way in and out, kept by reference only where nothing else is possible."""

from __future__ import annotations

import collections
import math
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async import InvalidArgumentError, StateCoordinator
from companion_async.state.tree import Branch
from companion_async.state.value import DEEPEST, freeze, references, thaw

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.binary()
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=4)
        | st.dictionaries(st.integers(), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=20,
)


@given(_VALUES)
@pytest.mark.feature("PT-14")
def test_what_comes_out_equals_what_went_in(value):
    """Any nest of plain values survives the way in and out, types and order included."""
    out = thaw(freeze(value))
    assert out == value
    assert repr(out) == repr(value)


@pytest.mark.feature("PT-09")
def test_nobody_changes_the_state_behind_its_back():
    """STA-07: what was handed in may change, and what was handed out too; the state keeps what was said."""
    given_in: dict[str, Any] = {"list": [1, {"deep": [2]}], "set": {3}, "mapping": {"x": [4]}}
    state = StateCoordinator({"start": given_in})
    state.propose("m", "later", given_in)
    given_in["list"][1]["deep"].append("changed")
    given_in["mapping"]["x"].append("changed")
    for path in ("start", "later"):
        handed_out = state.get(path)
        assert handed_out == {"list": [1, {"deep": [2]}], "set": {3}, "mapping": {"x": [4]}}
        handed_out["list"][1]["deep"].append("changed")
        handed_out["set"].add("changed")
        handed_out["mapping"]["x"].append("changed")
        assert state.get(path) == {"list": [1, {"deep": [2]}], "set": {3}, "mapping": {"x": [4]}}


def test_types_of_ones_own_are_copied_whole():
    """A Counter stays a Counter, and each reader has one of its own."""
    counter = collections.Counter("aab")
    state = StateCoordinator({"counter": counter})
    counter["z"] = 9
    assert state.get("counter") == collections.Counter("aab")
    assert isinstance(state.get("counter"), collections.Counter)
    assert state.get("counter") is not state.get("counter")


@pytest.mark.feature("PT-09")
def test_what_cannot_be_copied_is_kept_by_reference_and_said_to_be():
    """A lock in the state is the very lock for everybody, also inside a list, and its path is named."""
    lock, inner = threading.Lock(), threading.Lock()

    class AgentState:
        def __init__(self):
            self.lock = lock
            self.plan = ["eat"]
            self._hidden = threading.Lock()

    state = StateCoordinator(AgentState())
    state.propose("m", "tools.list", [1, inner])
    assert state.get("lock") is lock
    assert state.get("tools.list")[1] is inner
    assert state.references == ("lock", "tools.list")
    assert state.to_dict().keys() == {"lock", "plan", "tools"}
    state.create_snapshot("s")
    state.propose("m", "plan", ["sleep"])
    state.restore("s")
    assert (state.get("plan"), state.get("lock")) == (["eat"], lock)


def test_keys_that_are_no_text_make_a_value_and_no_branch():
    """They cannot be named by a path; the mapping is one value, and its parts are copies all the same."""
    state = StateCoordinator({"table": {1: [1], "b": [2]}})
    assert state.get("table") == {1: [1], "b": [2]}
    assert state.get("table.b") is None
    state.get("table")[1].append("changed")
    assert state.get("table") == {1: [1], "b": [2]}
    assert list(references(freeze({1: threading.Lock()}), ("here",))) == [("here",)]


def test_numbers_are_kept_as_they_are():
    """STA-11: NaN, minus zero and huge integers come back as themselves; the store never compares values."""
    state = StateCoordinator()
    huge = 10**5000
    for name, value in {"nan": math.nan, "zero": -0.0, "huge": huge}.items():
        state.propose("m", name, value)
    assert math.isnan(state.get("nan"))
    assert math.copysign(1, state.get("zero")) == -1
    assert state.get("huge") == huge
    reader = state.transaction()
    reader.get("nan")
    reader.set("seen", True)
    state.propose("m", "elsewhere", 1)
    reader.commit()
    assert state.get("seen") is True


@pytest.mark.feature("PT-14")
def test_a_value_that_contains_itself_is_refused():
    """It is refused at the door and the state stays as it was."""
    endless: list[Any] = []
    endless.append(endless)
    deep: dict[str, Any] = {}
    for _ in range(DEEPEST + 1):
        deep = {"d": deep}
    state = StateCoordinator({"a": 1})
    for value in (endless, deep):
        with pytest.raises(InvalidArgumentError, match="nests deeper"):
            state.propose("m", "b", value)
    assert (state.to_dict(), state.version) == ({"a": 1}, 0)


def test_a_state_begins_with_attributes_or_keys():
    """Anything else is refused with what would be right."""
    with pytest.raises(InvalidArgumentError, match="begins with a dict or with an object"):
        StateCoordinator(7)
    assert isinstance(freeze({}), Branch)
