"""An executor by itself: a bounded number of workers, and what is measured of them."""

from __future__ import annotations

import pytest

from companion_async.errors import (
    BrainClosedError,
    InvalidArgumentError,
    QueueFullError,
    TaskCancelledError,
    TaskTimeoutError,
    UnknownTargetError,
)
from companion_async.sdk.executor import CATEGORY, ModuleExecutor
from companion_async.sdk.future import SharedFuture
from companion_async.sdk.records import ModuleState, ModuleTask
from companion_async.testing.clock import VirtualClock
from tests.sdk.actors import PATIENCE, Actor

SUMMARY = {"max_workers", "active_tasks", "queue_size", "is_paused", "is_shutdown", "thread_count", "metrics"}
FIGURES = {"tasks_executed", "tasks_failed", "tasks_timed_out", "current_load", "peak_memory_mb", "peak_threads"}


@pytest.fixture
def execute(actor):
    """Makes executors, and shuts them down."""
    made = []

    def make(*args, **options):
        executor = ModuleExecutor(*args, **options)
        made.append(executor)
        return executor

    yield make
    actor.gate.open()
    for executor in made:
        executor.shutdown(5)


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.mark.feature("PE-01")
def test_no_more_than_the_workers_run_at_once(execute, actor):
    """With three workers, three of ten tasks run and seven wait; then all end."""
    executor = execute(max_workers=3)
    futures = [executor.execute_task(ModuleTask(f"t{n}", "actor", "hold", (n,)), actor) for n in range(10)]
    actor.gate.wait_for(3)
    assert (executor.get_active_task_count(), executor.get_queue_size()) == (3, 7)
    assert executor.get_metrics().current_load == 1.0
    actor.gate.open()
    assert [future.result(PATIENCE) for future in futures] == [*range(10)]
    assert (executor.get_active_task_count(), executor.get_queue_size()) == (0, 0)


@pytest.mark.feature("PE-03", "PE-05")
def test_the_task_s_record_follows_its_run_and_errors_stay_with_it(execute, actor):
    """State, moments, result and error are written into the task that was given, and a failure harms no other."""
    executor = execute()
    good, bad = ModuleTask("good", "actor", args=(5,)), ModuleTask("bad", "actor", "fail", ("text",))
    told: list[ModuleTask] = []
    bad.callback = told.append
    futures = [executor.execute_task(task, actor) for task in (bad, good)]
    assert futures[1].result(PATIENCE) == 5
    assert str(futures[0].exception(PATIENCE)) == "text"
    executor.shutdown()
    assert (good.state, good.result, good.error) == (ModuleState.COMPLETED, 5, None)
    assert (bad.state, bad.result, str(bad.error)) == (ModuleState.ERROR, None, "text")
    assert good.started_at is not None
    assert good.completed_at is not None
    assert good.created_at <= good.started_at <= good.completed_at
    assert told == [bad]


def test_the_with_block_ends_an_executor(actor):
    """Leaving the block lets what was accepted end, and refuses the rest."""
    with ModuleExecutor(2) as executor:
        future = executor.execute_task(ModuleTask("t", "actor", args=(1,)), actor)
    assert future.result(0) == 1
    with pytest.raises(BrainClosedError):
        executor.execute_task(ModuleTask("u", "actor"), actor)


def test_an_id_may_be_used_again_once_its_task_has_ended(execute, actor):
    """Only what is under way needs an id of its own."""
    executor = execute()
    for n in range(3):
        assert executor.execute_task(ModuleTask("again", "actor", args=(n,)), actor).result(PATIENCE) == n


@pytest.mark.feature("PE-05")
def test_the_figures_are_those_of_the_runs(execute, actor, clock):
    """Every run that ended is counted, failures among them, and the average is their seconds over their number."""
    executor = execute(clock=clock)
    assert executor.get_metrics().average_execution_time == 0.0
    executor.execute_task(ModuleTask("slow", "actor", "hold"), actor)
    actor.gate.wait_for()
    executor.desk.portal.run(clock.advance, 8)
    actor.gate.open()
    executor.execute_task(ModuleTask("bad", "actor", "fail"), actor)
    executor.wait_for_completion(PATIENCE)
    metrics = executor.get_metrics()
    assert (metrics.tasks_executed, metrics.tasks_failed, metrics.tasks_timed_out) == (2, 1, 0)
    assert metrics.total_execution_time == pytest.approx(8)
    assert metrics.average_execution_time == pytest.approx(4)
    executor.desk.portal.run(executor.desk.brain.to_thread, int)  # no module's work
    executor.shutdown()
    assert executor.get_metrics().tasks_executed == 2


@pytest.mark.feature("PE-04")
def test_memory_threads_and_load_are_read_with_their_peaks(execute, actor):
    """What the process uses is read when it is asked for; a peak stays when its cause has gone."""
    executor = execute(max_workers=2)
    for n in range(2):
        executor.execute_task(ModuleTask(f"t{n}", "actor", "hold"), actor)
    actor.gate.wait_for(2)
    during = executor.get_metrics()
    assert during.memory_usage > 1_000_000
    assert (during.thread_count, during.current_load) == (2, 1.0)
    actor.gate.open()
    executor.wait_for_completion(PATIENCE)
    after = executor.get_metrics()
    assert after.current_load == 0.0
    assert (after.peak_load, after.peak_thread_count) == (1.0, 2)
    assert after.peak_memory_usage >= during.memory_usage
    assert after.cpu_percent >= 0.0


