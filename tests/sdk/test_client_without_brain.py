"""A client whose brain cannot be started."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from companion_async.errors import BrainClosedError, InvalidArgumentError, UnknownTaskError
from companion_async.sdk.client import BrainClient

ROOT = Path(__file__).parents[2]


@pytest.fixture
def alone(monkeypatch):
    """A client in a process that has no thread to give."""

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        return BrainClient()


@pytest.mark.feature("CB-28")
def test_the_status_says_that_there_is_no_brain_and_why(alone):
    """`enabled` is False, the message has the cause, and everything else is empty rather than wrong."""
    status = alone.get_thread_status()
    assert status.keys() == {"enabled", "message"}
    assert status["enabled"] is False
    assert "Thread manager not initialized" in status["message"]
    assert "can't start new thread" in status["message"]
    assert alone.get_module_thread_status("search_engine") is None
    assert alone.get_thread_decisions() == []
    assert alone.pause_module("search_engine") is False
    assert alone.resume_module("search_engine") is False


@pytest.mark.feature("CB-28")
def test_tasks_are_run_at_once_by_who_submits_them(alone):
    """The caller's own thread does the work before submitting returns, and the outcome is kept like any other."""
    ran_in = []

    async def double(value):
        return value * 2

    ids = [
        alone.submit_task_to_module("search_engine", lambda: ran_in.append(threading.current_thread())),
        alone.submit_task_to_module("search_engine", pow, (2, 5), {"mod": 7}, "low"),
        alone.submit_task_to_module("search_engine", double, args=(4,)),
        alone.submit_task_to_module("search_engine", lambda: (n for n in range(3))),
    ]
    assert ran_in == [threading.current_thread()]
    assert [alone.get_task_result(task_id) for task_id in ids] == [None, 4, 8, [0, 1, 2]]
    assert {alone.get_task_status(task_id) for task_id in ids} == {"completed"}
    failed = alone.submit_task_to_module("search_engine", lambda: 1 / 0)
    assert alone.get_task_status(failed) == "failed"
    with pytest.raises(ZeroDivisionError):
        alone.get_task_result(failed)
    assert alone.cancel_task(ids[0]) is False


async def test_an_outcome_can_be_awaited_too(alone):
    """The accessor for coroutines works without a brain as with one."""
    assert await alone.get_task_future(alone.submit_task_to_module("search_engine", int)) == 0


@pytest.mark.feature("CB-28")
def test_what_needs_a_brain_says_so(alone):
    """Handlers cannot be named without modules, the companion cannot be asked, and unknown ids are unknown."""
    with pytest.raises(InvalidArgumentError, match="Pass a callable"):
        alone.submit_task_to_module("search_engine", "search")
    with pytest.raises(InvalidArgumentError):
        alone.submit_task_to_module("search_engine", 3)
    with pytest.raises(InvalidArgumentError):
        alone.submit_task_to_module("search_engine", int, priority="urgent")
    with pytest.raises(BrainClosedError, match="can't start new thread"):
        alone.ask("anything?")
    assert alone.get_task_status("nothing") is None
    with pytest.raises(UnknownTaskError):
        alone.get_task_result("nothing")
    assert alone.shutdown().drained == 0


def test_outcomes_are_kept_within_bounds(alone):
    """The last thousand outcomes are known; older ones are forgotten."""
    ids = [alone.submit_task_to_module("search_engine", int) for _ in range(1001)]
    assert alone.get_task_status(ids[0]) is None
    assert alone.get_task_status(ids[1]) == "completed"


@pytest.mark.feature("CB-28")
@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX systems")
def test_a_process_out_of_files_works_on():
    """With a real limit of the system in the way of an event loop, a client still runs what it is given."""
    program = """
import os, resource
from companion_async.sdk import BrainClient
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) - 1, hard))
client = BrainClient()
print(client.get_thread_status()["enabled"], client.get_task_result(client.submit_task_to_module("any", pow, (2, 3))))
client.shutdown()
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=15,
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == ("False 8\n", "", 0)
