"""A run in a process that nobody wants any more is signalled, and then really killed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from companion_async import TaskCancelledError, TaskTimeoutError, Timeout
from companion_async.offload.processes.process import Process
from companion_async.testing.clock import VirtualClock, until
from tests.processes import work
from tests.processes.settlement import PATIENCE, ends, exists, living, noted, settled


@pytest.mark.feature("X-04")
async def test_a_run_past_its_limit_is_killed(tmp_path):
    """The caller gets `TaskTimeoutError`, the process is gone whatever it ignores, its place is free."""
    clock = VirtualClock()
    async with settled(clock, options={"max_concurrency": 1}) as brain:
        task = brain.submit("m", work.touch_and_spin, tmp_path / "pid", timeout=2.0)
        pid = int(await noted(tmp_path / "pid"))
        await clock.advance(1.9)
        assert task.running
        await clock.advance(0.2)
        with pytest.raises(TaskTimeoutError) as raised:
            await task
        assert raised.value.span == "run"
        await until(lambda: not exists(pid), PATIENCE)
        assert await brain.submit("m", "run", timeout=None) != pid
        status = brain.status().categories["core"]
        assert (status.active, status.abandoned) == (0, 0)
        assert not brain.decisions()


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_starting_a_process_is_no_part_of_the_run(monkeypatch):
    """A limit that is shorter than an interpreter takes to start is no obstacle; the queue's span counts it."""
    clock, go, start = VirtualClock(), asyncio.Event(), Process.start

    async def start_later(*args: Any) -> Any:
        await go.wait()
        return await start(*args)

    async with settled(clock) as brain:
        monkeypatch.setattr(Process, "start", start_later)
        patient = brain.submit("m", work.double, 2, timeout=0.05)
        hasty = brain.submit("m", work.double, 2, timeout=Timeout(queue=0.05))
        await clock.advance(1)
        with pytest.raises(TaskTimeoutError) as raised:
            await hasty
        assert raised.value.span == "queue"
        assert not patient.done()
        go.set()
        assert await patient == 4


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_every_span_holds(tmp_path):
    """Idle runs out between two reports and not while they come; total counts from submission."""
    clock = VirtualClock()
    async with settled(clock) as brain:
        task = brain.submit("m", work.say_what_comes, tmp_path, 5, timeout=Timeout(idle=4.0))
        for number in range(5):
            (tmp_path / str(number)).touch()
            await until(lambda: task.progress.fraction == (number + 1) / 5, PATIENCE)  # noqa: B023 - waited for here
            await clock.advance(3)
        (tmp_path / "5").touch()
        assert await task == 5
        for spans, span in ((Timeout(idle=0.05), "idle"), (Timeout(total=0.05), "total"), (Timeout(run=0.05), "run")):
            task = brain.submit("m", work.spin, timeout=spans)
            await until(lambda: task.running, PATIENCE)  # noqa: B023 - waited for here
            await clock.advance(0.1)
            with pytest.raises(TaskTimeoutError) as raised:
                await task
            assert raised.value.span == span


async def test_cancelled_work_that_heeds_its_signal_ends_by_itself(tmp_path):
    """Waiters go at once; the work sees the signal within the grace, and its process takes the next run."""
    async with settled(options={"max_concurrency": 1}) as brain:
        path = tmp_path / "note"
        task = brain.submit("m", work.heed, path)
        await noted(path, "begun")
        (pid,) = living(brain)
        assert task.cancel("enough")
        with pytest.raises(TaskCancelledError, match="enough"):
            await task
        assert await noted(path, "TaskCancelled") == f"TaskCancelledError in {pid}"
        assert await brain.submit("m", "run") == pid
        sleeping = brain.submit("m", work.sleep_for_ever, tmp_path / "sleeper")
        await noted(tmp_path / "sleeper", "begun")
        sleeping.cancel()
        await noted(tmp_path / "sleeper", "cancelled")
        assert await brain.submit("m", "run") == pid


@pytest.mark.feature("X-04")
@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_cancelled_work_that_does_not_is_killed_after_the_grace(tmp_path):
    """Until then it keeps its place, since it is at work; then it is gone, and no thread was abandoned for it."""
    clock = VirtualClock()
    async with settled(clock, options={"max_concurrency": 1}, cancel_grace=3.0) as brain:
        task = brain.submit("m", work.touch_and_spin, tmp_path / "pid", timeout=None)
        pid = int(await noted(tmp_path / "pid"))
        task.cancel()
        await clock.advance(2.9)
        assert exists(pid)
        assert brain.status().categories["core"].active == 1
        await clock.advance(0.2)
        await until(lambda: not exists(pid), PATIENCE)
        await until(lambda: not brain.status().categories["core"].active)
        assert not brain.decisions()


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_work_cancelled_before_its_process_is_there_never_runs(tmp_path):
    """The process that was on its way for it serves the next."""
    async with settled(options={"max_concurrency": 1}) as brain:
        task = brain.submit("m", work.touch_and_spin, tmp_path / "pid")
        await asyncio.sleep(0)
        task.cancel()
        assert isinstance(await brain.submit("m", "run"), int)
        assert not (tmp_path / "pid").exists()
        assert len(living(brain)) == 1


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_what_it_has_started_is_killed_with_it(tmp_path):
    """A program that the work has started does not outlive the process that did."""
    clock = VirtualClock()
    async with settled(clock) as brain:
        task = brain.submit("m", work.start_program, tmp_path / "pid", timeout=1.0)
        program = int(await noted(tmp_path / "pid"))
        await clock.advance(1.1)
        assert task.state == "timed_out"
        await until(lambda: ends(program), PATIENCE)
