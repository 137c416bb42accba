"""Skills by their words, outcomes by what was expected, practice by doing."""

from __future__ import annotations

import pytest

from companion_async.cognition.advanced_reasoning.planning import Action
from companion_async.cognition.execution.outcome import expected, judged, skill_of
from companion_async.cognition.execution.practice import LEVELS, Practice, practised

pytestmark = pytest.mark.feature("PP-18")


def test_the_longest_skill_that_the_step_begins_with_is_used():
    """By whole words."""
    skills = {"walk", "walk to", "wal"}
    assert skill_of("walk to the well", skills) == ("walk to", "the well")
    assert skill_of("walk", skills) == ("walk", "")
    assert skill_of("walking", skills) == ("", "walking")


def test_what_is_missing_is_told():
    """What was expected and is not so; what else is so is welcome."""
    hoped = expected("open", [Action("open", adds=frozenset({"open", "light"})), Action("shut", adds=frozenset({"x"}))])
    assert hoped == ("light", "open")
    assert judged(["open"], hoped) == (False, ("open",), "not so: light")
    assert judged({"open", "light", "cold"}, hoped) == (True, ("cold", "light", "open"), "")
    assert judged(None, hoped) == judged(True, hoped) == (True, hoped, "")
    assert judged(False, hoped) == (False, (), "it could not be done")


def test_practice_raises_the_level():
    """Ten times for the first; failing teaches less."""
    practice = Practice()
    for _ in range(10):
        assert practice.level == 0
        practice = practised(practice, True)
    assert (practice.level, practice.done) == (1, 10)
    assert practised(Practice(), False) == Practice(4.0, 0, 1)
    assert Practice(LEVELS[-1]).level == 5
