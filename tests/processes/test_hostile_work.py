"""Work that does its worst to its process and to its connection."""

from __future__ import annotations

from functools import partial

import pytest

from companion_async import TaskCrashedError, TaskTimeoutError
from companion_async.offload.processes import process
from companion_async.testing.clock import VirtualClock, until
from tests.processes import work
from tests.processes.settlement import PATIENCE, ends, noted, settled

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])


@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
async def test_work_that_writes_into_the_connection_is_a_crashed_task():
    """What comes in is no frame: the process is killed, and the error says why."""
    async with settled() as brain:
        with pytest.raises(TaskCrashedError, match="written into its connection"):
            await brain.submit("m", work.babble)
        assert isinstance(await brain.submit("m", "run"), int)


@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
async def test_work_that_closes_the_connection_still_has_its_limit(tmp_path, monkeypatch):
    """It can say and hear nothing any more; what it was allowed of time ends it all the same."""
    monkeypatch.setattr(process, "_SECONDS_TO_EXIT", 3_600.0)  # real ones: the clock of the limit is virtual
    clock = VirtualClock()
    async with settled(clock) as brain:
        task = brain.submit("m", work.hang_up, tmp_path / "pid", timeout=1.0)
        pid = int(await noted(tmp_path / "pid"))
        await clock.advance(1.1)
        with pytest.raises(TaskTimeoutError):
            await task
        await until(lambda: ends(pid), PATIENCE)


async def test_work_may_close_its_standard_files():
    """They are not the connection."""
    async with settled() as brain:
        assert await brain.submit("m", work.close_standard) == "closed"
        assert isinstance(await brain.submit("m", "run"), int)


async def test_a_crash_is_seen_though_children_hold_the_connection_open(tmp_path):
    """What the work has forked shares its connection, and is ended with it."""
    async with settled() as brain:
        with pytest.raises(TaskCrashedError, match="exit code 9"):
            await brain.submit("m", work.have_child, tmp_path / "child")
        child = int(await noted(tmp_path / "child"))
        await until(lambda: ends(child), PATIENCE)


async def test_a_fork_bomb_ends_with_its_limit(tmp_path):
    """All that it has become is killed with the process that began it."""
    clock = VirtualClock()
    async with settled(clock) as brain:
        task = brain.submit("m", work.multiply, tmp_path, timeout=1.0)
        await until(lambda: len(list(tmp_path.iterdir())) == 8, PATIENCE)
        await clock.advance(1.1)
        with pytest.raises(TaskTimeoutError):
            await task
        for path in tmp_path.iterdir():
            await until(partial(ends, int(path.name)), PATIENCE)
