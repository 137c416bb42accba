"""Perception with senses that are asked side by side."""

from __future__ import annotations

import threading
from datetime import datetime
from types import SimpleNamespace

import pytest

from companion_async.cognition.perception import senses
from companion_async.cognition.perception.records import SensorType
from companion_async.memory.episodic import EpisodicMemory
from companion_async.sdk import enhanced_modules
from companion_async.sdk.enhanced_modules import ParallelPerceptionModule
from tests.sdk.actors import PATIENCE


class Room:
    """A stove to the east, somebody who sings to the south."""

    def access_tile(self, tile):
        events = {("cara:person", "is", "singing", "cara is singing")} if tile == (5, 6) else set()
        return {"sector": "home", "game_object": "stove" if tile == (6, 5) else "", "events": events}


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def monotonic(self):
        return self.now

    time = monotonic


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def agent():
    return SimpleNamespace(
        name="ada", curr_tile=(5, 5), maze=Room(), curr_time=datetime(2026, 3, 1, 9), episodic_memory=EpisodicMemory()
    )


@pytest.fixture
def perceive(agent, clock):
    """Makes modules, and lets their threads go."""
    made = []

    def make(**options):
        made.append(ParallelPerceptionModule(**({"agent_state": agent, "clock": clock} | options)))
        return made[-1]

    yield make
    for module in made:
        module.shutdown()


@pytest.mark.feature("PP-01", "PP-02", "PP-03")
def test_all_six_senses_perceive_and_what_is_worth_most_comes_first(perceive):
    """Without a manager too; the bandwidth cuts what is worth least and not what was asked last."""
    results = perceive(attention_bandwidth=6, max_workers=3).run()
    assert {result.sensor_type for result in results} == set(SensorType)
    worth = [result.metadata["attention"] for result in results]
    assert worth == sorted(worth, reverse=True)
    assert all(0 <= result.confidence <= 1 and result.processed_data for result in results)
    assert all(result.timestamp.tzinfo is None for result in results)
    cut = perceive(attention_bandwidth=2).run()
    assert [each.sensor_type for each in cut] == [each.sensor_type for each in results[:2]]
    assert SensorType.SPATIAL in [each.sensor_type for each in cut]  # the sense that is asked last


@pytest.mark.feature("PP-04", "PP-05")
def test_the_same_scene_is_perceived_once(perceive, agent, clock):
    """Hits are counted and marked; another scene, or five minutes, and it is perceived anew."""
    module = perceive(attention_bandwidth=6)
    first = module.run()
    first[0].processed_data["spoilt"] = True
    again = module.run()
    assert [(each.sensor_type, each.confidence) for each in again] == [(e.sensor_type, e.confidence) for e in first]
    assert {each.metadata["cached"] for each in again} == {True}
    assert "spoilt" not in again[0].processed_data
    assert module.get_perception_metrics().cache_hit_rate == 0.5
    agent.curr_time = datetime(2026, 3, 1, 10)
    assert sum(not each.metadata["cached"] for each in module.run()) == 1
    clock.now += 301
    assert not any(each.metadata["cached"] for each in module.run())
    blind = perceive(enable_caching=False)
    blind.run(), blind.run()
    assert blind.get_perception_metrics().cache_hit_rate == 0.0


@pytest.mark.feature("PP-05")
def test_the_figures_are_those_of_what_was_done(perceive):
    """Senses asked, by type; seconds of those at work; the status with the documented keys."""
    module = perceive()
    module.run(), module.run()
    metrics = module.get_perception_metrics()
    assert metrics.total_tasks_processed == 12
    assert metrics.tasks_by_sensor_type == {sensor.value: 2 for sensor in SensorType}
    assert 0 < metrics.average_processing_time < PATIENCE
    assert (metrics.concurrent_processing_peak >= 1, metrics.error_rate) == (True, 0.0)
    assert module.get_processing_status() == {
        "active_tasks": 0,
        "pending_futures": 0,
        "cache_size": 6,
        "processing_history_length": 2,
        "attention_bandwidth": 5,
        "vision_radius": 3,
        "caching_enabled": True,
    }


