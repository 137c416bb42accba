"""Limits: each span has its own, the error names the one that ran out, and they need nothing of what they limit."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from companion_async import (
    Brain,
    BrainConfig,
    TaskState,
    TaskTimeoutError,
    Timeout,
    current_task,
)
from companion_async.testing.clock import VirtualClock, settle, until
from tests.work.house import Gate, ends, running, running_state


@pytest.mark.feature("CB-08", "PE-02", "U-3")
async def test_a_run_in_a_thread_ends_for_its_waiter_at_its_limit():
    """At the instant of the limit, neither before nor later; the error names task, module, span and limit."""
    clock = VirtualClock()
    async with running(clock) as brain:
        gate, told = Gate(), []
        task = brain.submit("category:core", gate, timeout=3.0)
        task.add_done_callback(lambda _: told.append(clock.monotonic()))
        await gate.holds(1)
        begun = clock.monotonic()
        await clock.advance(2.999)
        assert task.state is TaskState.RUNNING
        await clock.advance(0.001)
        assert told == [pytest.approx(begun + 3.0, abs=1e-6)]
        with pytest.raises(TaskTimeoutError) as caught:
            await task
        error = caught.value
        assert (error.task_id, error.module, error.span, error.limit) == (task.id, "category:core", "run", 3.0)
        assert isinstance(error, TimeoutError)
        assert (task.state, task.attempt) == (TaskState.TIMED_OUT, 1)
        gate.open()


@pytest.mark.feature("CB-08", "X-01")
async def test_a_run_that_was_given_up_is_no_part_of_its_modules_cap():
    """Its thread is counted as abandoned, and the module of one run at a time goes on with the next beside it."""
    clock = VirtualClock()
    async with running(clock) as brain:
        gate = Gate()
        await brain.register("m", lambda name: gate(name), max_concurrency=1)
        stuck = brain.submit("m", "run", "stuck", timeout=3.0)
        following = brain.submit("m", "run", "following", timeout=None)
        await gate.holds(1)
        await clock.advance(3)
        await gate.holds(2)
        assert ends(stuck, following) == ["timed_out", "running"]
        core = brain.status().categories["core"]
        assert (core.abandoned, core.active, brain.module_status("m").running) == (1, 1, 1)
        gate.open()
        assert await following == "following"


@pytest.mark.feature("CB-08")
async def test_a_run_that_passed_its_limit_is_not_retried():
    """Whatever ``retry`` says: its thread may still be at work, and two runs at once were never asked for."""
    clock = VirtualClock()
    async with running(clock) as brain:
        gate = Gate()
        task = brain.submit("category:core", gate, timeout=3.0, retry=5)
        await gate.holds(1)
        await clock.advance(3)
        await clock.advance(60)
        assert ends(task) == ["timed_out"]
        gate.open()
        await until(lambda: not gate.inside)
        await clock.advance(60)
        assert (task.attempt, gate.order) == (1, [None])


@pytest.mark.slow
@pytest.mark.feature("CB-08", "PE-02")
async def test_on_the_real_clock_the_waiter_is_told_soon_after_the_limit():
    """Within 50 ms of it on an idle loop: of five tries the best is looked at, for the machine may be busy."""
    late = []
    async with Brain(BrainConfig(auto_scaling=False)) as brain:
        for _ in range(5):
            release = threading.Event()
            task = brain.submit("category:core", release.wait, 20.0, timeout=0.05)
            await running_state(task)
            with pytest.raises(TaskTimeoutError):
                await task
            late.append(time.monotonic() - task.started - 0.05)
            release.set()
    assert -0.001 <= min(late) < 0.05


@pytest.mark.feature("CB-08", "PE-02")
async def test_a_coroutine_is_cancelled_at_its_limit():
    """Its clean-up runs, its waiter gets the error of the limit and not a cancellation."""
    clock = VirtualClock()
    async with running(clock) as brain:
        cleaned = []

        async def work():
            try:
                await asyncio.Event().wait()
            finally:
                cleaned.append(clock.monotonic())

        task = brain.submit("category:core", work, timeout=2.0)
        await clock.advance(1.9)
        assert ends(task) == ["running"]
        await clock.advance(0.2)
        with pytest.raises(TaskTimeoutError, match="run limit of 2 s"):
            await task
        assert cleaned == [pytest.approx(2.0, abs=0.01)]


@pytest.mark.feature("CB-08", "PS-08")
@pytest.mark.parametrize("span", ["queue", "run", "total", "idle"])
async def test_each_span_has_a_limit_of_its_own_and_the_error_names_it(span):
    """A long wait is no long run: `queue` ends what waits and never what runs, `run` and `idle` the other way round."""
    clock = VirtualClock()
    async with running(clock, categories={"core": 1}, default_timeout=None) as brain:
        gate = Gate()
        runs = brain.submit("category:core", gate, timeout=Timeout(**{span: 4.0}))
        await gate.holds(1)
        waits = brain.submit("category:core", gate, timeout=Timeout(**{span: 4.0}))
        await clock.advance(3.9)
        assert ends(runs, waits) == ["running", "queued"]

        await clock.advance(0.2)
        expected = {"queue": waits, "total": waits, "run": runs, "idle": runs}[span]
        assert expected.state is TaskState.TIMED_OUT
        error = expected.exception()
        assert isinstance(error, TaskTimeoutError)
        assert (error.span, error.limit) == (span, 4.0)
        assert (runs.state is TaskState.TIMED_OUT) == (span != "queue")
        assert (waits.state is TaskState.TIMED_OUT) == (span in {"queue", "total"})
        assert waits.state is not TaskState.TIMED_OUT or waits.attempt == 0
        gate.open()


@pytest.mark.feature("CB-08")
async def test_waiting_takes_nothing_from_the_time_of_the_run():
    """A task that waited for an hour has all of its run limit before it."""
    clock = VirtualClock()
    async with running(clock, categories={"core": 1}) as brain:
        gate = Gate()
        brain.submit("category:core", gate, timeout=None)
        await gate.holds(1)
        later = brain.submit("category:core", gate, timeout=5.0)
        await clock.advance(3600.0)
        assert ends(later) == ["queued"]
        gate.let(1)
        await running_state(later)
        await gate.begun(2)
        await clock.advance(4.9)
        assert ends(later) == ["running"]
        await clock.advance(0.2)
        assert ends(later) == ["timed_out"]
        gate.open()


@pytest.mark.feature("CB-08", "U-3")
@pytest.mark.parametrize(("run", "total", "wins"), [(5.0, 3.0, "total"), (3.0, 5.0, "run")])
async def test_the_shorter_of_two_limits_wins(run, total, wins):
    """A run limit beyond the whole task's does not prolong it, and `current_task().deadline` knows the nearer one."""
    clock = VirtualClock()
    async with running(clock) as brain:
        gate, deadlines = Gate(), []

        def work():
            deadlines.append(current_task().deadline)
            gate()

        task = brain.submit("category:core", work, timeout=Timeout(run=run, total=total))
        await gate.holds(1)
        await clock.advance(3.1)
        error = task.exception()
        assert isinstance(error, TaskTimeoutError)
        assert error.span == wins
        assert deadlines == [pytest.approx(3.0)]
        gate.open()


