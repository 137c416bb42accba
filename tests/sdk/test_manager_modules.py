"""A manager's modules: taken in, paused, taken out."""

from __future__ import annotations

import pytest

from companion_async.errors import (
    BrainClosedError,
    DuplicateModuleError,
    InvalidArgumentError,
    TaskCancelledError,
    TaskTimeoutError,
)
from companion_async.sdk.records import ModuleState
from companion_async.testing.clock import VirtualClock
from tests.sdk.actors import PATIENCE, Actor


@pytest.mark.feature("PM-01")
def test_a_module_is_taken_in_started_and_runs(manage, actor):
    """Registering starts the module; its public methods can be called by name."""
    manager = manage()
    manager.register_module("actor", actor)
    assert actor.lives == ["started"]
    assert manager.get_task_result(manager.submit_task("actor", "run", ("a",), {"again": 2})) == ["a", "a"]


@pytest.mark.feature("PM-01")
def test_a_taken_name_is_refused(manager):
    """A second module of one name is a ValueError, and the first stays."""
    with pytest.raises(DuplicateModuleError) as caught:
        manager.register_module("actor", Actor())
    assert isinstance(caught.value, ValueError)
    assert manager.get_task_result(manager.submit_task("actor", args=(1,))) == 1


@pytest.mark.feature("PM-01")
@pytest.mark.parametrize("module", [object(), Actor, lambda: None, None], ids=["object", "class", "function", "none"])
def test_what_does_not_extend_base_module_is_a_type_error(manager, module):
    """Only an instance of BaseModule is taken in."""
    with pytest.raises(TypeError, match="extends BaseModule"):
        manager.register_module("other", module)
    assert manager.get_system_status()["registered_modules"] == 1


@pytest.mark.feature("PM-01")
def test_taking_a_module_out_cancels_what_waits(manager, actor):
    """Its waiting tasks are cancelled, the running one may end, and the name is unknown afterwards."""
    held = [manager.submit_task("actor", "hold", args=(n,)) for n in range(2)]
    actor.gate.wait_for(2)
    waiting = manager.submit_task("actor")
    manager.add_event_callback("task_completed", lambda task_id, success: actor.gate.open())
    manager.unregister_module("actor")
    assert manager.get_task_status(waiting) is ModuleState.CANCELLED
    assert [manager.get_task_result(task_id) for task_id in held] == [0, 1]
    assert actor.lives == ["started", "stopped"]
    for call in (manager.unregister_module, manager.submit_task, manager.pause_module, manager.resume_module):
        with pytest.raises(KeyError):
            call("actor")
    assert manager.get_module_metrics("actor") is None
    assert manager.get_module_state("actor") is None


@pytest.mark.feature("PM-07")
def test_a_paused_module_ends_its_run_and_holds_the_rest(manager, actor):
    """What runs is finished, what waits stays queued, other modules go on; resumed, it runs."""
    manager.register_module("other", Actor())
    running = manager.submit_task("actor", "hold", args=("ends",))
    actor.gate.wait_for()
    manager.pause_module("actor")
    waiting = manager.submit_task("actor", args=("waits",))
    assert manager.get_module_state("actor") is ModuleState.PAUSED
    actor.gate.open()
    assert manager.get_task_result(running, PATIENCE) == "ends"
    assert manager.get_task_result(manager.submit_task("other", args=("goes on",)), PATIENCE) == "goes on"
    assert manager.get_task_status(waiting) is ModuleState.QUEUED
    manager.resume_module("actor")
    assert manager.get_task_result(waiting, PATIENCE) == "waits"
    assert manager.get_module_state("actor") is ModuleState.IDLE


