"""An agent's state object and the tree of the state, one as the other."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from companion_async.sdk.mirror import Mirror
from companion_async.state.coordinator import StateCoordinator


class Mood:
    def __init__(self):
        self.happiness = 0.5
        self.reasons = [{"because": "sun"}]

    def sigh(self):
        return "..."


class Slotted:
    __slots__ = ("_secret", "level", "unset")

    def __init__(self):
        self.level, self._secret = 1, 2


class Locked:
    def __init__(self):
        self.items, self.lock = [1], threading.Lock()


def changed(target, *proposals):
    """What ``target`` is after the proposals, each ``(path, value)`` or ``(path, value, type)``."""
    mirror = Mirror(target)
    state = StateCoordinator(mirror.tree())

    def write(changes):
        for change in changes:
            mirror.write(change)

    state.subscribe_to_path("mirror", "*", write)
    for proposal in proposals:
        change = state.propose("m", *proposal)
        assert change.applied, change.reason
    return target


@pytest.mark.feature("PT-02")
def test_what_a_path_names_is_an_attribute_or_a_key_and_the_objects_stay_the_same():
    """A change deep inside reaches the very object or dict that others may hold."""
    mood, notes = Mood(), {"today": {"n": 1}}
    agent = SimpleNamespace(mood=mood, notes=notes, name="ada")
    changed(agent, ("mood.happiness", 0.8), ("notes.today.n", 2), ("name", "bob"), ("goals.first", "eat"))
    assert (agent.mood, agent.notes) == (mood, notes)
    assert agent.mood is mood
    assert agent.notes is notes
    assert (mood.happiness, notes, agent.name, agent.goals) == (0.8, {"today": {"n": 2}}, "bob", {"first": "eat"})


@pytest.mark.feature("PT-02")
@pytest.mark.parametrize("make", [lambda: {"a": {"x": 1}, "b": 1}, lambda: SimpleNamespace(a={"x": 1}, b=1)])
def test_every_kind_of_change_reaches_the_object(make):
    """Creations, deletions, merges and resets do, for dicts and objects."""
    target = make()
    look = target.get if isinstance(target, dict) else lambda name: getattr(target, name, None)
    changed(target, ("c", [1], "create"), ("b", None, "delete"), ("a", {"y": 2}, "merge"))
    assert (look("a"), look("c")) == ({"x": 1, "y": 2}, [1])
    assert "b" not in (target if isinstance(target, dict) else vars(target))
    changed(target, ("a", {"z": 3}))
    assert look("a") == {"z": 3}
    changed(target, ("a.z", 4), ("a.w", 5), ("a", None, "reset"))
    assert look("a") == {"z": 3}


@pytest.mark.feature("PT-09")
def test_an_object_that_is_given_whole_remains_the_object_it_was():
    """A dict for an opened object sets its attributes, and what the dict lacks is gone."""
    mood = Mood()
    agent = changed(SimpleNamespace(mood=mood), ("mood", {"happiness": 1.0}))
    assert agent.mood is mood
    assert vars(mood) == {"happiness": 1.0}


@pytest.mark.feature("PT-09")
def test_only_what_is_plain_is_opened():
    """Memories, maps, classes and what contains itself are one value; private names are not read."""
    ring = SimpleNamespace(x=1)
    ring.ring = ring
    agent = SimpleNamespace(mood=Mood(), locked=Locked(), ring=ring, kind=Mood, _hidden=1, slots=Slotted(), tags={1, 2})
    tree = Mirror(agent).tree()
    assert tree["mood"] == {"happiness": 0.5, "reasons": [{"because": "sun"}]}
    assert tree["slots"] == {"level": 1}
    assert {name: tree[name] for name in ("locked", "ring", "kind", "tags")} == {
        "locked": agent.locked,
        "ring": ring,
        "kind": Mood,
        "tags": {1, 2},
    }
    assert "_hidden" not in tree


def test_a_state_with_slots_is_read_and_written():
    """Attributes need no dict of their own."""
    assert changed(Slotted(), ("level", 7)).level == 7


@pytest.mark.parametrize("target", [None, 5, "text", object()])
def test_what_has_no_parts_is_left_alone(target):
    """A state that is no dict and has no attributes begins empty, and nothing is written to it."""
    assert Mirror(target).tree() == {}
    changed(target, ("a.b", 1))


def test_a_large_state_is_opened_up_to_a_bound():
    """Beyond it objects are one value each, so that making a coordinator takes a bounded time."""
    tree = Mirror(SimpleNamespace(moods={str(n): Mood() for n in range(5000)})).tree()
    opened = sum(isinstance(mood, dict) for mood in tree["moods"].values())
    assert 0 < opened < 5000


def test_the_place_of_a_method_is_not_taken():
    """A value must not hide what the object does."""
    agent = SimpleNamespace(mood=Mood())
    with pytest.raises(TypeError, match="method"):
        Mirror(agent.mood).write(StateCoordinator({}).propose("m", "sigh", 1))
    assert agent.mood.sigh() == "..."