@pytest.mark.feature("CB-08", "U-3")
async def test_two_limits_of_one_instant_give_one_end_the_same_each_time():
    """Equal limits of run and whole task end it once, and always under the same name."""
    named = []
    for _ in range(5):
        clock = VirtualClock()
        async with running(clock) as brain:
            gate = Gate()
            task = brain.submit("category:core", gate, timeout=Timeout(run=3.0, total=3.0))
            await gate.holds(1)
            await clock.advance(3.0)
            error = task.exception()
            assert isinstance(error, TaskTimeoutError)
            named.append(error.span)
            assert [step.state for step in task.history].count("timed_out") == 1
            gate.open()
    assert len(set(named)) == 1


@pytest.mark.feature("CB-08", "U-3")
async def test_a_limit_of_the_outer_work_ends_the_inner_wait():
    """A wait inside work ends when the work's own limit does, however long the inner task may take."""
    clock = VirtualClock()
    async with running(clock) as brain:
        gate = Gate()

        async def outer():
            return await brain.submit("category:phase1", gate, timeout=100.0)

        task = brain.submit("category:core", outer, timeout=2.0)
        await gate.holds(1)
        await clock.advance(2.1)
        with pytest.raises(TaskTimeoutError) as caught:
            await task
        assert caught.value.task_id == task.id
        # Its only waiter is gone, so the inner task is cancelled with it.
        (inner,) = brain.tasks(module="category:phase1")
        assert ends(inner) == ["cancelled"]
        gate.open()


