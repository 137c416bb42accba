"""What the page draws, over HTTP: the last runs with their threads, the stacks, the locks and the state."""

from __future__ import annotations

import threading

import pytest

from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.errors import TaskTimeoutError
from companion_async.http import runs as keeping
from companion_async.http.api import Api
from companion_async.http.runs import Run
from companion_async.locks.mode import AccessMode, ResourceType
from companion_async.testing.clock import VirtualClock, until
from tests.http.servers import GUARDED, KINDS, OPERATOR, READER, a_brain, client_of

pytestmark = pytest.mark.feature("X-12")


def summed(runs: tuple[Run, ...]) -> list[tuple[str, str, str]]:
    return [(run.module, run.worker, run.state) for run in runs]


async def test_a_run_is_told_with_its_thread_its_target_and_its_end():
    """Of each run that ended since the cursor: where, what, when, how; never twice."""
    async with a_brain() as brain:
        api = Api(brain)
        first = api.runs.picture(None, 100)
        assert (first.runs, first.left_out, first.unseen) == ((), 0, 0)
        await brain.submit("echo", "run", 1)
        with pytest.raises(ValueError, match="secret"):
            await brain.submit("bad")
        second = api.runs.picture(first.cursor, 100)
        assert summed(second.runs) == [
            ("echo", "companion-core-1", "completed"),
            ("bad", "companion-core-1", "failed"),
        ]
        assert {run.target for run in second.runs} == {"run"}
        assert all(run.seconds >= 0 and run.began > 0 for run in second.runs)
        assert api.runs.picture(second.cursor, 100).runs == ()
        assert len(api.runs.picture("another-1", 100).runs) == 2
        api.close()


async def test_a_coroutine_has_no_thread_and_a_retry_is_an_end_of_its_own():
    """Work on the loop is told without a worker; each attempt is a run."""
    tried = []

    async def on_loop() -> None:
        tried.append(1)
        if len(tried) < 2:
            raise ValueError

    async with a_brain() as brain:
        api = Api(brain)
        await brain.register("routine", on_loop, offload="loop")
        cursor = api.runs.picture(None, 100).cursor
        await brain.submit("routine", retry=2)
        told = api.runs.picture(cursor, 100).runs
        assert summed(told) == [("routine", "", "retrying"), ("routine", "", "completed")]
        api.close()


async def test_what_runs_and_what_is_stuck_is_told_as_it_stands():
    """The threads at this moment; a run that passed its limit ends as timed out, and its thread is abandoned in it."""
    held, entered = threading.Event(), threading.Event()

    def stuck() -> None:
        entered.set()
        held.wait(30)

    async with a_brain(cancel_grace=0.01) as brain:
        api = Api(brain)
        cursor = api.runs.picture(None, 100).cursor
        task = brain.submit("echo", stuck, timeout=0.05)
        with pytest.raises(TaskTimeoutError):
            await task
        picture = api.runs.picture(cursor, 100)
        assert summed(picture.runs) == [("echo", "companion-core-1", "timed_out")]
        assert [thread.task_id for thread in picture.threads if thread.worker == "companion-core-1"] == [task.id]
        held.set()
        api.close()


async def test_of_too_many_those_that_failed_come_first_then_the_longest():
    """What is not told is counted, and the order of the ends is kept."""
    async with a_brain() as brain:
        api = Api(brain)
        cursor = api.runs.picture(None, 100).cursor
        for number in range(20):
            if number == 3:
                with pytest.raises(ValueError, match="secret"):
                    await brain.submit("bad")
            await brain.submit("echo")
        everything = api.runs.picture(cursor, 100)
        some = api.runs.picture(cursor, 5)
        assert (len(everything.runs), everything.left_out) == (21, 0)
        assert (len(some.runs), some.left_out) == (5, 16)
        assert [run.state for run in some.runs].count("failed") == 1
        longest = sorted((run for run in everything.runs if run.state == "completed"), key=lambda run: -run.seconds)[:4]
        assert {run.task_id for run in longest} < {run.task_id for run in some.runs}
        assert list(some.runs) == [run for run in everything.runs if run in some.runs]
        api.close()


async def test_what_was_queued_before_anybody_asked_is_counted_and_not_made_up():
    """Its thread is not known, so it is no run of any row; what was already running keeps its thread."""
    held, entered = threading.Event(), threading.Event()

    def holds() -> None:
        entered.set()
        held.wait(30)

    async with a_brain(categories={"core": 1}) as brain:
        api = Api(brain)
        running = brain.submit("echo", holds)
        queued = brain.submit("echo")
        await until(entered.is_set)
        cursor = api.runs.picture(None, 100).cursor
        held.set()
        await running
        await queued
        picture = api.runs.picture(cursor, 100)
        assert summed(picture.runs) == [("echo", "companion-core-1", "completed")]
        assert (picture.runs[0].task_id, picture.unseen, picture.left_out) == (running.id, 1, 0)
        api.close()


