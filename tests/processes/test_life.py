"""Processes are started late, retired early, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from companion_async.clock import SystemClock
from companion_async.modules.restart import RestartPolicy
from companion_async.offload.processes.settings import ProcessSettings
from companion_async.testing.clock import VirtualClock, until
from tests.processes import work
from tests.processes.settlement import PATIENCE, ends, exists, living, settled

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

ROOT = Path(__file__).parents[2]


@pytest.mark.feature("X-04")
async def test_they_start_with_the_first_run_and_end_without_work():
    """A module that is not used has none; one that has rested for its time goes home, its stop() called."""
    clock = VirtualClock()
    async with settled(clock, processes=ProcessSettings(idle_seconds=10.0)) as brain:
        assert living(brain) == []
        pid = await brain.submit("m", "run")
        await clock.advance(9.0)
        assert living(brain) == [pid]
        await clock.advance(2.0)
        await until(lambda: not exists(pid), PATIENCE)
        assert living(brain) == []
        assert await brain.submit("m", "run", timeout=None) != pid


async def test_a_module_stops_in_every_process(tmp_path, monkeypatch):
    """unregister() and the end of the brain call stop() where the instances are, with what their runs have made."""
    notes = tmp_path / "notes"
    monkeypatch.setenv("TEST_NOTES", str(notes))
    async with settled(module=work.Counter, options={"max_concurrency": 1}) as brain:
        _, pid = await brain.submit("m", "run")
        await brain.unregister("m")
        assert notes.read_text() == f"stopped {pid} at 101\n"
        assert not exists(pid)


async def test_a_module_that_cannot_start_there_is_healed(tmp_path, monkeypatch):
    """Its task waits, it stands in error, and when it can start again the task runs."""
    there = tmp_path / "there"
    monkeypatch.setenv("TEST_PICKY", str(there))
    restart = RestartPolicy(max_restarts=50, within=60.0, backoff_initial=0.01, backoff_max=0.02)
    settings = {"auto_scaling": False, "decision_interval": 0.05}
    async with settled(SystemClock(), work.Picky, options={"restart": restart}, **settings) as brain:
        task = brain.submit("m", "run", timeout=None)
        await until(lambda: brain.module_status("m").state == "error", PATIENCE)
        assert task.state == "queued"
        assert brain.module_status("m").errors[0].message == "no file"
        there.write_text("well")
        assert await task == "ran"
        assert brain.module_status("m").state == "running"


async def test_health_is_asked_where_the_instance_is(tmp_path, monkeypatch):
    """What it raises there is the module's trouble; with no process there is nobody to ask."""
    there = tmp_path / "there"
    there.write_text("well")
    monkeypatch.setenv("TEST_PICKY", str(there))
    async with settled(module=work.Picky) as brain:
        assert brain._parts is not None
        module = brain._parts.roster.registry.get("m")
        there.write_text("ill")
        assert await module.check_health() is None
        await brain.submit("m", "run")
        entry = await module.check_health()
        assert entry is not None
        assert (entry.type, entry.message) == ("RuntimeError", "ill")
        there.write_text("well")
        assert await module.check_health() is None


async def test_the_status_shows_them_with_what_they_do(tmp_path):
    """Among the workers of their category: name, pid, module and task; threads have no pid."""
    async with settled() as brain:
        task = brain.submit("m", work.heed, tmp_path / "note", timeout=None)
        await until(lambda: task.running, PATIENCE)
        (worker,) = brain.status().categories["core"].workers
        assert (worker.state, worker.module, worker.task_id) == ("busy", "m", task.id)
        assert worker.pid in living(brain)
        assert worker.name == "companion-core-m-1"
        assert brain.status().total_threads == 0


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
async def test_they_can_be_pinned():
    """Those that live, and those to come."""
    async with settled() as brain:
        cpus = {max(os.sched_getaffinity(0))}
        brain.pin("m", cpus)
        pid = await brain.submit("m", "run")
        assert os.sched_getaffinity(pid) == cpus
        brain.pin("m", ())
        assert os.sched_getaffinity(pid) == os.sched_getaffinity(0)


ORPHANS = """
import asyncio, sys
from companion_async import Brain
from tests.processes import work

async def main():
    async with Brain() as brain:
        await brain.register("m", work.pid, offload="process")
        print(await brain.submit("m", "run"), flush=True)
        brain.submit("m", work.spin, timeout=None)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.feature("X-04")
@pytest.mark.slow
async def test_they_end_with_a_parent_that_is_killed():
    """Kill -9 leaves none behind, be it busy with a loop that ignores every signal."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(  # noqa: ASYNC220 - the test has nothing else to do
        [sys.executable, "-c", ORPHANS], env=env, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        await until(lambda: ends(pid), PATIENCE)
