"""Perception as a module: the senses over an agent's surroundings, attended to, remembered once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from companion_async import Brain, InvalidArgumentError
from companion_async.cognition.controller.module import Controller
from companion_async.cognition.mind import Mind
from companion_async.cognition.perception.module import Perception
from companion_async.cognition.perception.records import SensorType
from companion_async.cognition.perception.senses import SENSES, Sense
from companion_async.state.coordinator import StateCoordinator

pytestmark = pytest.mark.feature("PP-01", "PP-02", "PF-1")


class Maze:
    def __init__(self, *events):
        self.events = set(events)

    def access_tile(self, tile):
        if tile == (2, 2):
            return {"world": "town", "sector": "square", "events": self.events, "game_object": "well"}
        return {"world": "town", "sector": "square"}


BO = ("bo:person", "is", "singing", "bo is singing a song")


@pytest.fixture
def perception(virtual_clock):
    scene: dict[str, Any] = {"curr_tile": (2, 3), "maze": Maze(BO)}
    module = Perception(Mind("ann", surroundings=scene, clock=virtual_clock), bandwidth=6)
    module.brain = SimpleNamespace(state=StateCoordinator())
    module.start()
    yield module
    module.stop()


def test_all_six_senses_are_asked_and_what_counts_stands_in_the_state(perception):
    """Who is there, what goes on, what is seen, where it is and when."""
    found = perception.run()
    assert {result.sensor_type for result in found} == set(SensorType)
    perceived = perception.brain.state.get("agents.ann.perceived")
    assert (perceived["others"], perceived["events"], perceived["things"]) == (
        ["bo"],
        ["bo is singing a song"],
        ["well"],
    )
    assert perceived["place"].endswith("square")
    assert perceived["period"]


def test_what_is_new_is_remembered_once(perception):
    """Looking again adds nothing; somebody who stays is met once, and met again after having been away."""
    memory = perception.mind.memory
    perception.run()
    perception.run()
    assert [item.content for item in memory.working.get_recent()] == ["bo is singing a song", "bo is here"]
    told = [(event.participants, event.location) for event in memory.episodic.get_events()]
    assert told == [(frozenset({"bo"}), perception.brain.state.get("agents.ann.perceived.place"))] * 2
    perception.perceive({"curr_tile": (2, 3), "maze": Maze(BO, ("al:person", "is", "here", "al is here too"))})
    assert [item.content for item in memory.working.get_recent(2)] == ["al is here too", "al is here"]
    perception.mind.surroundings = {"curr_tile": (2, 3), "maze": Maze()}
    perception.run()
    assert perception.brain.state.get("agents.ann.perceived.others") == []
    perception.perceive({"curr_tile": (2, 3), "maze": Maze(BO)})
    assert [item.content for item in memory.working.get_recent()].count("bo is here") == 2


@pytest.mark.feature("PP-03", "PP-04")
def test_attention_cuts_and_the_cache_hits(perception):
    """The least worth is left out, whichever sense was asked first; the same scene is perceived once."""
    everything = perception.run()
    assert not any(result.metadata["cached"] for result in everything)
    assert all(result.metadata["cached"] for result in perception.run())
    narrow = Perception(perception.mind, bandwidth=2)
    narrow.brain = perception.brain
    attended = [result.sensor_type for result in narrow.run()]
    assert attended == [SensorType.SPATIAL, SensorType.VISUAL] == [result.sensor_type for result in everything[:2]]
    with pytest.raises(InvalidArgumentError):
        Perception(perception.mind, bandwidth=0)


@pytest.mark.feature("PP-04")
def test_a_scene_of_the_same_version_is_not_looked_at_again(perception, virtual_clock):
    """The map is asked again when the version is another, the minute is, or the state was changed by somebody; what was
    handed out is nobody else's to see changed.
    """
    looks: list[tuple[int, int]] = []

    class Counted(Maze):
        def access_tile(self, tile):
            looks.append(tile)
            return super().access_tile(tile)

    scene = {"curr_tile": (2, 3), "maze": Counted(BO), "scene_version": 1}
    perception.mind.surroundings = scene
    first = perception.run()
    looks.clear()
    second = perception.run()
    assert not looks
    assert [each.processed_data for each in second] == [each.processed_data for each in first]
    assert all(each.metadata["cached"] for each in second)
    assert not {each.task_id for each in first} & {each.task_id for each in second}
    second[0].processed_data.clear()
    assert perception.run()[0].processed_data
    scene["maze"] = Counted(("al:person", "is", "here", "al is here"))
    perception.run()
    assert perception.brain.state.get("agents.ann.perceived.others") == ["bo"]
    for change in (
        lambda: scene.update(scene_version=2),
        lambda: setattr(virtual_clock, "_now", virtual_clock._now + 60.0),
        lambda: perception.brain.state.propose("x", "agents.ann.perceived", {}),
    ):
        change()
        looks.clear()
        perception.run()
        assert looks
        assert perception.brain.state.get("agents.ann.perceived.others") == ["al"]


@pytest.mark.feature("PP-03")
def test_what_is_not_attended_to_comes_neither_into_the_state_nor_into_memory(perception):
    """A song that is heard and somebody who is there go by an agent that looks at one thing only."""
    narrow = Perception(perception.mind, bandwidth=2)
    narrow.brain = perception.brain
    narrow.run()
    perceived = perception.brain.state.get("agents.ann.perceived")
    assert perceived["things"] == ["well"]
    assert (perceived["others"], perceived["events"], perceived["period"]) == ([], [], "")
    assert perception.mind.memory.working.get_recent() == []


def test_a_sense_that_fails_costs_its_own_perception(perception, monkeypatch):
    """And no other."""

    def fail(taken):
        raise ZeroDivisionError

    broken = Sense(SensorType.VISUAL, lambda scene: 1, fail)
    monkeypatch.setattr("companion_async.cognition.perception.module.SENSES", (broken, *SENSES[1:]))
    assert SensorType.VISUAL not in {result.sensor_type for result in perception.run()}
    assert perception.brain.state.get("agents.ann.perceived.others") == ["bo"]


async def test_without_surroundings_only_the_time_is_told():
    """A companion that was given none perceives no scene, and says so by what it perceives."""
    async with Brain() as brain:
        await brain.register("perception", Perception(Mind()))
        assert [result.sensor_type for result in await brain.submit("perception")] == [SensorType.TEMPORAL]


@pytest.mark.feature("PP-18", "PP-19")
async def test_who_is_perceived_is_greeted():
    """From the senses to the decision, over the state."""
    mind = Mind("ann", surroundings=lambda: {"curr_tile": (2, 3), "maze": Maze(BO)})
    async with Brain() as brain:
        await brain.register("perception", Perception(mind))
        await brain.register("controller", Controller(mind))
        await brain.submit("perception")
        assert (await brain.submit("controller")).step == "greet bo"
