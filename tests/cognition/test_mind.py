"""What the modules of one agent share."""

from __future__ import annotations

import pytest

from companion_async import CompanionError
from companion_async.cognition.mind import Mind, MindModule
from companion_async.memory.agent_memory import AgentMemory

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


def test_without_a_file_it_is_there_as_long_as_any_module_is_up():
    """One that stops takes nothing away from the others; with the last it is gone."""
    mind = Mind("ann")
    one, other = MindModule(mind), MindModule(mind)
    one.start()
    other.start()
    mind.memory.working.add("a song")
    one.stop()
    assert [item.content for item in mind.memory.working.get_recent()] == ["a song"]
    other.stop()
    one.start()
    assert mind.memory.working.get_recent() == []
    one.stop()


def test_what_the_last_module_leaves_is_in_the_file(tmp_path):
    """For whoever opens it next, in another program too."""
    mind = Mind("ann", file=tmp_path / "ann.db")
    module = MindModule(mind)
    module.start()
    mind.memory.working.add("a song")
    module.stop()
    again = AgentMemory(tmp_path / "ann.db")
    assert [item.content for item in again.working.get_recent()] == ["a song"]
    again.close()


@pytest.mark.parametrize("name", ["a.b", "", "_x", "a b", "x" * 41, 3])
def test_a_name_that_is_no_part_of_a_path_is_refused(name):
    """Two agents must not lie in each other's state."""
    with pytest.raises(ValueError, match=r"(?i)name|path"):
        Mind(name)
