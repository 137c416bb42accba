"""What there is around an agent."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace

import pytest

from companion_async.cognition.perception.scene import look_around

NOW = datetime(2026, 3, 1, 12, 30)


class Grid:
    """A map of 10 by 10; ``tiles`` by their place."""

    def __init__(self, **tiles):
        self.tiles = {tuple(int(part) for part in place[1:].split("_")): tile for place, tile in tiles.items()}

    def access_tile(self, place):
        x, y = place
        assert x >= 0, "Python would look at the other end of the map"
        assert y >= 0
        if x > 9 or y > 9:
            raise IndexError(place)
        return {"world": "w", "sector": "w:home", "arena": "", "game_object": "", "events": set()} | self.tiles.get(
            place, {}
        )


def scene(position=(5, 5), radius=2, **parts):
    maze = parts.pop("maze", Grid())
    return look_around(SimpleNamespace(name="ada", curr_tile=position, maze=maze, **parts), radius, NOW)


@pytest.mark.feature("PP-01")
def test_the_nearest_places_come_first_and_the_map_has_an_edge():
    """A square around the agent without its own tile; beyond the edge there is nothing."""
    middle = scene()
    assert len(middle.places) == 5 * 5 - 1
    assert [place.distance for place in middle.places] == sorted(place.distance for place in middle.places)
    assert middle.area == "w:home"
    assert len(scene(position=(0, 0)).places) == len(scene(position=(9, 9)).places) == 3 * 3 - 1


@pytest.mark.feature("PP-01", "PP-02")
def test_an_agent_hears_farther_than_it_sees():
    """What happens within the square is seen; within twice that it is heard; beyond it is neither."""
    maze = Grid(
        _6_5={"events": {("bob:person", "is", "reading", "bob is reading")}},
        _9_5={"events": {("cara:person", "is", "singing", "cara is singing")}},
        _5_0={"events": {("dan:person", "is", "far", "dan is far")}},
    )
    found = scene(maze=maze)
    assert [each.text for each in found.happenings] == ["bob is reading"]
    assert [each.text for each in found.heard] == ["bob is reading", "cara is singing"]
    assert found.others == ("bob",)


def test_names_are_those_of_persons_and_things_not_of_their_kinds():
    """``ada:person`` is ada and not a person; an address ends with its thing; oneself is not another."""
    maze = Grid(
        _5_6={"game_object": "w:home:kitchen:stove", "events": [("w:home:radio", "plays", None, None), "a bang"]},
        _5_4={"events": [("ada", "is", "here", "ada is here"), {"subject": "eve", "description": "eve waits"}]},
    )
    found = scene(maze=maze, other_agents={"fay:person", "ada"})
    assert [place.thing for place in found.places if place.thing] == ["stove"]
    assert {(each.subject, each.person, each.text) for each in found.happenings} == {
        ("radio", False, "radio plays"),
        ("", False, "a bang"),
        ("eve", True, "eve eve waits"),
    }
    assert found.others == ("eve", "fay")


@pytest.mark.parametrize("state", [{}, None, SimpleNamespace(curr_tile="nowhere"), {"curr_tile": (1, 2)}, 7])
def test_a_state_without_a_place_on_a_map_is_a_scene_of_nothing(state):
    """Whatever is not there is not perceived; the time is always there."""
    found = look_around(state, 3, NOW)
    assert (found.places, found.heard, found.others, found.now) == ((), (), (), NOW)


def test_the_agent_s_own_time_and_plans_count():
    """A simulated day, and what was planned for it; dicts do as well as objects."""
    then = datetime(2020, 1, 1, 8)
    found = look_around({"curr_time": then, "daily_plan": ["eat", "work"], "conversations": {"bob": "hi"}}, 3, NOW)
    assert (found.now, found.plans, found.interactions) == (then, ("eat", "work"), ("bob: hi",))


def test_equal_scenes_are_equal():
    """Sets have no order of their own: what is read twice is the same both times."""
    events = [("bob", "is", "reading", f"event {n}") for n in range(20)]
    one, other = set(events), set()
    for event in reversed(events):
        other.add(event)
    assert scene(maze=Grid(_6_5={"events": one})) == scene(maze=Grid(_6_5={"events": other}))