@pytest.mark.feature("CB-08")
async def test_work_that_ended_in_time_is_a_success_however_late_the_loop_hears_of_it():
    """What counts is when the thread was done, not when the loop that was held up came to look."""
    clock = VirtualClock()
    async with running(clock, categories={"core": 1}) as brain:
        gate, following = Gate(), threading.Event()
        task = brain.submit("category:core", gate, "in time", timeout=1.0)
        await gate.holds(1)
        behind = brain.submit("category:core", following.set, timeout=None)
        gate.open()
        # The loop is held up here: the same thread has gone on to its next task before anyone looks at the clock.
        assert following.wait(30)
        clock._now += 10.0
        await clock.advance(0.1)
        assert await task == "in time"
        await behind


@pytest.mark.feature("CB-08", "PE-02")
async def test_fifty_limits_passed_leave_no_more_threads_than_the_budget_allows():
    """Work that ignores its end costs as many threads as limit and budget together; the rest waits, and then runs."""
    clock = VirtualClock()
    async with running(clock, categories={"core": 4}, abandoned_budget=3) as brain:
        gate = Gate()
        tasks = [brain.submit("category:core", gate, n, timeout=1.0) for n in range(50)]
        await gate.holds(4)
        for _ in range(20):
            await clock.advance(1.0)
            await gate.holds(7)
            core = brain.status().categories["core"]
            assert core.abandoned <= 3
            assert core.total <= 4
            assert gate.inside <= 7
        assert brain.status().total_threads <= 7
        assert sum(task.state is TaskState.TIMED_OUT for task in tasks) == 7
        gate.open()
        await brain.drain()
        assert sorted(set(ends(*tasks))) == ["completed", "timed_out"]
        await until(lambda: brain.status().categories["core"].abandoned == 0)


@pytest.mark.feature("CB-08")
async def test_a_clock_that_jumps_is_no_storm():
    """After an hour in which the process was stopped, what runs past its limit is ended once; what waits, goes on."""
    clock = VirtualClock()
    async with running(clock, categories={"core": 2}) as brain:
        gate = Gate()
        short = brain.submit("category:core", gate, timeout=10.0)
        endless = brain.submit("category:core", gate, timeout=None)
        await gate.holds(2)
        waiting = [brain.submit("category:core", lambda: "ran", timeout=10.0) for _ in range(20)]
        clock._now += 3600.0  # stopped and continued: no timer fired on the way
        await clock.advance(0.5)
        assert ends(short, endless) == ["timed_out", "running"]
        gate.let(1)
        gate.open()
        await brain.drain()
        assert set(ends(*waiting)) == {"completed"}
        assert ends(endless) == ["completed"]
        assert brain.status().stats.threads_restarted <= 1


@pytest.mark.feature("CB-08")
async def test_giving_up_a_wait_leaves_the_task_alone():
    """`wait(timeout=...)` raises `TimeoutError`, and the task goes on to its result."""
    clock = VirtualClock()
    async with running(clock) as brain:
        gate = Gate()
        task = brain.submit("category:core", gate, "value", timeout=None)
        await gate.holds(1)
        impatient = asyncio.ensure_future(task.wait(timeout=2.0))
        await settle()
        await clock.advance(2.1)
        with pytest.raises(TimeoutError):
            await impatient
        assert ends(task) == ["running"]
        gate.open()
        assert await task == "value"
