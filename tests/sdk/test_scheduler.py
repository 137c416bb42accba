"""A scheduler by itself: what comes out, in which order, and what never does."""

from __future__ import annotations

import random
from typing import Any

import pytest

from companion_async.errors import (
    BrainClosedError,
    DependencyCycleError,
    InvalidArgumentError,
    QueueFullError,
    TaskCancelledError,
    TaskTimeoutError,
    UnknownTaskError,
    UpstreamFailedError,
)
from companion_async.priority import Priority
from companion_async.sdk.records import ModuleState, ModuleTask
from companion_async.sdk.refusals import UnknownDependencyError
from companion_async.sdk.scheduler import TaskScheduler

LEVELS = (Priority.CRITICAL, Priority.HIGH, Priority.NORMAL, Priority.LOW, Priority.BACKGROUND)


class HandClock:
    """Time that a test sets."""

    def __init__(self):
        self.now = 1_000.0

    def monotonic(self):
        return self.now

    def time(self):
        return self.now


@pytest.fixture
def clock():
    return HandClock()


def put(scheduler, *tasks):
    """Schedule ``(id, module, priority)``, all in the same order; returns the tasks by id."""
    made = {name: ModuleTask(name, module, priority=level) for name, module, level in tasks}
    for task in made.values():
        assert scheduler.schedule_task(task) == task.task_id
    return made


def drain(scheduler):
    """Take out and complete one task after the other; the ids in their order."""
    order = []
    while (task := scheduler.get_next_task()) is not None:
        order.append(task.task_id)
        scheduler.task_completed(task.task_id)
    return order


@pytest.mark.feature("PS-01")
def test_priority_first_is_a_total_order(clock):
    """Every level counts, and within one the order of arrival."""
    scheduler = TaskScheduler("priority_first", clock=clock)
    tasks = [(f"{level.name}{n}", f"m{n % 3}", level) for n in range(6) for level in LEVELS]
    random.Random(1).shuffle(tasks)
    put(scheduler, *tasks)
    expected = [name for level in LEVELS for name, _, its in tasks if its is level]
    assert drain(scheduler) == expected
    assert {lane.running for lane in scheduler._lanes.values()} == {0}


@pytest.mark.feature("PS-02")
def test_round_robin_takes_turns_and_the_best_of_each_module(clock):
    """Modules take turns however many tasks each has; inside one the most urgent goes first."""
    scheduler = TaskScheduler("round_robin", clock=clock)
    put(scheduler, *((f"a{n}", "a", Priority.LOW) for n in range(4)), ("a-urgent", "a", Priority.CRITICAL))
    put(scheduler, ("b0", "b", Priority.LOW), ("b1", "b", Priority.HIGH))
    assert drain(scheduler) == ["a-urgent", "b1", "a0", "b0", "a1", "a2", "a3"]


@pytest.mark.feature("PS-03")
def test_fair_share_follows_the_quotas(clock):
    """Of the dispatches while all have work, each module gets its quota's share."""
    scheduler = TaskScheduler("fair_share", clock=clock)
    for name, quota in (("perception", 3), ("planning", 2), ("retrieval", 1)):
        scheduler.set_module_quota(name, quota)
        put(scheduler, *((f"{name}{n}", name, Priority.NORMAL) for n in range(60)))
    first = [name.rstrip("0123456789") for name in drain(scheduler)[:60]]
    assert [abs(first.count(name) - n) <= 1 for name, n in (("perception", 30), ("planning", 20), ("retrieval", 10))]
    assert abs(first.count("perception") - 30) <= 1
    assert abs(first.count("retrieval") - 10) <= 1


@pytest.mark.feature("PS-04")
def test_weighted_priority_lets_nothing_starve(clock):
    """Urgent work goes first, but one that has waited long enough goes before urgent work that has just come."""
    scheduler = TaskScheduler(clock=clock)
    put(scheduler, ("old", "m", Priority.BACKGROUND))
    clock.now += 30
    put(scheduler, ("early", "m", Priority.CRITICAL))
    clock.now += 15
    put(scheduler, ("late", "m", Priority.CRITICAL))
    assert drain(scheduler) == ["early", "old", "late"]


@pytest.mark.feature("PS-04")
def test_without_fairness_priority_alone_counts(clock):
    """Ageing can be left out, and then the urgent always go first."""
    scheduler = TaskScheduler(enable_fairness=False, clock=clock)
    put(scheduler, ("old", "m", Priority.BACKGROUND))
    clock.now += 10_000
    put(scheduler, ("late", "m", Priority.CRITICAL))
    assert drain(scheduler) == ["late", "old"]


