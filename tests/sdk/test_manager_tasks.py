"""A manager's tasks: submitted, ordered, cancelled, timed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from companion_async.errors import (
    BrainClosedError,
    InvalidArgumentError,
    QueueFullError,
    TaskCancelledError,
    TaskTimeoutError,
    UnknownModuleError,
    UnknownTargetError,
    UpstreamFailedError,
)
from companion_async.priority import Priority
from companion_async.sdk.records import ModuleState
from companion_async.sdk.refusals import UnknownDependencyError
from companion_async.testing.clock import VirtualClock
from tests.sdk.actors import PATIENCE, Actor


@pytest.mark.feature("PM-03")
def test_an_unknown_module_is_both_errors_of_the_documents(manager):
    """One place says ValueError and the program raised KeyError: it is both. It names the call that there is here."""
    with pytest.raises(UnknownModuleError, match=r"Call register_module\('nobody', ...\) first") as caught:
        manager.submit_task("nobody")
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, KeyError)


@pytest.mark.feature("PM-03")
def test_an_unknown_dependency_is_a_value_error(manager):
    """A task cannot wait for one that is not known, and is not submitted."""
    with pytest.raises(UnknownDependencyError) as caught:
        manager.submit_task("actor", dependencies={"never-was"})
    assert isinstance(caught.value, ValueError)
    assert manager.get_system_status()["active_tasks"] == 0
    assert manager.task_scheduler.get_scheduling_metrics().total_scheduled == 0


@pytest.mark.feature("PM-03", "PM-13")
def test_submitting_after_the_shutdown_is_a_runtime_error(manager):
    """A manager that shuts down says so, for known and unknown modules alike."""
    manager.shutdown()
    for module in ("actor", "nobody"):
        with pytest.raises(BrainClosedError) as caught:
            manager.submit_task(module)
        assert isinstance(caught.value, RuntimeError)


@pytest.mark.feature("PM-03")
@pytest.mark.parametrize(
    "wrong",
    [
        {"method_name": "missing"},
        {"method_name": "_secret"},
        {"method_name": "__init__"},
        {"method_name": "start"},
        {"method_name": len},
        {"args": "text"},
        {"args": 3},
        {"kwargs": [("a", 1)]},
        {"kwargs": {1: "a"}},
        {"priority": "urgent"},
        {"max_duration": float("nan")},
        {"max_duration": 0},
        {"dependencies": "an id"},
        {"callback": "no"},
    ],
    ids=str,
)
def test_whatever_is_wrong_is_refused_at_once_and_leaves_nothing(manager, wrong):
    """Every bad argument is a ValueError where the task is submitted."""
    with pytest.raises((InvalidArgumentError, UnknownTargetError)) as caught:
        manager.submit_task("actor", **wrong)
    assert isinstance(caught.value, ValueError)
    assert manager.get_system_status()["active_tasks"] == 0


@pytest.mark.feature("PM-02", "PM-04")
def test_a_task_tells_all_about_itself(manager, actor):
    """State, moments in local time, duration, dependencies, result and error can be asked for at any time."""
    before = datetime.now() - timedelta(seconds=1)
    first = manager.submit_task("actor", "hold", args=("a",), priority="low", max_duration=20)
    actor.gate.wait_for()
    second = manager.submit_task("actor", "fail", dependencies={first})
    running, blocked = manager.get_task(first), manager.get_task(second)
    assert manager.get_task_status(first) is ModuleState.RUNNING
    assert manager.get_task_status(first) == "running"
    assert manager.get_task_status(second) == "queued"
    assert (running.state, running.result, running.completed_at) == (ModuleState.RUNNING, None, None)
    assert (running.module_name, running.method_name, running.priority) == ("actor", "hold", Priority.LOW)
    assert (running.max_duration, blocked.max_duration) == (20, 30.0)
    assert (running.dependencies, blocked.dependencies) == (frozenset(), {first})
    actor.gate.open()
    manager.get_task_future(second).exception(PATIENCE)
    completed, failed = manager.get_task(first), manager.get_task(second)
    assert (completed.state, completed.result, completed.error) == (ModuleState.COMPLETED, "a", None)
    assert (failed.state, failed.result, str(failed.error)) == (ModuleState.ERROR, None, "no")
    assert before < completed.created_at <= completed.started_at <= completed.completed_at
    assert completed.completed_at <= datetime.now() + timedelta(seconds=1)
    assert (running.state, running.result) == (ModuleState.RUNNING, None)
    assert manager.get_task_status("unknown") is None
    assert manager.get_task("unknown") is None


@pytest.mark.feature("PM-02", "PS-01")
def test_priorities_order_what_waits(manage, actor):
    """With the one worker busy, the most urgent of the waiting goes first, and equals in the order they came."""
    manager = manage(max_workers=1)
    manager.register_module("actor", actor)
    manager.submit_task("actor", "hold")
    actor.gate.wait_for()
    ran: list[str] = []
    manager.register_module("list", Listing(ran))
    for name, level in [
        ("b", "background"),
        ("n1", "normal"),
        ("c", "critical"),
        ("n2", Priority.NORMAL),
        ("h", "high"),
    ]:
        manager.submit_task("list", args=(name,), priority=level)
    actor.gate.open()
    manager.module_executor.wait_for_completion(PATIENCE)
    assert ran == ["c", "h", "n1", "n2", "b"]


@pytest.mark.feature("PM-02", "PS-06")
def test_a_task_waits_for_others_and_fails_with_them(manager, actor):
    """It runs after what it depends on has completed; when that fails it ends in error and never runs."""
    ran: list[str] = []
    manager.register_module("list", Listing(ran))
    held = manager.submit_task("actor", "hold")
    actor.gate.wait_for()
    after = manager.submit_task("list", args=("after",), dependencies={held})
    failed = manager.submit_task("actor", "fail", dependencies=[held])
    hopeless = manager.submit_task("list", args=("never",), dependencies={failed})
    assert ran == []
    actor.gate.open()
    manager.get_task_result(after, PATIENCE)
    with pytest.raises(UpstreamFailedError) as caught:
        manager.get_task_result(hopeless, PATIENCE)
    assert isinstance(caught.value.__cause__, ValueError)
    assert manager.get_task_status(hopeless) == "error"
    assert ran == ["after"]


@pytest.mark.feature("PM-05")
def test_a_waiting_task_that_is_cancelled_never_runs(manage, actor):
    """Cancelling what waits is final, and cancelling again or something unknown is False."""
    manager = manage(max_workers=1)
    manager.register_module("actor", actor)
    ran: list[str] = []
    manager.register_module("list", Listing(ran))
    manager.submit_task("actor", "hold")
    actor.gate.wait_for()
    waiting, other = (manager.submit_task("list", args=(name,)) for name in ("cancelled", "other"))
    assert manager.cancel_task(waiting) is True
    assert manager.cancel_task(waiting) is False
    assert manager.cancel_task("unknown") is False
    actor.gate.open()
    manager.get_task_result(other, PATIENCE)
    assert ran == ["other"]
    assert manager.get_task_status(waiting) is ModuleState.CANCELLED
    manager.shutdown()
    assert manager.cancel_task(other) is False


@pytest.mark.feature("PM-06")
def test_a_running_task_that_is_cancelled_is_given_up_at_once(manager, actor):
    """Whoever waits is told at once, although the thread goes on; the state says cancelled."""
    task_id = manager.submit_task("actor", "hold")
    actor.gate.wait_for()
    future = manager.get_task_future(task_id)
    assert manager.cancel_task(task_id) is True
    with pytest.raises(TaskCancelledError):
        future.result(PATIENCE)
    assert manager.get_task_status(task_id) == "cancelled"


@pytest.mark.feature("PE-02", "PM-02")
def test_a_stuck_task_ends_at_its_limit_and_costs_no_worker(manage, actor):
    """At its own limit, or the manager's, the task ends in error; a new worker takes the stuck one's place."""
    clock = VirtualClock()
    manager = manage({}, 1, task_timeout=20.0, clock=clock)
    manager.register_module("actor", actor)
    manager.register_module("other", Actor())
    portal = manager.module_executor.desk.portal
    for limit, options in ((20, {}), (3, {"max_duration": 3})):
        stuck = manager.submit_task("actor", "hold", **options)
        actor.gate.wait_for()
        portal.run(clock.advance, limit - 0.5)
        assert manager.get_task_status(stuck) == "running"
        portal.run(clock.advance, 0.5)
        with pytest.raises(TaskTimeoutError):
            manager.get_task_result(stuck, PATIENCE)
        assert manager.get_task_status(stuck) == "error"
        portal.run(clock.advance, 6)
        if limit == 20:
            assert manager.get_task_result(manager.submit_task("other", args=(1,)), PATIENCE) == 1
        actor.gate.open()
        actor.gate._open.clear()
    metrics = manager.module_executor.get_metrics()
    assert (metrics.tasks_timed_out, metrics.tasks_failed) == (2, 2)


@pytest.mark.feature("PM-12", "PE-10")
def test_a_full_queue_refuses_and_loses_nothing(manage, actor):
    """Beyond the capacity submitting raises, and every task that was accepted runs."""
    manager = manage(max_workers=1, max_queue_size=5)
    manager.register_module("actor", actor)
    held = manager.submit_task("actor", "hold", args=("held",))
    actor.gate.wait_for()
    ids = [manager.submit_task("actor", args=(n,)) for n in range(5)]
    with pytest.raises(QueueFullError) as caught:
        manager.submit_task("actor")
    assert isinstance(caught.value, RuntimeError)
    assert caught.value.retry_after > 0
    actor.gate.open()
    assert [manager.get_task_result(task_id, PATIENCE) for task_id in (held, *ids)] == ["held", 0, 1, 2, 3, 4]


@pytest.mark.feature("PM-10")
def test_the_task_s_own_callback_is_called_once(manager):
    """At the end of a task, whichever it is, its callback gets its record; what it raises harms nothing."""
    told = []

    def callback(task):
        told.append((task.task_id, task.state.value, task.result))
        raise RuntimeError("the callback's own trouble")

    completed = manager.submit_task("actor", args=(1,), callback=callback)
    failed = manager.submit_task("actor", "fail", callback=callback)
    manager.pause_module("actor")
    cancelled = manager.submit_task("actor", callback=callback)
    manager.cancel_task(cancelled)
    manager.resume_module("actor")
    assert manager.get_task_result(manager.submit_task("actor", args=(2,)), PATIENCE) == 2
    manager.shutdown()
    assert sorted(told) == sorted(
        [(completed, "completed", 1), (failed, "error", None), (cancelled, "cancelled", None)]
    )
    assert manager.module_executor.callbacks.errors == 3


class Listing(Actor):
    """Notes what runs, in order."""

    def __init__(self, ran):
        super().__init__()
        self.ran = ran

    def run(self, value=None, *, again=1):
        self.ran.append(value)