async def test_nobody_listens_unless_somebody_asks():
    """Events are not made before the first question, nor once nobody has asked for a while, nor after the end."""
    clock = VirtualClock()
    async with Brain(BrainConfig(plugins=False), clock=clock) as brain:
        api = Api(brain, clock)
        topic = brain.events.topic("task.completed")
        before = topic.listeners
        assert not api.runs.listening
        api.runs.picture(None, 10)
        assert api.runs.listening
        await clock.advance(keeping.LINGER - 1)
        api.runs.picture(None, 10)
        await clock.advance(keeping.LINGER - 1)
        assert api.runs.listening
        await clock.advance(2)
        assert not api.runs.listening
        assert topic.listeners == before
        api.runs.picture(None, 10)
        api.close()
        api.runs.picture(None, 10)
        assert not api.runs.listening


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.feature("X-05")
async def test_locks_and_state_are_told(kind):
    """Holders by their label, waits as a graph; the values that stand in the state, and how they came there."""
    async with a_brain() as brain, client_of(kind, brain) as client:
        brain.resources.register_resource("memory", {}, ResourceType.EPISODIC_MEMORY)
        brain.state.propose("planner", "goals", ["eat"])
        brain.state.propose("planner", "tool", object())
        brain.state.create_snapshot("morning")
        async with brain.resources.acquire_context("memory", AccessMode.WRITE, holder="planner"):
            locks = (await client.get("/api/locks")).json()["data"]
        assert locks["metrics"]["held"] == 1
        assert [(each["holder"], each["mode"]) for each in locks["resources"][0]["holders"]] == [("planner", "write")]
        assert [edge["kind"] for edge in locks["waits"]["edges"]] == ["held"]
        state = (await client.get("/api/state")).json()["data"]
        assert state["value"] == {"goals": ["eat"], "tool": "(object)"}
        assert [(each["path"], each["new_value"], each["module"]) for each in state["history"]] == [
            ("goals", '["eat"]', "planner"),
            ("tool", '"(object)"', "planner"),
        ]
        assert state["status"]["snapshots"] == ["morning"]
        assert (await client.get("/api/state?path=goals")).json()["data"]["value"] == ["eat"]
        assert (await client.get("/api/state?path=goals..x")).status_code == 422


async def test_stacks_are_for_operators_who_may_see_them():
    """Readers are refused; with `expose_errors` off an operator is told the threads without their stacks."""
    held, entered = threading.Event(), threading.Event()

    def stands_here() -> None:
        entered.set()
        held.wait(30)

    for exposed in (False, True):
        entered.clear()
        held.clear()
        async with a_brain(expose_errors=exposed, **GUARDED) as brain, client_of("serve", brain) as client:
            task = brain.submit("echo", stands_here)
            await until(entered.is_set)
            assert (await client.get("/api/threads/stacks", headers=READER)).status_code == 403
            told = (await client.get("/api/threads/stacks", headers=OPERATOR)).json()["data"]
            assert (told["exposed"], [each["task_id"] for each in told["threads"]]) == (exposed, [task.id])
            stack = " ".join(told["threads"][0]["stack"])
            assert ("stands_here" in stack) is exposed
            assert bool(told["tasks"]) is exposed
            held.set()
            await task


async def test_a_snapshot_shows_what_stood_there():
    """The snapshots that are kept with version and time; by name, whole or in part, what stood in one."""
    async with a_brain() as brain, client_of("serve", brain) as client:
        brain.state.propose("planner", "mood", {"happy": 1})
        brain.state.create_snapshot("before / after")
        brain.state.propose("planner", "mood.happy", 2)
        told = (await client.get("/api/state")).json()["data"]
        assert told["value"] == {"mood": {"happy": 2}}
        assert [(each["name"], each["version"]) for each in told["snapshots"]] == [("before / after", 1)]
        asked = {"snapshot": "before / after"}
        assert (await client.get("/api/state", params=asked)).json()["data"]["value"] == {"mood": {"happy": 1}}
        part = await client.get("/api/state", params={**asked, "path": "mood.happy"})
        assert part.json()["data"]["value"] == 1
        gone = await client.get("/api/state", params={"snapshot": "none"})
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "unknown_snapshot")
