"""What ends a process is one failed task, and the call that keeps doing so is found."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from companion_async import InvalidArgumentError, RetryPolicy, TaskCrashedError
from companion_async.clock import SystemClock
from companion_async.offload.processes.settings import ProcessSettings
from companion_async.testing.clock import until
from tests.processes import work
from tests.processes.settlement import PATIENCE, exists, living, settled

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])


@pytest.mark.feature("X-04")
@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
async def test_a_crash_names_how_the_process_ended():
    """A signal by its name, `os._exit` by its code; the module goes on in a fresh process."""
    async with settled() as brain:
        for target, args, exit in (
            (work.hard_exit, (3,), "exit code 3"),
            (work.segfault, (), "SIGSEGV"),
            (work.kill_own, (signal.SIGKILL,), "SIGKILL"),
        ):
            with pytest.raises(TaskCrashedError, match=exit) as raised:
                await brain.submit("m", target, *args)
            assert raised.value.exit.startswith(exit)
        assert isinstance(await brain.submit("m", "run"), int)


@pytest.mark.feature("X-04")
async def test_a_call_that_kills_its_process_three_times_is_quarantined_and_nothing_else():
    """Its retries end, a decision tells the figures, the same call is refused until a restart; other arguments of the
    same target, and what had run in the same processes, are not concerned.
    """
    async with settled(SystemClock(), options={"max_concurrency": 1}) as brain:
        for good in (True, False):
            retry = RetryPolicy(attempts=9, wait_initial=0.001, wait_max=0.002, on=(TaskCrashedError,))
            task = brain.submit("m", work.kill_own_unless, good, retry=retry)
            if good:
                assert await task == "good"
        with pytest.raises(TaskCrashedError, match="SIGSEGV"):
            await task
        assert task.attempt == 3
        (decision,) = [one for one in brain.decisions() if one.type == "quarantine"]
        assert decision.context == "m"
        assert "3 times (SIGSEGV, SIGSEGV, SIGSEGV)" in decision.reason
        with pytest.raises(InvalidArgumentError, match=r"quarantined.*restart"):
            brain.submit("m", work.kill_own_unless, False)
        assert await brain.submit("m", work.kill_own_unless, True) == "good"
        assert brain.module_status("m").state == "running"
        await brain.restart("m")
        with pytest.raises(TaskCrashedError):
            await brain.submit("m", work.kill_own_unless, False)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone keeps the limit")
async def test_a_process_gets_no_more_memory_than_its_limit():
    """The work that wants more gets `MemoryError`, and the process goes on."""
    async with settled(processes=ProcessSettings(memory_limit=2**29)) as brain:
        pid = await brain.submit("m", "run")
        with pytest.raises(MemoryError):
            await brain.submit("m", work.hoard, 2**30)
        assert await brain.submit("m", work.hoard, 2**20) == 2**20
        assert await brain.submit("m", "run") == pid


async def test_a_process_is_recycled_after_so_many_runs():
    """Each fresh one takes the next so many."""
    async with settled(processes=ProcessSettings(recycle_after=2), options={"max_concurrency": 1}) as brain:
        pids = [await brain.submit("m", "run") for _ in range(5)]
        assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]
        await until(lambda: not exists(pids[0]), PATIENCE)


async def test_one_that_ends_without_work_is_no_ones_failure():
    """The next run starts another."""
    async with settled() as brain:
        pid = await brain.submit("m", "run")
        os.kill(pid, signal.SIGKILL)
        await until(lambda: pid not in living(brain), PATIENCE)
        assert await brain.submit("m", "run") != pid
        assert brain.module_status("m").tasks_failed == 0
