"""What a manager tells its callbacks."""

from __future__ import annotations

import threading

import pytest

from companion_async.errors import InvalidArgumentError, QueueFullError
from companion_async.sdk.records import ModuleState
from companion_async.testing.clock import VirtualClock
from tests.sdk.actors import PATIENCE, Actor

KINDS = ("module_started", "module_completed", "module_error", "task_queued", "task_completed", "system_overload")


@pytest.fixture
def told(manager):
    """Every event of the manager, in order."""
    told = []
    for kind in KINDS:
        manager.add_event_callback(kind, lambda *args, kind=kind: told.append((kind, *args)))
    return told


@pytest.mark.feature("PM-09")
def test_a_task_that_completes_tells_its_life_in_order(manager, told):
    """Queued, with the task; started and completed, with the module; completed, with the id and that it succeeded."""
    task_id = manager.submit_task("actor", args=("given",), kwargs={"again": 1})
    manager.get_task_result(task_id)
    manager.shutdown()
    (_, record), *rest = told
    assert (told[0][0], record.task_id, record.args, record.kwargs) == (
        "task_queued",
        task_id,
        ("given",),
        {"again": 1},
    )
    assert rest == [("module_started", "actor"), ("module_completed", "actor"), ("task_completed", task_id, True)]


@pytest.mark.feature("PM-09")
def test_a_task_that_fails_is_an_error_of_its_module(manager, told):
    """The module's error comes with its text, and the task has completed without success."""
    task_id = manager.submit_task("actor", "fail", args=("the text",))
    manager.get_task_future(task_id).exception()
    manager.shutdown()
    assert [event[0] for event in told] == ["task_queued", "module_started", "module_error", "task_completed"]
    assert told[2][1:] == ("actor", "ValueError: the text")
    assert told[3][1:] == (task_id, False)


@pytest.mark.feature("PM-09")
def test_each_end_is_told_once_and_only_as_a_success_if_it_was_one(manager, told):
    """Cancelled tasks and those whose dependency failed end without success, and are no errors of their module."""
    failed = manager.submit_task("actor", "fail")
    manager.get_task_future(failed).exception()
    hopeless = manager.submit_task("actor", dependencies={failed})
    manager.get_task_future(hopeless).exception()
    manager.pause_module("actor")
    cancelled = manager.submit_task("actor")
    manager.cancel_task(cancelled)
    manager.shutdown()
    ends = [event[1:] for event in told if event[0] == "task_completed"]
    assert ends == [(failed, False), (hopeless, False), (cancelled, False)]
    assert sum(event[0] == "module_error" for event in told) == 1
    assert sum(event[0] == "task_queued" for event in told) == 3


@pytest.mark.feature("PM-09", "PM-12")
def test_too_much_work_is_told_without_arguments(manage, actor):
    """A full queue is told to callbacks that take nothing, as the documents write them."""
    manager = manage(max_workers=1, max_queue_size=1)
    manager.register_module("actor", actor)
    overloaded = threading.Event()
    manager.add_event_callback("system_overload", lambda: overloaded.set())
    manager.submit_task("actor", "hold")
    actor.gate.wait_for()
    manager.submit_task("actor")
    with pytest.raises(QueueFullError):
        manager.submit_task("actor")
    assert overloaded.wait(PATIENCE)


@pytest.mark.feature("PM-09")
def test_a_callback_that_is_removed_is_told_no_more(manager):
    """Removing says whether there was one; the same callback added twice is told twice until both are gone."""
    told: list[str] = []
    for _ in range(2):
        manager.add_event_callback("task_completed", callback := told_to(told))
        manager.add_event_callback("task_completed", callback)
    assert manager.remove_event_callback("task_completed", callback) is True
    manager.get_task_result(manager.submit_task("actor"))
    assert manager.remove_event_callback("task_completed", callback) is True
    assert manager.remove_event_callback("task_completed", callback) is False
    assert manager.remove_event_callback("module_started", callback) is False
    assert manager.remove_event_callback("no_event", callback) is False
    manager.get_task_result(manager.submit_task("actor"))
    manager.shutdown()
    assert len(told) == 3 + 2


@pytest.mark.feature("PM-09")
def test_a_callback_can_be_removed_after_the_end(manager):
    """Tidying up after the shutdown says what it always says."""
    manager.add_event_callback("task_completed", print)
    manager.shutdown()
    assert manager.remove_event_callback("task_completed", print) is True
    assert manager.remove_event_callback("task_completed", print) is False


def told_to(told):
    return lambda task_id, success: told.append(task_id)


@pytest.mark.feature("PM-09")
def test_one_callback_that_raises_harms_no_other(manager, told):
    """Callbacks are isolated from each other, from the manager and from the task."""
    calls = []

    def raises(task_id, success):
        calls.append(task_id)
        raise RuntimeError("in a callback")

    manager.add_event_callback("task_completed", raises)
    for n in range(3):
        assert manager.get_task_result(manager.submit_task("actor", args=(n,))) == n
    manager.shutdown()
    assert len(calls) == sum(event[0] == "task_completed" for event in told) == 3
    assert manager.module_executor.callbacks.errors == 3


@pytest.mark.feature("PM-09")
def test_a_callback_may_block_and_may_use_the_manager(manager, gate):
    """Callbacks run beside the loop: a slow one delays no task, and each may submit and wait."""
    followed = threading.Event()

    def follow(task_id, success):
        manager.remove_event_callback("task_completed", follow)
        if manager.get_task_result(manager.submit_task("actor", args=("next",)), PATIENCE) == "next":
            gate()
            followed.set()

    manager.add_event_callback("task_completed", follow)
    manager.submit_task("actor")
    gate.wait_for()
    assert manager.get_task_result(manager.submit_task("actor", args=(1,)), PATIENCE) == 1
    gate.open()
    assert followed.wait(PATIENCE)


@pytest.mark.feature("PM-03", "PM-09")
def test_an_unknown_event_is_a_value_error(manager):
    """So is something that cannot be called."""
    with pytest.raises(InvalidArgumentError, match="task_queued"):
        manager.add_event_callback("task_done", print)
    with pytest.raises(ValueError, match="callable"):
        manager.add_event_callback("task_queued", "print")


def test_the_executor_s_own_tasks_are_no_events_of_a_module(manager, told, actor):
    """What is run through the executor directly belongs to no registered module."""
    from companion_async.sdk.records import ModuleTask

    manager.module_executor.execute_task(ModuleTask("mine", "elsewhere"), actor).result(PATIENCE)
    manager.shutdown()
    assert told == []


@pytest.mark.feature("PM-09")
def test_a_limit_that_is_passed_and_a_start_that_fails_are_errors_of_the_module(manage, actor):
    """The module's error says which limit it was, or what its start raised; a module that cannot start is there."""
    clock = VirtualClock()
    manager = manage(clock=clock)
    errors: list[tuple[str, str]] = []
    manager.add_event_callback("module_error", lambda module, message: errors.append((module, message)))
    manager.register_module("actor", actor)
    stuck = manager.submit_task("actor", "hold", max_duration=3)
    actor.gate.wait_for()
    manager.module_executor.desk.portal.run(clock.advance, 3)
    manager.get_task_future(stuck).exception(PATIENCE)

    class Broken(Actor):
        def start(self):
            raise OSError("no disk")

    manager.register_module("broken", Broken())
    assert manager.get_module_state("broken") is ModuleState.ERROR
    actor.gate.open()
    manager.shutdown()
    assert errors == [("actor", "a task passed its run limit of 3 s"), ("broken", "OSError: no disk")]
