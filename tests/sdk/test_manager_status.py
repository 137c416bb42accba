"""The whole of a manager at a glance, its queue's order, and its end."""

from __future__ import annotations

import threading

import pytest

from companion_async.errors import InvalidArgumentError, UnknownModuleError
from companion_async.priority import Priority
from companion_async.scheduling.policies import SchedulingPolicy
from companion_async.sdk.concurrent_modules import ConcurrentModuleManager
from companion_async.sdk.records import ModuleState
from companion_async.testing.clock import VirtualClock
from tests.sdk.actors import PATIENCE, Actor

KEYS = {
    "registered_modules",
    "active_tasks",
    "running_tasks",
    "queued_tasks",
    "completed_tasks",
    "is_paused",
    "is_shutdown",
    "uptime_seconds",
}


@pytest.mark.feature("PM-08")
def test_every_figure_of_the_status_is_true(manager, actor):
    """Before, during and after work, and after the shutdown, each of the documented keys says what is so."""
    assert manager.get_system_status().keys() == KEYS
    ids = [manager.submit_task("actor", "hold") for _ in range(3)]
    actor.gate.wait_for(2)
    ids.append(manager.submit_task("actor", dependencies={ids[0]}))
    during = manager.get_system_status()
    assert (during["active_tasks"], during["running_tasks"], during["queued_tasks"]) == (4, 2, 2)
    assert (during["registered_modules"], during["completed_tasks"]) == (1, 0)
    actor.gate.open()
    manager.get_task_result(ids[3], PATIENCE)
    manager.get_task_future(manager.submit_task("actor", "fail")).exception(PATIENCE)
    assert set(manager.module_executor.wait_for_completion(PATIENCE)) <= set(ids)  # those that had not ended yet
    after = manager.get_system_status()
    assert (after["active_tasks"], after["running_tasks"], after["queued_tasks"]) == (0, 0, 0)
    assert (after["completed_tasks"], after["is_shutdown"], after["is_paused"]) == (4, False, False)
    manager.shutdown()
    last = manager.get_system_status()
    assert (last["completed_tasks"], last["active_tasks"], last["is_shutdown"]) == (4, 0, True)


@pytest.mark.feature("PM-08")
def test_uptime_counts_from_construction(manage):
    """No `with` block is needed for it, and it never stands still or goes back."""
    clock = VirtualClock()
    manager = manage(clock=clock)
    assert manager.get_system_status()["uptime_seconds"] == 0
    manager.module_executor.desk.portal.run(clock.advance, 12)
    assert manager.get_system_status()["uptime_seconds"] == pytest.approx(12)


@pytest.mark.feature("PM-15")
def test_the_history_is_bounded(manage, monkeypatch, actor):
    """Of the tasks that have ended the last are known; the older are forgotten, not kept for ever."""
    manager = manage()
    manager.register_module("actor", actor)
    history = manager.module_executor.desk.brain._assembly
    desk = manager.module_executor.desk
    size = desk.brain.config.history_size
    assert size == 10_000
    monkeypatch.setattr(desk.portal.call(history, "history").scheduler.history, "_size", 3)
    ids = [manager.submit_task("actor") for _ in range(10)]
    for task_id in reversed(ids):
        if manager.get_task_status(task_id) is not None:
            manager.get_task_result(task_id)
    manager.module_executor.wait_for_completion(PATIENCE)
    known = [task_id for task_id in ids if manager.get_task_status(task_id) is ModuleState.COMPLETED]
    assert len(known) == 3
    assert manager.get_system_status()["completed_tasks"] == 10


@pytest.mark.feature("PM-13")
def test_the_with_block_ends_it(actor):
    """Leaving the block lets accepted work end, stops modules and leaves no thread; a second shutdown is harmless."""
    with ConcurrentModuleManager({}, 2) as manager:
        manager.register_module("actor", actor)
        ids = [manager.submit_task("actor", args=(n,)) for n in range(20)]
    assert [manager.get_task_result(task_id) for task_id in ids] == [*range(20)]
    assert actor.lives == ["started", "stopped"]
    assert manager.shutdown() is manager.shutdown(0)
    assert not [thread for thread in threading.enumerate() if "companion" in thread.name]


@pytest.mark.feature("PM-13")
def test_a_shutdown_is_bounded_and_honest(manager, actor):
    """What does not end in time is given up: never run, or still running, and counted as such."""
    held = [manager.submit_task("actor", "hold") for _ in range(2)]
    actor.gate.wait_for(2)
    waiting = manager.submit_task("actor")
    report = manager.shutdown(timeout=0)
    assert (report.drained, report.cancelled, report.abandoned) == (0, 1, 2)
    assert {manager.get_task_status(task_id) for task_id in (*held, waiting)} == {ModuleState.CANCELLED}


