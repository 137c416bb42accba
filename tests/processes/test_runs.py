"""Runs in processes mean what runs in threads mean."""

from __future__ import annotations

import os

import pytest

from companion_async import RemoteError, RetryPolicy, TaskCrashedError, TaskState
from companion_async.clock import SystemClock
from companion_async.testing.clock import VirtualClock, settle, until
from tests.processes import work
from tests.processes.settlement import PATIENCE, living, settled
from tests.work.house import ends


@pytest.mark.feature("X-04")
async def test_what_runs_in_a_process_gives_what_it_gives_elsewhere():
    """Functions, coroutines, keyword arguments, errors with their class: all but the place is as in a thread."""
    async with settled(module=work.double) as brain:
        assert await brain.submit("m", "run", 4, kwargs={"plus": 1}) == 9
        assert await brain.submit("m", work.double_later, 4) == 8
        assert await brain.submit("m", work.pid) in set(living(brain)) - {os.getpid()}
        with pytest.raises(ValueError, match="deep") as raised:
            await brain.submit("m", work.fail, "deep")
        notes = "\n".join(raised.value.__notes__)
        assert "in fail\n" in notes
        assert "child.py" not in notes
        status = brain.module_status("m")
        assert (status.tasks_completed, status.tasks_failed) == (3, 1)


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_an_error_that_cannot_cross_is_described():
    """One that cannot be pickled, and one that cannot be made again, come as what they said with where they came from;
    one that would end the process is a crashed task, and the process goes on.
    """
    async with settled() as brain:
        before = await brain.submit("m", "run")
        for target, kind, says in ((work.fail_stubborn, "Stubborn", "1 and 2"), (work.fail_locked, "Locked", "socket")):
            with pytest.raises(RemoteError, match=says) as raised:
                await brain.submit("m", target)
            assert raised.value.raised == kind
            assert f"in {target.__name__}\n" in "\n".join(raised.value.__notes__)
        with pytest.raises(TaskCrashedError, match="raised SystemExit"):
            await brain.submit("m", work.leave)
        with pytest.raises(ValueError, match="result cannot be sent to a process"):
            await brain.submit("m", work.unpicklable)
        assert await brain.submit("m", "run") == before


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_arguments_are_those_of_the_moment_of_submission():
    """What becomes of an argument after `submit` is no concern of the run's, and the task holds no reference to it."""
    async with settled() as brain:
        given = bytearray(b"abc")
        task = brain.submit("m", work.size_of, given)
        given += b"def"
        assert await task == 3


async def test_large_arguments_and_results_cross():
    """Thirty megabytes go and come, and the loop is free meanwhile."""
    async with settled() as brain:
        assert await brain.submit("m", work.size_of, bytes(30_000_000)) == 30_000_000
        assert len(await brain.submit("m", work.bytes_of, 30_000_000)) == 30_000_000


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_class_has_one_instance_in_each_process():
    """Constructor and start run there, what a run changes is there for the next in that process, and stop ends it."""
    async with settled(module=work.Counter, options={"max_concurrency": 1}) as brain:
        first, second = [await brain.submit("m", "run") for _ in range(2)]
        assert (first[0], second[0]) == (101, 102)
        assert first[1] == second[1] != os.getpid()
        assert await brain.restart("m")
        fresh = await brain.submit("m", "run")
        assert fresh[0] == 101
        assert fresh[1] != first[1]


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_factories_and_instances_live_there_too():
    """A factory is called there; of an instance each process has a copy as it was at registration."""
    async with settled() as brain:
        await brain.register("made", work.Rated, factory=work.rated, offload="process")
        given = work.Rated(5)
        await brain.register("given", given, offload="process")
        given.rate = 6
        assert await brain.submit("made", "run", 7) == 21
        assert await brain.submit("given", "run", 7) == 35


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_no_more_processes_than_runs_at_once(tmp_path):
    """The module's limit, or the processors, bound them; the rest waits in its queue, in order of priority."""
    clock = VirtualClock()
    async with settled(clock, options={"max_concurrency": 2}, cancel_grace=0.0) as brain:
        held = [brain.submit("m", work.touch_and_spin, tmp_path / str(i), timeout=None) for i in range(2)]
        await until(lambda: all(task.running for task in held), PATIENCE)
        low, high = brain.submit("m", "run", priority="low"), brain.submit("m", "run", priority="critical")
        assert ends(low, high) == ["queued", "queued"]
        assert len(living(brain)) == 2
        assert brain.status().categories["core"].active == 2
        order = []
        for task in (low, high):
            task.add_done_callback(lambda task: order.append(task.priority.name))
        held[0].cancel()
        await clock.advance(0.1)
        await high
        await low
        await settle()
        assert order == ["CRITICAL", "LOW"]
        held[1].cancel()


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_retries_dependencies_keys_and_map_are_as_elsewhere(tmp_path):
    """They are the scheduler's, and it does not care where the work is done."""
    async with settled(SystemClock()) as brain:
        retry = RetryPolicy(attempts=3, wait_initial=0.001, wait_max=0.002)
        retried = brain.submit("m", work.fail_until, tmp_path, 3, retry=retry)
        after = brain.submit("m", work.double, 2, after=retried, key="once")
        assert brain.submit("m", work.double, 2, key="once") is after
        assert await after == 4
        assert (await retried, retried.attempt) == (3, 3)
        assert [value async for value in brain.map("m", work.double, range(5), ordered=True)] == [0, 2, 4, 6, 8]


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_processor_time_is_measured_where_it_is_spent():
    """A module that computes in processes shows as computing, and threads of this process do not."""
    async with settled(SystemClock()) as brain:
        await brain.submit("m", "run")
        await brain.submit("m", work.burn, 0.2)
        assert brain._parts is not None
        assert brain._parts.roster.registry.get("m").record.cpu_seconds >= 0.2


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_work_knows_its_task_and_reports_progress():
    """`current_task` is there, with id, module, attempt and deadline, and what it reports shows outside."""
    async with settled() as brain:
        task = brain.submit("m", work.say, 0.25, "a quarter", timeout=5.0)
        assert await task == (task.id, "m", 1, False, True)
        assert (task.progress.fraction, task.progress.message) == (0.25, "a quarter")
        assert [step.state for step in task.history] == ["queued", "running", "completed"]
        assert task.state is TaskState.COMPLETED


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_context_variables_stay_behind():
    """They are not sent: the work sees their defaults, and nothing from the run before it."""
    async with settled() as brain:
        work.COLOUR.set("red")
        assert await brain.submit("m", work.colour) == "none"