@pytest.mark.feature("PM-11")
def test_a_module_s_figures_are_kept(manage, actor):
    """Runs, failures, their seconds and the runs under way are counted for each module by itself."""
    manager = manage(clock=VirtualClock())
    manager.register_module("actor", actor)
    manager.register_module("other", Actor())
    assert manager.get_module_metrics("other").execution_count == 0
    ids = [manager.submit_task("actor"), manager.submit_task("actor", "fail"), manager.submit_task("actor", "hold")]
    actor.gate.wait_for()
    metrics = manager.get_module_metrics("actor")
    assert metrics.concurrent_executions == 1
    assert manager.get_module_state("actor") is ModuleState.RUNNING
    desk = manager.module_executor.desk
    desk.portal.run(desk.brain._clock.advance, 6)
    actor.gate.open()
    for task_id in ids:
        manager.get_task_future(task_id).exception(PATIENCE)
    metrics = manager.get_module_metrics("actor")
    assert (metrics.execution_count, metrics.error_count, metrics.concurrent_executions) == (3, 1, 0)
    assert metrics.total_execution_time == pytest.approx(6)
    assert metrics.average_execution_time == pytest.approx(2)
    assert metrics.last_execution is not None
    assert metrics.last_execution.tzinfo is None


def test_a_module_that_keeps_failing_goes_on(manager, actor):
    """An agent's module is not stopped or healed for its failures: each is an answer of its own."""
    for _ in range(30):
        assert isinstance(manager.get_task_future(manager.submit_task("actor", "fail")).exception(PATIENCE), ValueError)
    assert manager.get_module_state("actor") is ModuleState.IDLE
    assert manager.get_task_result(manager.submit_task("actor", args=(1,)), PATIENCE) == 1
    assert actor.lives == ["started"]


@pytest.mark.feature("PS-03")
def test_a_module_s_options_are_those_of_the_runtime(manager, actor):
    """The config of a module reaches the runtime, and a key that is none is refused with the right ones."""
    other = Actor()
    config = {"max_concurrency": 1, "quota": 3, "priority": "high", "timeout": 7}
    manager.register_module("one-by-one", other, config=config)
    first = manager.submit_task("one-by-one", "hold", max_duration=90)
    other.gate.wait_for()
    second = manager.submit_task("one-by-one")
    assert manager.get_task_result(manager.submit_task("actor", args=(1,)), PATIENCE) == 1
    assert manager.get_task_status(second) is ModuleState.QUEUED
    other.gate.open()
    assert manager.get_task_result(first, PATIENCE) is None
    assert manager.get_task(second).max_duration == 7
    assert manager.get_task(first).max_duration == 90
    status = manager.module_executor.desk.module("one-by-one")
    assert (status.max_concurrency, status.quota, status.priority) == (1, 3, "high")
    with pytest.raises(InvalidArgumentError, match="quota"):
        manager.register_module("wrong", Actor(), config={"weight": 3})


@pytest.mark.feature("PM-13")
def test_nothing_is_taken_in_after_the_end(manager):
    """A manager that has shut down refuses modules and pauses with a RuntimeError."""
    manager.shutdown()
    for call in (lambda: manager.register_module("new", Actor()), lambda: manager.pause_module("actor")):
        with pytest.raises(BrainClosedError):
            call()


def test_cancelled_tasks_say_so(manager, actor):
    """A waiting task of a module that goes away raises its cancellation to whoever waits for it."""
    manager.pause_module("actor")
    future = manager.get_task_future(manager.submit_task("actor"))
    manager.unregister_module("actor")
    with pytest.raises(TaskCancelledError, match="unregistered"):
        future.result(PATIENCE)


def test_a_module_s_own_limit_holds_where_a_task_has_none(manage, actor):
    """A module registered with a timeout gives it to its tasks, in place of the manager's."""
    clock = VirtualClock()
    manager = manage(clock=clock)
    manager.register_module("actor", actor, config={"timeout": 3})
    stuck = manager.submit_task("actor", "hold")
    actor.gate.wait_for()
    manager.module_executor.desk.portal.run(clock.advance, 3)
    assert isinstance(manager.get_task_future(stuck).exception(PATIENCE), TaskTimeoutError)
