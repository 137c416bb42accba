"""What the modules of one agent share."""

from __future__ import annotations

import pytest

from companion_async import CompanionError
from companion_async.cognition.mind import Mind, MindModule

pytestmark = pytest.mark.feature("PF-2")


def test_the_memory_is_there_while_one_of_its_modules_is_up(tmp_path):
    """The last that stops keeps it for the next run."""
    mind = Mind("ann", file=tmp_path / "ann.db")
    with pytest.raises(CompanionError, match="'ann'"):
        _ = mind.memory
    one, other = MindModule(mind), MindModule(mind)
    one.start()
    other.start()
    mind.memory.working.add("a song", importance=0.9)
    one.stop()
    assert mind.memory.working.get_recent()[0].content == "a song"
    other.stop()
    one.start()
    assert mind.memory.working.get_recent()[0].content == "a song"
    one.stop()


@pytest.mark.parametrize("name", ["a.b", "", "_x", "a b", "x" * 41, 3])
def test_a_name_that_is_no_part_of_a_path_is_refused(name):
    """Two agents must not lie in each other's state."""
    with pytest.raises(ValueError, match=r"(?i)name|path"):
        Mind(name)