@pytest.mark.feature("PS-05")
def test_shortest_job_first_goes_by_measured_times(clock):
    """What has been short so far goes before what has been long, whatever came first."""
    scheduler = TaskScheduler("shortest_job_first", clock=clock)
    for module, seconds in (("long", 9), ("short", 1)):
        put(scheduler, (f"{module}-first", module, Priority.NORMAL))
        scheduler.get_next_task()
        clock.now += seconds
        scheduler.task_completed(f"{module}-first")
    put(scheduler, ("l", "long", Priority.CRITICAL), ("s", "short", Priority.LOW))
    assert drain(scheduler) == ["s", "l"]


@pytest.mark.feature("PS-09")
def test_earliest_deadline_first_goes_by_the_limits(clock):
    """The deadline is the moment of scheduling and the task's limit; what has none comes last."""
    scheduler = TaskScheduler("earliest_deadline_first", clock=clock)
    for name, limit in (("none", None), ("far", 60), ("near", 5), ("overdue", 0.5)):
        scheduler.schedule_task(ModuleTask(name, "m", max_duration=limit))
    clock.now += 1
    assert drain(scheduler) == ["overdue", "near", "far", "none"]


@pytest.mark.feature("PS-06")
def test_a_task_comes_out_after_what_it_depends_on(clock):
    """Dependencies of the task and of the call count both, and the last to complete sets it free."""
    scheduler = TaskScheduler(clock=clock)
    put(scheduler, ("first", "m", Priority.LOW), ("second", "m", Priority.LOW))
    last = ModuleTask("last", "m", priority=Priority.CRITICAL, dependencies={"first"})
    scheduler.schedule_task(last, dependencies={"second"})
    assert last.dependencies == {"first", "second"}
    assert [getattr(scheduler.get_next_task(), "task_id", None) for _ in range(2)] == ["first", "second"]
    assert scheduler.get_next_task() is None
    scheduler.task_completed("first")
    assert scheduler.get_next_task() is None
    scheduler.task_completed("second")
    assert scheduler.get_next_task() is last
    assert last.state is ModuleState.RUNNING


@pytest.mark.feature("PS-06")
@pytest.mark.parametrize("how", ["fails", "is cancelled", "has failed before"])
def test_what_depends_on_a_task_that_does_not_complete_fails_with_it(clock, how):
    """The whole chain behind it ends in error and never comes out, however long it is; the rest goes on."""
    scheduler = TaskScheduler(max_pending_tasks=3000, clock=clock)
    put(scheduler, ("first", "m", Priority.HIGH))
    if how == "has failed before":
        scheduler.get_next_task()
        scheduler.task_completed("first", success=False)
    chain = [ModuleTask(f"t{n}", "m") for n in range(2000)]
    for task, upstream in zip(chain, ["first", *(task.task_id for task in chain)], strict=False):
        scheduler.schedule_task(task, {upstream})
    put(scheduler, ("other", "m", Priority.LOW))
    if how == "fails":
        scheduler.get_next_task()
        scheduler.task_completed("first", success=False)
    elif how == "is cancelled":
        assert scheduler.cancel_task("first") is True
    assert drain(scheduler) == ["other"]
    assert {task.state for task in chain} == {ModuleState.ERROR}
    assert all(isinstance(task.error, UpstreamFailedError) for task in chain)
    assert scheduler.get_queue_status()["pending_tasks"] == 0


@pytest.mark.feature("PS-07")
def test_a_task_cannot_wait_for_itself_or_for_what_is_not_known(clock):
    """Since what it waits for must be known already, no cycle can be made; its own id is refused as one."""
    scheduler = TaskScheduler(clock=clock)
    with pytest.raises(DependencyCycleError) as cycle:
        scheduler.schedule_task(ModuleTask("a", "m"), {"a"})
    with pytest.raises(UnknownDependencyError) as unknown:
        scheduler.schedule_task(ModuleTask("a", "m", dependencies={"b"}))
    assert isinstance(cycle.value, ValueError)
    assert isinstance(unknown.value, ValueError)
    assert scheduler.get_queue_status()["pending_tasks"] == 0


@pytest.mark.feature("PS-08")
def test_a_dependency_that_takes_too_long_is_given_up(clock):
    """After the dependency timeout the waiting task ends in error, is counted, and takes its dependents with it."""
    scheduler = TaskScheduler(dependency_timeout=60, clock=clock)
    put(scheduler, ("slow", "m", Priority.HIGH))
    waiting, behind = ModuleTask("waiting", "m"), ModuleTask("behind", "m")
    scheduler.schedule_task(waiting, {"slow"})
    scheduler.get_next_task()
    clock.now += 59
    scheduler.schedule_task(behind, {"waiting"})
    assert scheduler.get_next_task() is None
    assert waiting.state is ModuleState.QUEUED
    clock.now += 1
    assert scheduler.get_next_task() is None
    assert (waiting.state, type(waiting.error)) == (ModuleState.ERROR, TaskTimeoutError)
    assert (behind.state, type(behind.error)) == (ModuleState.ERROR, UpstreamFailedError)
    assert scheduler.get_scheduling_metrics().dependency_violations == 1
    scheduler.task_completed("slow")
    assert scheduler.get_next_task() is None