@pytest.mark.feature("PE-04")
def test_the_monitor_reads_by_itself_and_can_be_left_out(execute, actor, clock):
    """Load is seen at a health round although nobody asked then; without monitoring nothing is read."""
    executor, silent = execute(max_workers=1, clock=clock), execute(1, enable_monitoring=False)
    executor.execute_task(ModuleTask("t", "actor", "hold"), actor)
    actor.gate.wait_for()
    executor.desk.portal.run(clock.advance, 6)
    actor.gate.open()
    executor.wait_for_completion(PATIENCE)
    assert executor.gauge.peak.load == 1.0
    silent.execute_task(ModuleTask("t", "actor"), actor).result(PATIENCE)
    assert silent.get_metrics().peak_memory_usage == 0
    assert silent.get_metrics().tasks_executed == 1


@pytest.mark.feature("PE-06")
def test_a_pause_occupies_no_worker(execute, actor):
    """Paused, what runs ends and its worker is free; what waits goes on when it is resumed."""
    executor = execute(max_workers=1)
    running = executor.execute_task(ModuleTask("running", "actor", "hold"), actor)
    actor.gate.wait_for()
    executor.pause()
    assert executor.is_paused
    waiting = executor.execute_task(ModuleTask("waiting", "actor", args=(1,)), actor)
    actor.gate.open()
    running.result(PATIENCE)
    assert (executor.get_active_task_count(), executor.get_queue_size()) == (0, 1)
    executor.resume()
    assert not executor.is_paused
    assert waiting.result(PATIENCE) == 1


@pytest.mark.feature("PE-06", "PM-07")
def test_the_whole_manager_pauses_and_a_module_s_own_pause_stays(manager, actor):
    """The executor's pause holds every module, new ones too; resuming it leaves the one that was paused by name."""
    manager.register_module("by-name", Actor())
    manager.pause_module("by-name")
    manager.module_executor.pause()
    manager.register_module("new", Actor())
    manager.register_module("then-by-name", Actor())
    manager.pause_module("then-by-name")
    ids = {name: manager.submit_task(name, args=(name,)) for name in ("actor", "by-name", "new", "then-by-name")}
    assert manager.get_system_status()["is_paused"] is True
    assert {manager.get_module_state(name) for name in ids} == {ModuleState.PAUSED}
    manager.module_executor.resume()
    assert manager.get_task_result(ids["actor"], PATIENCE) == "actor"
    assert manager.get_task_result(ids["new"], PATIENCE) == "new"
    for name in ("by-name", "then-by-name"):
        assert manager.get_task_status(ids[name]) == "queued"
        manager.resume_module(name)
        assert manager.get_task_result(ids[name], PATIENCE) == name


@pytest.mark.feature("PE-07")
def test_waiting_for_completion_says_what_has_ended(execute, actor):
    """It returns when all that was accepted has ended, or in time with what has."""
    executor = execute(max_workers=2)
    executor.execute_task(ModuleTask("held", "actor", "hold"), actor)
    actor.gate.wait_for()
    executor.execute_task(ModuleTask("short", "actor"), actor).result(PATIENCE)
    assert executor.wait_for_completion(0) == []
    executor.execute_task(ModuleTask("failing", "actor", "fail"), actor).exception(PATIENCE)
    waiting: SharedFuture[list[str]] = SharedFuture()
    portal = executor.desk.portal
    portal.call(portal.follow, waiting, lambda: executor._wait(None, None))
    portal.call(int)  # by now it has looked who is there
    late = executor.execute_task(ModuleTask("late", "actor", "hold"), actor)
    actor.gate.open()
    assert waiting.result(PATIENCE) == ["held"]
    late.result(PATIENCE)
    assert executor.wait_for_completion() == []


@pytest.mark.feature("PE-07")
def test_work_that_waits_for_completion_does_not_wait_for_itself(execute, actor):
    """Called inside work, that work is left out."""
    executor = execute(max_workers=2)

    class Asks(Actor):
        def run(self, value=None, *, again=1):
            return executor.wait_for_completion(PATIENCE)

    assert executor.execute_task(ModuleTask("asks", "asks"), Asks()).result(PATIENCE) == []


