"""The seven states and the table of their moves."""

from __future__ import annotations

import pickle
from itertools import product

import pytest

from companion_async.modules.state import MOVES, IllegalMoveError, ModuleState, can_move, checked_move

LEGAL = {
    "waiting": {"initializing", "stopping"},
    "initializing": {"running", "paused", "error", "stopping"},
    "running": {"paused", "initializing", "error", "stopping"},
    "paused": {"running", "initializing", "error", "stopping"},
    "error": {"initializing", "stopping"},
    "stopping": {"stopped"},
    "stopped": {"initializing", "waiting"},
}


@pytest.mark.feature("CB-04")
def test_there_are_the_seven_documented_states():
    """The states are the seven of the documents, with their lower-case values."""
    assert {state.value for state in ModuleState} == set(LEGAL)
    assert f"{ModuleState.RUNNING}" == "running"


@pytest.mark.feature("CB-04")
@pytest.mark.parametrize(("old", "new"), list(product(ModuleState, ModuleState)))
def test_a_move_is_legal_exactly_if_the_table_has_it(old, new):
    """Of all 49 pairs those in the table are allowed, and every other raises and names what would be legal."""
    if new.value in LEGAL[old.value]:
        assert can_move(old, new)
        assert checked_move("m", old, new) is new
    else:
        assert not can_move(old, new)
        with pytest.raises(IllegalMoveError) as caught:
            checked_move("m", old, new)
        assert str(caught.value).startswith(f"Module 'm' cannot go from {old} to {new}.")
        assert all(state in str(caught.value) for state in LEGAL[old.value])


@pytest.mark.feature("CB-04")
def test_stopped_is_reached_from_everywhere_and_left_again():
    """From any state a module can be brought to a stop, and from a stop to running: none is a trap."""
    for goal in (ModuleState.STOPPED, ModuleState.RUNNING):
        for state in ModuleState:
            reached, frontier = {state}, {state}
            while frontier:
                frontier = {new for old in frontier for new in MOVES[old]} - reached
                reached |= frontier
            assert goal in reached


def test_the_error_survives_pickling():
    """An illegal move can be sent to another process with its text made once."""
    error = IllegalMoveError("m", "stopped", "running")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.module, again.old, again.new) == (str(error), "m", "stopped", "running")