@pytest.mark.feature("PS-10")
def test_the_queue_and_its_figures_are_shown(clock):
    """How many wait, urgent or not, or for others; what was scheduled, and how long it waited and ran."""
    scheduler = TaskScheduler(clock=clock)
    put(scheduler, ("c", "m", Priority.CRITICAL), ("h", "m", Priority.HIGH), ("l", "m", Priority.LOW))
    scheduler.schedule_task(ModuleTask("blocked", "m"), {"c", "h"})
    status = scheduler.get_queue_status()
    assert {key: status[key] for key in status if key != "average_scheduler_overhead"} == {
        "priority_queue_size": 2,
        "ready_queue_size": 1,
        "blocked_tasks": 1,
        "pending_tasks": 4,
        "total_dependencies": 2,
        "scheduling_policy": "weighted_priority",
    }
    clock.now += 4
    scheduler.get_next_task()
    clock.now += 2
    scheduler.task_completed("c")
    metrics = scheduler.get_scheduling_metrics()
    assert (metrics.total_scheduled, metrics.total_completed) == (4, 1)
    assert (metrics.average_wait_time, metrics.average_execution_time) == (4.0, 2.0)
    assert metrics.priority_distribution == {
        Priority.CRITICAL: 1,
        Priority.HIGH: 1,
        Priority.LOW: 1,
        Priority.NORMAL: 1,
    }
    assert len(metrics.scheduler_overheads) == 1
    assert scheduler.get_queue_status()["average_scheduler_overhead"] > 0


@pytest.mark.feature("PS-12")
def test_the_bound_on_pending_tasks_is_kept_with_an_error(clock):
    """Waiting and blocked tasks count; one that is taken out makes room."""
    scheduler = TaskScheduler(max_pending_tasks=2, clock=clock)
    put(scheduler, ("a", "m", Priority.NORMAL))
    scheduler.schedule_task(ModuleTask("b", "m"), {"a"})
    refused = ModuleTask("c", "m")
    with pytest.raises(QueueFullError) as caught:
        scheduler.schedule_task(refused)
    assert isinstance(caught.value, RuntimeError)
    scheduler.get_next_task()
    assert scheduler.schedule_task(refused) == "c"


@pytest.mark.feature("PM-05")
def test_a_cancelled_task_never_comes_out(clock):
    """Only what waits can be cancelled: what runs has been given away."""
    scheduler = TaskScheduler(clock=clock)
    tasks = put(scheduler, ("a", "m", Priority.HIGH), ("b", "m", Priority.LOW))
    scheduler.get_next_task()
    assert [scheduler.cancel_task(name) for name in ("b", "b", "a", "nobody")] == [True, False, False, False]
    assert (tasks["b"].state, type(tasks["b"].error)) == (ModuleState.CANCELLED, TaskCancelledError)
    assert scheduler.get_next_task() is None


def test_what_is_wrong_is_refused(clock):
    """Unknown policies, ids in use, tasks that are none, ends of tasks that do not run, work after the shutdown."""
    with pytest.raises(InvalidArgumentError, match="fair_share"):
        TaskScheduler("random")
    scheduler = TaskScheduler(clock=clock)
    waiting = put(scheduler, ("a", "m", Priority.NORMAL))["a"]
    bad: list[dict[str, Any]] = [
        {"task_id": "a"},
        {"max_duration": -1},
        {"priority": "x"},
        {"module_name": "no such name!"},
    ]
    tasks: list[Any] = [ModuleTask(**({"task_id": "b", "module_name": "m"} | each)) for each in bad]
    for wrong in ("a", *tasks):
        with pytest.raises(InvalidArgumentError):
            scheduler.schedule_task(wrong)
    with pytest.raises(InvalidArgumentError):
        scheduler.schedule_task(ModuleTask("b", "m"), "a")
    with pytest.raises(InvalidArgumentError):
        scheduler.set_module_quota("m", 0)
    with pytest.raises(UnknownTaskError):
        scheduler.task_completed("a")
    scheduler.shutdown()
    assert waiting.state is ModuleState.CANCELLED
    with pytest.raises(BrainClosedError):
        scheduler.schedule_task(ModuleTask("b", "m"))
