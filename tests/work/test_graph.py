"""Tasks that wait for tasks: each ends, whatever became of those before it, and what is new can close no cycle."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest

from companion_async import (
    DependencyCycleError,
    TaskCancelledError,
    TaskState,
    TaskTimeoutError,
    Timeout,
    UnknownTaskError,
    UpstreamFailedError,
)
from companion_async.scheduling import endings
from companion_async.testing.clock import VirtualClock, settle, until
from tests.work.house import Gate, ends, running


def fail() -> None:
    raise ValueError("broken")


def nothing() -> None:
    return None


@pytest.mark.feature("PS-06", "PM-02")
async def test_a_task_runs_after_all_it_waits_for():
    """Given as tasks or as ids, once or twice, in one or several: none begins before the last of them has completed."""
    async with running() as brain:
        gate, ran = Gate(), list[str]()
        first = brain.submit("category:core", gate)
        second = brain.submit("category:phase1", gate)
        both = brain.submit("category:core", ran.append, "both", after=[first, second.id, first])
        last = brain.submit("category:core", ran.append, "last", after=both)
        await gate.holds(2)
        assert ends(both, last) == ["blocked", "blocked"]
        gate.let(1)
        await settle()
        assert both.state is TaskState.BLOCKED
        gate.open()
        await last
        assert ran == ["both", "last"]
        assert both.started_at is not None
        assert first.finished_at is not None
        assert second.finished_at is not None
        assert both.started_at >= max(first.finished_at, second.finished_at)


UPSTREAMS = ["completed", "failed", "cancelled", "timed_out"]


@pytest.mark.feature("PS-06")
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("rule", ["fail", "skip", "run"])
@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_what_becomes_of_a_task_follows_from_how_its_upstream_ended(upstream, rule, moment):
    """The table of ends and rules holds whether the upstream had ended before the task was submitted or ends later."""
    clock = VirtualClock()
    async with running(clock) as brain:
        gate, ran = Gate(), list[int]()

        def work():
            gate()
            if upstream == "failed":
                fail()

        first = brain.submit("category:core", work, timeout=1.0)
        await gate.holds(1)

        def submit():
            return brain.submit("category:core", ran.append, 1, after=first, on_upstream_failure=rule, timeout=None)

        waiting = submit() if moment == "before" else None
        if upstream == "cancelled":
            first.cancel("not wanted")
        elif upstream == "timed_out":
            await clock.advance(1.1)
        gate.open()
        await first.wait() if upstream == "completed" else await brain.drain()
        assert ends(first) == [upstream]
        task = waiting or submit()
        await brain.drain()
        runs = upstream == "completed" or rule == "run"
        assert ran == [1] * runs
        assert ends(task) == ["completed" if runs else "cancelled" if rule == "skip" else "failed"]
        if not runs:
            error = task.error
            assert isinstance(error, TaskCancelledError if rule == "skip" else UpstreamFailedError)
            assert first.id in str(error)
            assert task.attempt == 0
            if rule != "skip":
                assert isinstance(error, UpstreamFailedError)
                assert error.upstream_state == upstream
                assert error.__cause__ is first.error


@pytest.mark.feature("PS-06")
async def test_a_failure_in_the_middle_ends_all_behind_it_with_the_chain_of_causes():
    """Each descendant names the one before it, down to the error of the work itself; the other branch completes."""
    async with running() as brain:
        gate = Gate()
        root = brain.submit("category:core", gate)
        middle = brain.submit("category:core", fail, after=root)
        chain = [middle]
        for _ in range(5):
            chain.append(brain.submit("category:core", nothing, after=chain[-1]))
        beside = brain.submit("category:core", lambda: "fine", after=root)
        whatever = brain.submit("category:core", lambda: "ran", after=chain[-1], on_upstream_failure="run")
        gate.open()
        assert await beside == "fine"
        assert await whatever == "ran"
        assert set(ends(*chain)) == {"failed"}
        error = chain[-1].exception()
        for task in reversed(chain[:-1]):
            assert isinstance(error, UpstreamFailedError)
            assert error.upstream_id == task.id
            error = error.__cause__
        assert isinstance(error, ValueError)


@pytest.mark.feature("PS-06")
async def test_an_upstream_that_is_retried_holds_those_behind_it_until_its_last_run():
    """A run that fails and will come again is no end: the dependent runs once, after the one that worked."""
    clock = VirtualClock()
    async with running(clock) as brain:
        runs = []

        def work():
            runs.append("upstream")
            if len(runs) < 3:
                fail()

        first = brain.submit("category:core", work, retry=3)
        second = brain.submit("category:core", runs.append, "dependent", after=first)

        def has_run(attempt: int) -> bool:
            return first.attempt >= attempt and first.state != "running"

        for attempt in (1, 2):
            await until(partial(has_run, attempt))
            await clock.advance(1.0)
        await second
        assert runs == ["upstream"] * 3 + ["dependent"]


@pytest.mark.feature("PS-07", "PM-03")
async def test_no_submission_can_wait_for_itself_or_for_what_waits_for_it():
    """A new task has no id yet that another could wait for, so a cycle cannot be said; a stranger is refused at once,
    and a forgotten one too.
    """
    async with running(history_size=1) as brain:
        gate = Gate()
        held = brain.submit("category:core", gate)
        forgotten = brain.submit("category:core", nothing)
        await forgotten
        await brain.submit("category:core", nothing)
        number = int(held.id.rsplit("-", 1)[1])
        prefix = held.id.rsplit("-", 1)[0]
        for unknown in (f"{prefix}-{number + 3}", forgotten.id):
            with pytest.raises((UnknownTaskError, DependencyCycleError)):
                brain.submit("category:core", nothing, after=[held, unknown])
        assert len(brain._assembly("test").scheduler.dependencies) == 0
        assert brain.status().pending_tasks == 1
        gate.open()


@pytest.mark.feature("PS-08")
async def test_waiting_for_others_has_its_limit_in_the_whole_tasks():
    """`Timeout(total=...)` ends a task that still waits for its upstream, at its instant, and the upstream goes on."""
    clock = VirtualClock()
    async with running(clock) as brain:
        gate, ran = Gate(), list[int]()
        first = brain.submit("category:core", gate, "result", timeout=None)
        second = brain.submit("category:core", ran.append, 1, after=first, timeout=Timeout(total=5.0))
        third = brain.submit("category:core", ran.append, 2, after=second)
        await gate.holds(1)
        await clock.advance(4.9)
        assert ends(second, third) == ["blocked", "blocked"]
        await clock.advance(0.2)
        assert ends(first, second, third) == ["running", "timed_out", "failed"]
        assert isinstance(second.exception(), TaskTimeoutError)
        error = third.exception()
        assert isinstance(error, UpstreamFailedError)
        assert error.upstream_state == "timed_out"
        gate.open()
        assert await first == "result"
        assert ran == []


@pytest.mark.feature("PS-08")
async def test_the_queue_limit_begins_when_the_last_upstream_has_ended():
    """Waiting for others is no waiting for a slot."""
    clock = VirtualClock()
    async with running(clock, categories={"core": 1}) as brain:
        gate = Gate()
        first = brain.submit("category:phase1", gate, timeout=None)
        blocker = brain.submit("category:core", gate, timeout=None)
        second = brain.submit("category:core", nothing, after=first, timeout=Timeout(queue=5.0))
        await gate.holds(2)
        await clock.advance(60.0)
        assert ends(second) == ["blocked"]
        first.cancel()
        third = brain.submit(
            "category:core", nothing, after=first, on_upstream_failure="run", timeout=Timeout(queue=5.0)
        )
        await clock.advance(4.9)
        assert ends(third) == ["queued"]
        await clock.advance(0.2)
        assert ends(second, third) == ["failed", "timed_out"]
        error = third.exception()
        assert isinstance(error, TaskTimeoutError)
        assert error.span == "queue"
        gate.open()
        await blocker


@pytest.mark.feature("PS-06", "PM-05")
async def test_a_cancelled_task_between_others_is_left_out_of_the_graph():
    """What waited for it ends by its rule; its own upstream goes on, and nothing of it stays behind."""
    async with running() as brain:
        gate, ran = Gate(), list[str]()
        first = brain.submit("category:core", gate)
        between = brain.submit("category:core", ran.append, "between", after=first)
        failed = brain.submit("category:core", ran.append, "failed", after=between)
        anyway = brain.submit("category:core", ran.append, "anyway", after=between, on_upstream_failure="run")
        assert between.cancel()
        await anyway
        assert ends(first, between, failed) == ["running", "cancelled", "failed"]
        gate.open()
        await first
        assert ran == ["anyway"]
        assert len(brain._assembly("test").scheduler.dependencies) == 0
        assert brain._assembly("test").scheduler.dependencies.dependents == {}


@pytest.mark.feature("PS-06")
@pytest.mark.parametrize("failing", [False, True], ids=["completing", "failing"])
@pytest.mark.parametrize("shape", ["chain", "out", "in"])
async def test_long_and_wide_graphs_end_without_recursion(shape, failing):
    """A chain of 2,000 tasks, one before 2,000, 2,000 before one: each ends, failures included, on a shallow stack."""
    count = 2000
    async with running(queue_capacity=10_000) as brain:
        gate = Gate()

        def begin():
            gate()
            if failing:
                fail()

        root = brain.submit("category:core", begin, timeout=None)
        tasks = [root]
        for _ in range(count):
            tasks.append(brain.submit("category:core", nothing, after=tasks[-1] if shape == "chain" else root))
        if shape == "in":
            tasks.append(brain.submit("category:core", nothing, after=tasks))
        gate.open()
        await brain.drain()
        assert set(ends(*tasks)) == {"failed" if failing else "completed"}
        assert len(brain._assembly("test").scheduler.dependencies) == 0


@pytest.mark.feature("PS-06")
@pytest.mark.parametrize("failing", [False, True], ids=["completing", "failing"])
async def test_those_who_waited_for_one_task_are_let_go_in_turns_of_the_loop(failing, monkeypatch):
    """However many wait for one task, its end takes the loop for one time share, and then others have a turn."""
    monkeypatch.setattr(endings, "SHARE", 0.0)  # every one is too much
    async with running() as brain:
        gate, turns = Gate(), 0

        def begin():
            gate()
            if failing:
                fail()

        def turn():
            nonlocal turns
            if any(task.state is TaskState.BLOCKED for task in tasks):
                turns += tasks[0].state is not TaskState.BLOCKED
                asyncio.get_running_loop().call_soon(turn)

        root = brain.submit("category:core", begin, timeout=None)
        tasks = [brain.submit("category:core", nothing, after=root) for _ in range(100)]
        gate.open()
        turn()
        await brain.drain()
        assert set(ends(*tasks)) == {"failed" if failing else "completed"}
        assert turns > 50


@pytest.mark.slow
@pytest.mark.feature("PS-06")
async def test_a_chain_of_a_hundred_thousand_leaves_the_loop_its_turns():
    """Link by link each runs after the one before it; the loop comes round all the time, and nothing recurses."""
    async with running(queue_capacity=200_000, history_size=300_000) as brain:
        gate = Gate()
        tasks = [brain.submit("category:core", gate, timeout=None)]
        for _ in range(100_000):
            tasks.append(brain.submit("category:core", nothing, after=tasks[-1]))
        worst, last = 0.0, time.monotonic()
        gate.open()
        while brain.status().pending_tasks:
            await asyncio.sleep(0)
            now = time.monotonic()
            worst, last = max(worst, now - last), now
        assert set(ends(*tasks)) == {"completed"}
        assert worst < 1.0