@pytest.mark.feature("PP-01")
def test_senses_are_asked_at_the_same_time_in_as_many_threads_as_was_said(perceive, monkeypatch):
    """Three stand at a barrier that only three together pass; never are there more."""
    barrier = threading.Barrier(3)

    def together(sense, taken):
        barrier.wait(PATIENCE)
        return {}, 0.5

    monkeypatch.setattr(enhanced_modules, "perceive", together)
    module = perceive(max_workers=3)
    assert len(module.run()) == 5
    metrics = module.get_perception_metrics()
    assert (metrics.concurrent_processing_peak, metrics.error_rate) == (3, 0.0)


@pytest.mark.feature("PP-05")
def test_a_sense_that_fails_or_hangs_costs_its_own_perception(perceive, monkeypatch, gate):
    """The others are returned, the failures are counted, and nothing of it is kept."""
    real = senses.perceive

    def some(sense, taken):
        if sense.type is SensorType.VISUAL:
            raise ValueError("blinded")
        return gate(real(sense, taken)) if sense.type is SensorType.SOCIAL else real(sense, taken)

    monkeypatch.setattr(enhanced_modules, "perceive", some)
    for patience in (0.2, 2.0, 10.0):  # a busy machine may keep the others, too, from being there in time
        monkeypatch.setattr(enhanced_modules, "PATIENCE", patience)
        module = perceive(attention_bandwidth=6)
        found = {result.sensor_type for result in module.run()}
        if len(found) == 4:
            break
    assert found == set(SensorType) - {SensorType.VISUAL, SensorType.SOCIAL}
    metrics = module.get_perception_metrics()
    assert metrics.error_rate == pytest.approx(2 / 6)
    assert module.get_processing_status()["cache_size"] == 4
    assert module.get_processing_status()["pending_futures"] == 0


@pytest.mark.feature("PP-06", "PP-12")
def test_what_is_attended_to_is_remembered_once(perceive, agent):
    """Each new perception becomes an event with its worth; what was known already is not told again."""
    module = perceive(attention_bandwidth=2)
    attended = module.run()
    module.run()
    (episode,) = agent.episodic_memory.get_recent_episodes(hours_back=1)
    assert [event.content.split(":")[0] for event in episode.events] == [each.sensor_type for each in attended]
    assert "stove" in episode.narrative


def test_a_memory_that_refuses_takes_nothing_away(perceive, agent):
    """What was perceived is returned all the same."""

    def refuse(content, importance):
        raise PermissionError("full")

    agent.episodic_memory = SimpleNamespace(add_event=refuse)
    assert len(perceive().run()) == 5


@pytest.mark.feature("PP-06")
def test_in_a_manager_the_memory_is_written_under_its_lock(manage, perceive, agent):
    """While somebody reads the registered memory, perception waits with its writing and with nothing else."""
    manager = manage(agent)
    locks = manager.resource_coordinator
    locks.register_resource("episodic_memory", agent.episodic_memory, "episodic_memory")
    manager.register_module("perception", perceive())
    with locks.acquire_context("episodic_memory", "read", "reader"):
        task_id = manager.submit_task("perception", "run", priority="critical")
        while not locks.get_system_status()["pending_requests"]:
            threading.Event().wait(0.001)
        assert len(agent.episodic_memory) == 0
    assert len(manager.get_task_result(task_id, PATIENCE)) == 5
    assert len(agent.episodic_memory) == 1
    assert locks.get_coordinator_metrics().contention_count == 1


def test_where_there_is_nothing_but_time_it_tells_the_time(perceive):
    """An agent without a place on a map still knows what time it is."""
    assert [each.sensor_type for each in perceive(agent_state=None).run()] == [SensorType.TEMPORAL]


def test_its_threads_come_back_after_they_were_let_go(perceive):
    """A restart of the module, or a shutdown by hand, is not its end."""
    module = perceive(enable_caching=False)
    module.run()
    module.shutdown()
    assert len(module.run()) == 5