@pytest.mark.feature("PM-13")
def test_a_shutdown_may_come_from_a_callback(manager):
    """A callback is no worker and no loop: it may end the manager it was called by."""
    ended = threading.Event()

    def end(task_id, success):
        manager.shutdown()
        ended.set()

    manager.add_event_callback("task_completed", end)
    manager.submit_task("actor")
    assert ended.wait(PATIENCE)
    assert manager.get_system_status()["is_shutdown"]


@pytest.mark.feature("PM-13")
def test_a_shutdown_from_inside_work_is_bounded(manager):
    """A module may end its manager: that very task is the one that is given up."""
    desk = manager.module_executor.desk
    reports = []

    def end():
        reports.append(manager.shutdown(timeout=0))

    task_id = desk.portal.call(desk.brain.submit, "actor", end).id
    desk.portal.ended.result(PATIENCE)
    assert manager.get_task_status(task_id) is ModuleState.CANCELLED


@pytest.mark.feature("PS-03", "PS-10")
def test_policy_and_quotas_can_be_reached(manage, actor):
    """The manager's order can be switched, and shares are by the quotas that were set."""
    manager = manage(max_workers=1)
    ran: list[str] = []
    for name in ("one", "three"):
        manager.register_module(name, Noting(name, ran))
    manager.register_module("actor", actor)
    manager.submit_task("actor", "hold")
    actor.gate.wait_for()
    order = manager.task_scheduler
    assert order.scheduling_policy is SchedulingPolicy.WEIGHTED_PRIORITY
    order.scheduling_policy = "fair_share"
    order.set_module_quota("three", 3)
    assert order.scheduling_policy is SchedulingPolicy.FAIR_SHARE
    for _ in range(12):
        manager.submit_task("one")
        manager.submit_task("three")
    actor.gate.open()
    manager.module_executor.wait_for_completion(PATIENCE)
    assert abs(ran[:12].count("three") - 9) <= 1
    with pytest.raises(InvalidArgumentError):
        order.set_module_quota("one", 0)
    with pytest.raises(UnknownModuleError):
        order.set_module_quota("nobody", 1)
    with pytest.raises(ValueError, match="policy"):
        order.scheduling_policy = "random"


@pytest.mark.feature("PS-10")
def test_the_queue_and_its_figures_are_shown(manage, actor):
    """Who waits for a worker, urgent or not, who waits for others, and what was scheduled and took how long."""
    clock = VirtualClock()
    manager = manage({}, 1, clock=clock)
    manager.register_module("actor", actor)
    held = manager.submit_task("actor", "hold", priority="critical")
    actor.gate.wait_for()
    ids = [manager.submit_task("actor", priority=level) for level in ("high", "critical", "low")]
    manager.submit_task("actor", dependencies={held, ids[0]})
    status = manager.task_scheduler.get_queue_status()
    assert {key: status[key] for key in status if key != "average_scheduler_overhead"} == {
        "priority_queue_size": 2,
        "ready_queue_size": 1,
        "blocked_tasks": 1,
        "pending_tasks": 4,
        "total_dependencies": 2,
        "scheduling_policy": "weighted_priority",
    }
    assert status["average_scheduler_overhead"] > 0
    manager.module_executor.desk.portal.run(clock.advance, 5)
    actor.gate.open()
    manager.module_executor.wait_for_completion(PATIENCE)
    metrics = manager.task_scheduler.get_scheduling_metrics()
    assert (metrics.total_scheduled, metrics.total_completed, metrics.dependency_violations) == (5, 5, 0)
    assert metrics.priority_distribution == {
        Priority.CRITICAL: 2,
        Priority.HIGH: 1,
        Priority.LOW: 1,
        Priority.NORMAL: 1,
    }
    assert metrics.average_wait_time == pytest.approx((5 * 4) / 5)
    assert metrics.average_execution_time == pytest.approx(5 / 5)
    assert len(metrics.scheduler_overheads) == 5
    assert metrics.last_scheduling_time is not None


class Noting(Actor):
    """Notes its own name for every run."""

    def __init__(self, name, ran):
        super().__init__()
        self.name, self.ran = name, ran

    def run(self, value=None, *, again=1):
        self.ran.append(self.name)
