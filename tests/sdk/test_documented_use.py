"""The facades used as the documents use them: the same names, the same order, the same sights."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from typing import Any

import pytest

from companion_async.sdk import (
    AccessMode,
    BaseModule,
    BrainClient,
    ConcurrentModuleManager,
    EpisodicMemory,
    ModuleExecutor,
    ModuleTask,
    Priority,
    ResourceCoordinator,
    ResourceType,
    SchedulingPolicy,
    SecurityValidator,
    SemanticMemory,
    TaskScheduler,
    TemporalMemory,
)
from tests.sdk.actors import PATIENCE


class Plain:
    """A module as it was before there was a framework: it knows nothing of one."""

    def __init__(self):
        self.seen = []

    def run(self, what="nothing"):
        self.seen.append(what)
        return f"saw {what}"


class Moved(Plain, BaseModule):
    """The same, moved over: one more base, and not a line changed."""


@pytest.fixture
def client():
    with BrainClient(app_type="chatbot", enable_agi=True, enable_search=True) as client:
        yield client


@pytest.mark.feature("CB-30", "CB-26", "CB-27", "CB-32")
def test_a_program_watches_its_companion(client):
    """Shares, rates and idle times can be computed from what is told, with ``datetime.now()`` and no other clock."""
    task_id = client.submit_task_to_module("search_engine", lambda: dict[str, str]()["missing"], priority="critical")
    with pytest.raises(KeyError):
        client.get_task_result(task_id, PATIENCE)
    status = client.get_thread_status()
    assert status["enabled"] is True
    assert all(0 <= each["active"] / each["max"] <= 1 for each in status["categories"].values())
    assert [name for name, each in status["module_threads"].items() if each["success_rate"] < 0.8] == ["search_engine"]
    module = client.get_module_thread_status("search_engine")
    assert module["tasks_failed"] == len(module["errors"]) == 1
    idle = (datetime.now() - datetime.fromisoformat(module["last_activity"])).total_seconds()
    assert -1 < idle < PATIENCE
    untouched = client.get_module_thread_status("model_router")
    started = datetime.fromisoformat(untouched["last_activity"])
    assert abs((datetime.now() - started).total_seconds() - untouched["uptime"]) < PATIENCE


@pytest.mark.feature("CB-30", "CB-31", "CB-21")
def test_a_web_application_hands_out_status_and_decisions(client):
    """Both are JSON as they are, and the last fifty decisions are the newest ones."""
    client._desk.portal.call(client._desk.brain.pause, "search_engine", "for a while")
    decisions = json.loads(json.dumps(client.get_thread_decisions()[-50:]))
    assert decisions[-1]["context"] == "search_engine"
    assert decisions[-1].keys() == {"decision_id", "type", "context", "data", "timestamp"}
    assert datetime.fromisoformat(decisions[-1]["timestamp"]).tzinfo is None
    assert json.loads(json.dumps(client.get_thread_status()))["enabled"] is True


@pytest.mark.feature("PX-07", "PM-03", "CB-28")
def test_where_a_task_is_refused_one_runs_the_method_oneself():
    """An unknown module or method is a ValueError, a full queue and an ended manager a RuntimeError; the module works
    without the manager either way.
    """
    module = Moved()
    release, refused = threading.Event(), list[Any]()

    class Slow(BaseModule):
        def run(self):
            release.wait(PATIENCE)

    def look(name, method="run"):
        try:
            return manager.get_task_result(manager.submit_task(name, method, args=("the sea",)), PATIENCE)
        except (ValueError, RuntimeError) as error:
            refused.append(ValueError if isinstance(error, ValueError) else RuntimeError)
            return module.run("the sea")

    with ConcurrentModuleManager({}, max_workers=1, max_queue_size=1) as manager:
        manager.register_module("module", module)
        manager.register_module("slow", Slow())
        assert [look("module"), look("nobody"), look("module", "nothing")] == ["saw the sea"] * 3
        manager.submit_task("slow")
        while manager.get_system_status()["running_tasks"] == 0:
            threading.Event().wait(0.001)
        manager.submit_task("slow")
        assert look("module") == "saw the sea"
        release.set()
    assert look("module") == "saw the sea"
    assert refused == [ValueError, ValueError, RuntimeError, RuntimeError]


@pytest.mark.feature("PX-06", "PM-01")
def test_a_module_from_before_is_moved_over():
    """What is no `BaseModule` is refused with a TypeError; with it for one more base the class works as it is."""
    with ConcurrentModuleManager({}) as manager:
        with pytest.raises(TypeError):
            manager.register_module("plain", Plain())  # type: ignore[arg-type]
        for name in ("perception", "planning"):
            manager.register_module(name, Moved())
        before = [Plain().run("a"), Plain().run("b")]
        tasks = [
            manager.submit_task("perception", "run", args=("a",), priority=Priority.HIGH),
            manager.submit_task("planning", args=("b",), priority=Priority.BACKGROUND),
        ]
        assert [manager.get_task_result(task_id, PATIENCE) for task_id in tasks] == before


@pytest.mark.feature("PX-06", "PX-01", "PR-07", "PP-12")
def test_a_memory_from_before_is_shared_under_its_own_name():
    """What was called directly is called inside a block that holds its lock; the call is the same."""
    memory = EpisodicMemory(max_episodes=200)
    content, kind, importance, context = SecurityValidator.sanitize_memory_data("hello", "chat", "0.7", {"to": "bob"})
    with ConcurrentModuleManager({}) as manager:
        locks = manager.resource_coordinator
        locks.register_resource("associative_memory", memory, ResourceType.EPISODIC_MEMORY)
        with locks.acquire_context("associative_memory", AccessMode.WRITE, "module_id") as held:
            held.add_event(content, importance, event_type=kind, context=context)
        with locks.acquire_context("associative_memory", AccessMode.READ, "module_id") as held:
            (episode,) = held.get_recent_episodes(hours_back=1)
    assert (episode.narrative, episode.importance) == ("hello", 0.7)


@pytest.mark.feature("PE-05", "PS-03", "PS-06", "PR-10", "PP-13", "PP-14")
def test_every_part_can_be_made_by_itself_with_the_documented_arguments():
    """Executor, scheduler, coordinator and memories need no manager, and begin with figures of nothing."""
    with ModuleExecutor(max_workers=4, max_queue_size=100, enable_monitoring=True, cleanup_interval=300) as executor:
        metrics = executor.get_metrics()
        assert (metrics.tasks_executed, metrics.average_execution_time) == (0, 0.0)
        assert metrics.peak_memory_usage > 0
    scheduler = TaskScheduler(
        scheduling_policy=SchedulingPolicy.FAIR_SHARE, max_pending_tasks=1000, enable_fairness=True
    )
    scheduler.set_module_quota("perception", 4)
    first = scheduler.schedule_task(ModuleTask("one", "perception"))
    second = scheduler.schedule_task(ModuleTask("two", "planning"), dependencies={first})
    task = scheduler.get_next_task()
    assert task is not None
    assert task.task_id == first
    assert scheduler.get_next_task() is None
    scheduler.task_completed(first)
    task = scheduler.get_next_task()
    assert task is not None
    assert task.task_id == second
    coordinator = ResourceCoordinator(max_concurrent_locks=20, default_timeout=45.0, enable_deadlock_detection=True)
    assert coordinator.get_coordinator_metrics().total_requests == 0
    assert (len(SemanticMemory(max_concepts=1000)), len(TemporalMemory(retention_hours=4))) == (0, 0)


@pytest.mark.feature("PM-02", "PM-09", "PM-12", "PM-13")
def test_a_manager_is_watched_and_its_figures_divide():
    """Callbacks hear of each end; uptime and executed tasks are above zero, so that rates can be computed of them."""
    ended, heard = [], threading.Semaphore(0)

    def on_task_completed(task_id, success):
        ended.append(success)
        heard.release()

    class Failing(BaseModule):
        def run(self):
            self.logger.error("this goes to the log under the module's name")
            raise LookupError("nothing found")

    with ConcurrentModuleManager({}, max_workers=2, max_queue_size=50, enable_monitoring=False) as manager:
        manager.add_event_callback("task_completed", on_task_completed)
        manager.add_event_callback("system_overload", lambda: None)
        manager.register_module("failing", Failing())
        manager.register_module("moved", Moved())
        first = manager.submit_task("moved")
        manager.submit_task("failing", dependencies={first})
        for _ in range(2):
            assert heard.acquire(timeout=PATIENCE)
        executed, status = manager.module_executor.get_metrics(), manager.get_system_status()
        assert ended == [True, False]
        assert executed.tasks_failed / executed.tasks_executed == 0.5
        assert status["completed_tasks"] / status["uptime_seconds"] > 0
        assert manager.state_coordinator.get_state_metrics().conflicts_resolved == 0
        assert manager.resource_coordinator.get_coordinator_metrics().contention_count == 0