@pytest.mark.feature("PE-08")
def test_idle_threads_are_sent_home_at_the_interval(execute, actor, clock):
    """Every `cleanup_interval` seconds idle threads go, all but one, and the moment is kept."""
    executor = execute(max_workers=3, cleanup_interval=60, clock=clock)
    for n in range(3):
        executor.execute_task(ModuleTask(f"t{n}", "actor", "hold"), actor)
    actor.gate.wait_for(3)
    actor.gate.open()
    executor.wait_for_completion(PATIENCE)
    assert len(executor.get_thread_info()) == 3
    assert executor.get_metrics().last_cleanup is None
    executor.desk.portal.run(clock.advance, 60)
    assert executor.get_metrics().last_cleanup is not None
    assert executor.desk.status().categories[CATEGORY].total == 1
    assert executor.desk.status().categories[CATEGORY].max == 3
    assert executor.execute_task(ModuleTask("later", "actor", args=(1,)), actor).result(PATIENCE) == 1


@pytest.mark.feature("PE-09")
def test_the_summary_has_the_documented_keys_and_they_are_true(execute, actor):
    """Everything at a glance, during work and after the shutdown."""
    executor = execute(max_workers=2)
    executor.execute_task(ModuleTask("held", "actor", "hold"), actor)
    actor.gate.wait_for()
    (info,) = executor.get_thread_info().values()
    assert (info.is_busy, info.started_at is not None, info.memory_usage > 0) == (True, True, True)
    summary = executor.get_status_summary()
    assert (summary.keys(), summary["metrics"].keys()) == (SUMMARY, FIGURES)
    assert (summary["max_workers"], summary["active_tasks"], summary["queue_size"]) == (2, 1, 0)
    assert (summary["is_paused"], summary["is_shutdown"], summary["thread_count"]) == (False, False, 1)
    assert summary["metrics"]["current_load"] == 0.5
    assert summary["metrics"]["peak_memory_mb"] > 1
    actor.gate.open()
    executor.shutdown()
    summary = executor.get_status_summary()
    assert (summary["is_shutdown"], summary["active_tasks"], summary["metrics"]["tasks_executed"]) == (True, 0, 1)


@pytest.mark.feature("PE-10")
def test_the_queue_s_capacity_holds_without_a_deadlock(execute, actor):
    """Beyond it a task is refused at once with a RuntimeError, whoever submits, and the accepted ones run."""
    executor = execute(max_workers=1, max_queue_size=2)
    futures = [executor.execute_task(ModuleTask("held", "actor", "hold"), actor)]
    actor.gate.wait_for()
    futures += [executor.execute_task(ModuleTask(f"t{n}", "actor"), actor) for n in range(2)]
    with pytest.raises(QueueFullError) as caught:
        executor.execute_task(ModuleTask("too much", "actor"), actor)
    assert isinstance(caught.value, RuntimeError)
    actor.gate.open()
    for future in futures:
        future.result(PATIENCE)
    assert executor.execute_task(ModuleTask("too much", "actor", args=("now",)), actor).result(PATIENCE) == "now"


@pytest.mark.feature("PE-02")
def test_a_run_past_its_limit_costs_no_worker(execute, actor, clock):
    """The task ends at its limit, its thread is counted as abandoned, and another takes its place."""
    executor = execute(max_workers=1, clock=clock)
    stuck = executor.execute_task(ModuleTask("stuck", "actor", "hold", max_duration=3), actor)
    actor.gate.wait_for()
    executor.desk.portal.run(clock.advance, 3)
    with pytest.raises(TaskTimeoutError):
        stuck.result(PATIENCE)
    executor.desk.portal.run(clock.advance, 6)
    assert executor.execute_task(ModuleTask("next", "actor", args=(1,)), actor).result(PATIENCE) == 1
    assert (executor.get_metrics().tasks_timed_out, executor.get_metrics().peak_thread_count) == (1, 2)


def test_a_task_can_be_cancelled_by_its_own_id(execute, actor):
    """Waiting or running, the id that the caller chose is enough; unknown ones are False."""
    executor = execute(max_workers=1)
    running = executor.execute_task(ModuleTask("running", "actor", "hold"), actor)
    actor.gate.wait_for()
    waiting = executor.execute_task(ModuleTask("waiting", "actor"), actor)
    assert [executor.cancel_task(name) for name in ("waiting", "running", "nobody")] == [True, True, False]
    for future in (running, waiting):
        with pytest.raises(TaskCancelledError):
            future.result(PATIENCE)


def test_what_cannot_be_executed_is_refused(execute, actor):
    """A method that is not public, a task that is none, an id that is in use, an executor that has shut down."""
    executor = execute()
    for method in ("_secret", "missing", "start"):
        with pytest.raises(UnknownTargetError):
            executor.execute_task(ModuleTask("t", "actor", method), actor)
    with pytest.raises(InvalidArgumentError, match="ModuleTask"):
        executor.execute_task("t", actor)
    executor.execute_task(ModuleTask("held", "actor", "hold"), actor)
    with pytest.raises(InvalidArgumentError, match="held"):
        executor.execute_task(ModuleTask("held", "actor"), actor)
    for wrong in ({"max_workers": 0}, {"max_queue_size": 0}, {"cleanup_interval": float("nan")}):
        with pytest.raises(InvalidArgumentError):
            ModuleExecutor(**wrong)
    actor.gate.open()
    executor.shutdown()
    with pytest.raises(BrainClosedError):
        executor.execute_task(ModuleTask("late", "actor"), actor)
