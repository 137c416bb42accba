"""The six senses, and what is attended to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.perception.attention import WEIGHTS, attend, attention
from companion_async.cognition.perception.recall import Recall
from companion_async.cognition.perception.records import PerceptionResult, SensorType
from companion_async.cognition.perception.scene import Happening, Place, Scene
from companion_async.cognition.perception.senses import SENSES, Perceived, direction, kind_of, perceive

NOW = datetime(2026, 3, 1, 12, 30, 45)
BY_TYPE = {sense.type: sense for sense in SENSES}


def scene(**parts):
    nothing: dict[str, Any] = {
        "position": (5, 5),
        "area": "w:home",
        "radius": 3,
        "places": (),
        "happenings": (),
        "heard": (),
        "others": (),
        "interactions": (),
        "now": NOW,
        "plans": (),
    }
    return Scene(**(nothing | parts))


def perceived(sensor, **parts):
    sense = BY_TYPE[sensor]
    return perceive(sense, sense.take(scene(**parts)))


@pytest.mark.feature("PP-01", "PP-02")
def test_there_are_six_senses_and_those_without_anything_to_perceive_are_not_asked():
    """In an empty scene only the time is left."""
    assert set(BY_TYPE) == set(SensorType) == set(WEIGHTS)
    assert [sense.type for sense in SENSES if sense.take(scene()) is not None] == [SensorType.TEMPORAL]


@pytest.mark.feature("PP-01")
def test_seeing():
    """The nearest things, each once, and how the rooms lie."""
    places = (Place(6, 5, 1.0, "a", "stove"), Place(7, 5, 2.0, "a", "stove"), Place(8, 5, 3.0, "b", "door"))
    data, confidence = perceived("visual", places=places)
    assert [(each["name"], each["distance"]) for each in data["visible_objects"]] == [("stove", 1.0), ("door", 3.0)]
    assert data["scene_layout"] == {"a": 2, "b": 1}
    assert data["current_location"] == {"position": (5, 5), "area": "w:home"}
    assert data["field_of_view"] == {"radius": 3, "tiles": 3}
    assert confidence == pytest.approx(2 / 3)


@pytest.mark.feature("PP-02")
def test_hearing():
    """What sounds is heard, the nearer the louder; what makes no sound is not."""
    heard = (Happening("bob", True, "bob is talking", 1.0), Happening("x", False, "x glows", 1.0))
    far = (Happening("bell", False, "bell rings", 3.0),)
    data, confidence = perceived("auditory", heard=heard + far)
    assert [(each["source"], each["loudness"]) for each in data["sounds"]] == [("bob", 0.5), ("bell", 0.25)]
    assert (data["speech"], data["loudest"]["source"], data["noise_level"]) == (["bob is talking"], "bob", 0.75)
    assert confidence == pytest.approx(2 / 3)
    assert BY_TYPE[SensorType.AUDITORY].take(scene(heard=heard[1:])) is None


@pytest.mark.feature("PP-01")
def test_being_among_others():
    """Who is there, who is in reach, how dense it is, and what goes on between them."""
    near = Happening("bob", True, "bob sits", 1.0)
    data, confidence = perceived(
        "social",
        others=("bob", "cara"),
        happenings=(near,),
        interactions=("chat",),
        places=(Place(1, 1, 1, "", ""),) * 4,
    )
    assert data == {
        "present_agents": ["bob", "cara"],
        "interaction_opportunities": ["bob"],
        "social_density": 0.5,
        "active_interactions": ["chat"],
    }
    assert confidence == 0.75


@pytest.mark.feature("PP-01")
def test_noticing_what_happens():
    """At most ten events are told, all are counted by their kind."""
    events = tuple(Happening("bob", True, text, 1.0) for text in ["bob is eating"] * 12 + ["bob walks"])
    data, confidence = perceived("environmental", happenings=events)
    assert len(data["significant_events"]) == 10
    assert data["event_categories"] == {"consumption": 12, "movement": 1}
    assert (data["most_common_activity"], data["activity_level"], confidence) == ("consumption", 1.0, 1.0)


@pytest.mark.feature("PP-01")
def test_finding_one_s_way():
    """Where things lie: down the map is south, the larger way counts, and of two of a name the nearer one does."""
    places = (Place(5, 7, 2.0, "a", "stove"), Place(1, 4, 4.1, "b", "door"), Place(9, 9, 5.7, "b", "door"))
    data, confidence = perceived("spatial", places=places)
    assert data["spatial_relationships"] == {
        "stove": {"direction": "south", "distance": 2.0},
        "door": {"direction": "west", "distance": 4.1},
    }
    assert (data["current_position"], data["accessible_areas"], confidence) == ((5, 5), ["a", "b"], 3 / 8)
    assert [direction(1, 0), direction(0, -1), direction(1, 1)] == ["east", "north", "south"]


@pytest.mark.feature("PP-01")
@pytest.mark.parametrize(
    ("hour", "period"),
    [(5, "night"), (6, "morning"), (12, "afternoon"), (18, "evening"), (22, "night"), (23, "night"), (0, "night")],
)
def test_telling_the_time(hour, period):
    """By the period of the day, to the minute: so what is perceived twice in a minute is the same."""
    now = NOW.replace(hour=hour)
    data, confidence = perceived("temporal", now=now, plans=("eat",))
    assert (data["time_period"], data["hour"], data["time_of_day"], confidence) == (period, hour, f"{hour:02}:30", 0.8)
    assert data["temporal_patterns"] == {"weekday": "Sunday", "weekend": True, "planned": ["eat"]}
    sense = BY_TYPE[SensorType.TEMPORAL]
    assert sense.take(scene(now=now)) == sense.take(scene(now=now.replace(second=1)))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("bob is chatting", "social"),
        ("a conversation", "social"),
        ("cara runs home", "movement"),
        ("dinner", "consumption"),
        ("a good computer", "general"),
        ("", "general"),
    ],
)
def test_what_happens_is_of_a_kind_by_its_words(text, kind):
    """Forms of the word count, words that only begin like it do not."""
    assert kind_of(text) == kind


results = st.builds(
    lambda sensor, confidence: PerceptionResult(
        task_id="t",
        sensor_type=sensor,
        processed_data={},
        confidence=confidence,
        processing_time=0.0,
        metadata={},
        timestamp=NOW,
    ),
    st.sampled_from(SensorType),
    st.floats(0, 1),
)


@pytest.mark.feature("PP-03")
@given(st.lists(results, max_size=20), st.integers(1, 8))
def test_everything_is_weighed_before_anything_is_cut(found, bandwidth):
    """Nothing that is left out is worth more than anything that is attended to, wherever it stood."""
    attended = attend(found, bandwidth)
    worth = [attention(each.sensor_type, each.confidence) for each in attended]
    assert len(attended) == min(bandwidth, len(found))
    assert worth == sorted(worth, reverse=True)
    assert worth == sorted((attention(each.sensor_type, each.confidence) for each in found), reverse=True)[:bandwidth]


@pytest.mark.feature("PP-03")
def test_who_is_there_counts_more_than_what_time_it_is():
    """A perception is worth its sense's weight times how sure it is: a half-sure social one comes before the hour."""
    assert attention(SensorType.SOCIAL, 0.5) == 0.5 > attention(SensorType.TEMPORAL, 1.0) == 0.3
    assert attention(SensorType.VISUAL, 0.5) == 0.4


@pytest.mark.feature("PP-04")
def test_what_was_perceived_is_kept_for_its_time_and_within_its_number():
    """It is found until its time is over; one too many, and the one used longest ago goes."""
    recall: Recall[Perceived] = Recall(2, 300)
    recall.put("a", ({"n": 1}, 1.0), 0)
    assert recall.get("a", 299.9) == ({"n": 1}, 1.0)
    assert recall.get("a", 300) is None
    for name in "ab":
        recall.put(name, ({}, 0.0), 0)
    recall.get("a", 1)
    recall.put("c", ({}, 0.0), 1)
    assert [recall.get(name, 1) is None for name in "abc"] == [False, True, False]
    assert len(recall) == 2
