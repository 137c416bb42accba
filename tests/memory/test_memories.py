"""What an agent remembers, and how it forgets."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from companion_async.errors import InvalidArgumentError, SecurityError
from companion_async.memory.circular import CircularBuffer
from companion_async.memory.episodic import EpisodicMemory
from companion_async.memory.semantic import SemanticMemory
from companion_async.memory.temporal import TemporalMemory


@pytest.mark.feature("PP-12")
def test_events_that_cohere_make_an_episode(clock):
    """Near in time, of one kind, with the same people in the same place; a gap or another scene begins a new one."""
    memory = EpisodicMemory(clock=clock)
    memory.add_event("bob comes", 0.4, participants={"bob"}, location="kitchen")
    clock.passes(minutes=5)
    memory.add_event("bob cooks", 0.9, participants={"bob"}, location="kitchen", valence=7)
    clock.passes(minutes=1)
    memory.add_event("cara fights", 0.3, event_type="fight", participants={"cara"}, location="yard")
    clock.passes(minutes=31)
    memory.add_event("cara rests", 0.2, event_type="fight", participants={"cara"}, location="yard")
    rests, fights, cooks = memory.get_recent_episodes()
    assert [len(each.events) for each in (rests, fights, cooks)] == [1, 1, 2]
    assert (cooks.importance, cooks.participants, cooks.locations) == (0.9, frozenset({"bob"}), ("kitchen",))
    assert cooks.narrative == "bob comes; bob cooks"
    assert cooks.end - cooks.start == timedelta(minutes=5)
    assert cooks.events[1].valence == 1.0
    assert memory.get_episodes_by_participant("cara") == [rests, fights]
    assert memory.get_episodes_by_type("fight") == [rests, fights]
    assert memory.get_important_episodes(1) == [cooks]
    assert memory.get_recent_episodes(hours_back=0.25) == [rests]
    assert memory.get_summary()["events"] == 4


@pytest.mark.feature("PP-12")
def test_the_least_important_episode_goes_and_an_episode_has_an_end(clock):
    """The newest stays however unimportant it is; a hundred events are one episode, one more begins another."""
    memory = EpisodicMemory(max_episodes=2, clock=clock)
    for name, importance in (("first", 0.9), ("second", 0.2), ("third", 0.5), ("fourth", 0.1)):
        memory.add_event(name, importance)
        clock.passes(hours=1)
    assert [each.narrative for each in memory.get_recent_episodes()] == ["fourth", "first"]
    for n in range(150):
        memory.add_event(f"event {n}", 1.0)
    assert [len(each.events) for each in memory.get_recent_episodes()] == [50, 100]


@pytest.mark.feature("PP-12")
def test_other_people_in_another_place_are_another_episode(clock):
    """Either alone is the same one still."""
    memory = EpisodicMemory(clock=clock)
    for who, where in (("bob", "kitchen"), ("bob", "yard"), ("cara", "yard"), ("dan", "hall")):
        memory.add_event(f"{who} in the {where}", participants={who}, location=where)
    assert [len(each.events) for each in memory.get_recent_episodes()] == [1, 3]


@pytest.mark.feature("PP-12")
def test_of_equally_important_episodes_the_oldest_goes_and_a_restored_one_goes_on(clock):
    """What comes after a restart joins what was under way."""
    memory = EpisodicMemory(max_episodes=2, clock=clock)
    for name in ("first", "second", "third"):
        memory.add_event(name)
        clock.passes(hours=1)
    assert [each.narrative for each in memory.get_recent_episodes()] == ["third", "second"]
    again = EpisodicMemory(max_episodes=2, clock=clock)
    memory.add_event("fourth")
    again.restore(memory.to_dict())
    again.add_event("fifth")
    assert again.latest is not None
    assert again.latest.narrative == "fourth; fifth"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: EpisodicMemory(max_episodes=0),
        lambda: EpisodicMemory(coherence_threshold=2),
        lambda: EpisodicMemory().add_event("x", 7),
        lambda: EpisodicMemory().add_event("x", participants="bob"),
        lambda: EpisodicMemory().add_event(None),  # type: ignore[arg-type]
        lambda: SemanticMemory(max_concepts=True),
        lambda: SemanticMemory(spreading_factor=2),
        lambda: SemanticMemory().add_concept(""),
        lambda: SemanticMemory().add_relation("a", "b", strength=-1),
        lambda: TemporalMemory(retention_hours=0),
        lambda: TemporalMemory().add("x", importance="much"),  # type: ignore[arg-type]
        lambda: CircularBuffer(max_size=0),
        lambda: CircularBuffer().add("x" * 10_001),
    ],
)
def test_what_is_wrong_is_refused(wrong):
    """Sizes, shares and what is to be remembered are checked at the door."""
    with pytest.raises((InvalidArgumentError, SecurityError)):
        wrong()


@pytest.mark.feature("PP-13")
def test_thinking_of_something_brings_what_it_is_related_to_to_mind(clock):
    """Two steps far, the weaker the farther; it falls back with time to what a concept has by itself."""
    memory = SemanticMemory(clock=clock)
    memory.add_concept("rose", "plant", "a red flower")
    for source, target, strength in (("rose", "garden", 0.9), ("garden", "house", 0.5), ("house", "town", 1.0)):
        memory.add_relation(source, target, "in", strength)
    memory.add_relation("rose", "thorn", "has", 0.1)
    assert memory.activate("rose") == pytest.approx({"rose": 1.0, "garden": 0.72, "house": 0.288})
    assert memory.activate("unheard-of") == {}
    assert [each.name for each in memory.get_active_concepts()] == ["rose", "garden", "house"]
    assert memory.get_activation("rose") == 1.0
    clock.passes(hours=24)
    assert memory.get_activation("rose") == pytest.approx(0.1 + 0.9 * 2.718281828**-2.4)
    assert memory.get_activation("town") == pytest.approx(0.1)
    assert memory.get_related("rose", hops=2) == pytest.approx({"garden": 0.9, "house": 0.45, "thorn": 0.1})
    assert [(each.name, each.type) for each in memory.get_by_type("plant")] == [("rose", "plant")]
    assert [concept.name for concept, _ in memory.get_similar("rose: a red flower")] == ["rose"]
    assert memory.get_similar("something else") == []
    assert memory.get_summary() == {"concepts": 5, "max_concepts": 1000, "relations": 4, "active": 0}


@pytest.mark.feature("PP-13")
def test_a_concept_that_is_met_again_keeps_what_was_known_of_it(clock):
    """Where nothing else is said of it."""
    memory = SemanticMemory(clock=clock)
    memory.add_concept("rose", "plant", "a red flower")
    assert memory.add_concept("rose", "plant").description == "a red flower"
    assert memory.add_concept("rose", "plant", "a white one").description == "a white one"


@pytest.mark.feature("PP-13")
def test_the_concept_least_on_the_mind_goes_with_its_relations(clock):
    """And knowing one better keeps what it is related to."""
    memory = SemanticMemory(max_concepts=3, clock=clock)
    memory.add_relation("a", "b")
    memory.activate("b", 0.9)
    memory.add_concept("c", base_activation=0.5)
    memory.add_concept("b", "letter", "the second")
    memory.activate("a", 0.2)
    memory.add_concept("d")
    assert ("a" in memory, "d" in memory, len(memory)) == (True, True, 3)
    memory = SemanticMemory(max_concepts=2, clock=clock)
    memory.add_relation("a", "b")
    memory.activate("a")
    memory.add_concept("c")
    assert (memory.get_related("a"), len(memory)) == ({}, 2)


@pytest.mark.feature("PP-14")
def test_moments_fade_and_last_the_longer_the_more_they_are_asked_for(clock):
    """By the decay an hour, and beyond the retention not at all, however strong they are."""
    memory = TemporalMemory(retention_hours=48, decay_rate=0.1, clock=clock)
    strong, weak = memory.add("strong", importance=1.0), memory.add("weak", importance=0.1)
    start = strong.timestamp
    clock.passes(hours=10)
    assert memory.strength(strong) == pytest.approx(2.718281828**-1)
    assert memory.get_range(start, start) == [strong]
    assert weak not in memory.get_range(start, start)
    assert memory.strength(strong) == pytest.approx(2.718281828**-1 + 0.2)
    new = memory.add("new", "speech")
    assert (memory.get_recent(minutes=5), memory.get_at(start + timedelta(seconds=30))) == ([new], [strong])
    summary = memory.get_summary()
    assert (summary["size"], summary["types"]) == (2, {"observation": 1, "speech": 1})
    assert summary["oldest"] == start.isoformat()
    clock.passes(hours=39)
    assert memory.get_recent(minutes=60 * 48) == [new]
    clock.passes(hours=10)
    assert [len(memory), memory.get_summary()["oldest"]] == [0, None]


@pytest.mark.feature("PP-14")
def test_to_be_asked_for_holds_a_moment_up_three_times_at_most(clock):
    """By a tenth each."""
    memory = TemporalMemory(decay_rate=0.0, clock=clock)
    moment = memory.add("strong", importance=0.2)
    for _ in range(9):
        memory.get_recent()
    assert memory.strength(moment) == pytest.approx(0.5)


@pytest.mark.feature("PP-14")
def test_of_too_many_moments_the_faintest_goes(clock, monkeypatch):
    """Whenever it was."""
    monkeypatch.setattr("companion_async.memory.temporal._MOST", 3)
    memory = TemporalMemory(clock=clock)
    for name, importance in (("a", 0.5), ("b", 0.2), ("c", 0.9), ("d", 0.4)):
        memory.add(name, importance=importance)
    assert [each.content for each in memory.get_recent()] == ["d", "c", "a"]


@pytest.mark.feature("PP-14")
def test_the_resolution_says_what_is_of_one_time(clock):
    """An hour, or ten seconds."""
    for seconds, found in ((3600, 1), (10, 0)):
        memory = TemporalMemory(temporal_resolution=seconds, clock=clock)
        moment = memory.add("noon")
        assert len(memory.get_at(moment.timestamp + timedelta(seconds=45))) == found


@pytest.mark.feature("PP-15")
def test_the_buffer_holds_the_last_things_of_the_last_while(clock):
    """One too many, and the oldest goes; what is too old goes by itself."""
    buffer = CircularBuffer(max_size=3, retention_minutes=60, clock=clock)
    for name, importance in (("one", 0.9), ("two", 0.8), ("THREE words", 0.1), ("four", 0.7)):
        buffer.add(name, "speech" if name == "two" else "sight", importance)
        clock.passes(minutes=10)
    assert [item.content for item in buffer.get_recent()] == ["four", "THREE words", "two"]
    assert [item.content for item in buffer.get_recent(1)] == ["four"]
    assert [item.content for item in buffer.get_important()] == ["four", "two"]
    assert [item.content for item in buffer.get_by_type("speech")] == ["two"]
    assert [item.content for item in buffer.search("three")] == ["THREE words"]
    assert buffer.get_summary() == {
        "size": 3,
        "max_size": 3,
        "utilization": 1.0,
        "types": {"speech": 1, "sight": 2},
        "average_importance": pytest.approx(1.6 / 3),
    }
    clock.passes(minutes=35)
    assert [item.content for item in buffer.get_recent()] == ["four", "THREE words"]
    changes = buffer.changes
    buffer.take(buffer.get_recent()[:1])
    assert [item.content for item in buffer.get_recent()] == ["THREE words"]
    buffer.clear()
    assert len(buffer) == 0
    assert buffer.changes == changes + 2


@pytest.mark.feature("PP-12", "PP-13", "PP-14", "PP-15")
def test_many_threads_may_remember_at_once():
    """Nothing is lost and nothing breaks."""
    memories = EpisodicMemory(max_episodes=10_000), TemporalMemory(), CircularBuffer(max_size=10_000), SemanticMemory()
    episodic, temporal, circular, semantic = memories

    def remember(name):
        for n in range(100):
            episodic.add_event(f"{name} {n}", 0.5, event_type=name)
            temporal.add(f"{name} {n}")
            circular.add(f"{name} {n}")
            semantic.add_relation(f"{name} {n}", "hub")
            semantic.activate("hub", 0.1)

    threads = [threading.Thread(target=remember, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert episodic.get_summary()["events"] == len(temporal) == len(circular) == 400
    assert semantic.get_summary()["relations"] == 400
