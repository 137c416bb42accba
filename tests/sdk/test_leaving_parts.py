"""The end of the interpreter with the parts of a manager in use."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 60  # real seconds; a process that needs them never ends
TRIES = 4  # of which one must keep to its time: a busy machine may hold up any process

PRELUDE = """
import atexit, threading, time
left = []
atexit.register(lambda: print(f"took {time.monotonic() - left[0]:.3f}", flush=True))  # called last
from companion_async.sdk import (
    BaseModule, BrainClient, ConcurrentModuleManager, ParallelPerceptionModule, ResourceCoordinator, StateCoordinator
)
"""


@pytest.mark.feature("PM-13", "CB-29")
@pytest.mark.parametrize(
    ("script", "printed"),
    [
        (
            """
            class Told:
                def on_state_change(self, changes):
                    begun.set()
                    threading.Event().wait()
            begun = threading.Event()
            coordinator = StateCoordinator({}, sync_policy="batched", sync_interval=3600)
            coordinator.register_module("told", Told())
            coordinator.subscribe_to_path("told", "*")
            coordinator.propose_change("m", "a", 1)
            coordinator.apply_changes()
            begun.wait()
            coordinator.propose_change("m", "b", 1)
            state = coordinator.agent_state
            atexit.register(lambda: print(sorted(state)))
            """,
            ["['a']"],
        ),
        (
            """
            perception = ParallelPerceptionModule({})
            print(len(perception.run()))
            """,
            ["1"],
        ),
        (
            """
            class Waiting(BaseModule):
                def run(self):
                    begun.set()
                    with self.brain.resources.acquire_context("r", "write", timeout=3600):
                        pass
            begun = threading.Event()
            manager = ConcurrentModuleManager({})
            manager.resource_coordinator.register_resource("r", [], "computation")
            manager.resource_coordinator.acquire_resource("r", "write", "main")
            manager.register_module("waiting", Waiting())
            manager.submit_task("waiting")
            begun.wait()
            """,
            [],
        ),
        (
            """
            client = BrainClient()
            print(client.get_thread_status()["enabled"])
            """,
            ["True"],
        ),
    ],
    ids=["state", "perception", "lock", "client"],
)
def test_no_part_keeps_the_interpreter(script, printed):
    """A subscriber that never returns, senses, a wait for a lock that nobody releases: two seconds, and it is over."""
    program = PRELUDE + textwrap.dedent(script) + "\nleft.append(time.monotonic())\n"
    for _ in range(TRIES):
        ended = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        *lines, took = ended.stdout.splitlines()
        assert lines == printed
        if float(took.removeprefix("took ")) < 2.0:
            return
    pytest.fail(f"its exit {took} seconds")
