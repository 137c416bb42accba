"""A module that fails: found, restarted with backoff, quarantined when that does not help, resumed by a person."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from companion_async import Brain, ModuleUnavailableError, RestartPolicy, RetryPolicy, TaskCancelledError, TaskState
from companion_async.testing.clock import VirtualClock, settle, until
from tests.brain.rig import Diary, Gate, brain_on, diary, types, until_state


async def fail(brain: Brain, name: str, times: int) -> None:
    """Submit work that fails, one after the other."""
    for _ in range(times):
        with pytest.raises(ConnectionError):
            await brain.submit(name)


@pytest.mark.feature("CB-17", "CB-04")
async def test_a_module_that_cannot_start_leaves_the_brain_running() -> None:
    """It is there in state error with its reason, its work waits, and everything else goes on."""
    clock, fresh = VirtualClock(), diary()
    fresh.fails["start"] = OSError("no model file")
    async with brain_on(clock) as brain:
        await brain.register("sick", fresh)
        await brain.register("well", diary())
        status = brain.module_status("sick")
        assert (status.state, status.reason) == ("error", "OSError: no model file")
        assert [error.message for error in status.errors] == ["no model file"]
        assert brain.submit("sick").state is TaskState.QUEUED
        assert await brain.submit("well") == (1, None)


@pytest.mark.feature("CB-17")
async def test_it_is_healed_once_its_cause_is_gone_and_its_work_runs() -> None:
    """A restart_module decision says why, with the outcome that was measured, and the restart is counted."""
    clock, fresh = VirtualClock(), diary()
    fresh.fails["start"] = OSError("no model file")
    async with brain_on(clock) as brain:
        await brain.register("m", fresh)
        task = brain.submit("m", "run", 5, timeout=None)
        fresh.fails.clear()
        await until_state(brain, clock, "m", "running", within=5)
        assert await task == (2, 5)
        (decision,) = types(brain, "restart_module")
        assert (decision.context, decision.applied, decision.rule) == ("m", True, "heal.restart")
        assert decision.data["inputs"]["state"] == "error"
        assert "could not start" in decision.reason
        assert brain.status().stats.threads_restarted == brain.module_status("m").restarts == 1
        await clock.advance(21)
        (decision,) = types(brain, "restart_module")
        assert (decision.outcome.after, decision.outcome.met) == ("running", True)


@pytest.mark.feature("CB-17")
async def test_five_failures_in_a_row_are_an_error_and_four_are_not() -> None:
    """``failure_threshold`` counts runs that failed since the last success; the fresh instance begins at none."""
    clock, fresh = VirtualClock(), diary()
    async with brain_on(clock) as brain:
        await brain.register("m", fresh)
        fresh.fails["run"] = ConnectionError()
        await fail(brain, "m", 4)
        fresh.fails.clear()
        await brain.submit("m")
        fresh.fails["run"] = ConnectionError()
        await fail(brain, "m", 4)
        assert brain.module_status("m").state == "running"
        await fail(brain, "m", 1)
        assert brain.module_status("m").state == "error"
        fresh.fails.clear()
        await until_state(brain, clock, "m", "running", within=5)
        assert await brain.submit("m") == (2, None)


async def test_retries_count_once() -> None:
    """A task that needed three runs to succeed is no failure; one that failed three times is one."""
    fresh = diary()
    async with brain_on() as brain:
        await brain.register("m", fresh)
        fresh.fails["run"] = ConnectionError()
        for _ in range(4):
            with pytest.raises(ConnectionError):
                await brain.submit("m", retry=RetryPolicy(attempts=3, wait_initial=0.0, jitter=0.0))
        status = brain.module_status("m")
        assert (status.state, status.tasks_failed) == ("running", 4)


@pytest.mark.feature("CB-17")
async def test_crashing_for_ever_ends_in_quarantine_within_the_intensity() -> None:
    """HEA-01, HEA-02: at most ``max_restarts`` in ``within`` seconds, each wait twice the last; then it is stopped,
    with a decision and an event, and there is no busy loop.
    """
    clock, tried = VirtualClock(), list[float]()

    class Crashing(Diary):
        async def start(self) -> None:
            tried.append(clock.monotonic())
            raise OSError("never")

    policy = RestartPolicy(max_restarts=4, within=1000.0, backoff_initial=4.0, backoff_max=16.0)
    async with brain_on(clock) as brain, brain.events.subscribe("decision.made") as stream:
        await brain.register("m", Crashing(), restart=policy)
        waiting = brain.submit("m", timeout=None)
        await until_state(brain, clock, "m", "stopped", within=500)
        assert len(tried) == 1 + 4
        gaps = [after - before for before, after in itertools.pairwise(tried)]
        assert [round(gap) for gap in gaps] == pytest.approx([4, 8, 16, 16], abs=2)
        assert waiting.cancelled()
        with pytest.raises(TaskCancelledError, match=r"quarantined; brain\.module_status\('m'\)\.errors says why"):
            await waiting
        assert brain.module_status("m").errors[-1].message == "never"
        (decision,) = types(brain, "quarantine")
        assert decision.applied
        assert "restarts are used up" in decision.reason
        told = [event async for event in stream_of(stream)]
        assert [event.type for event in told].count("quarantine") == 1
        with pytest.raises(ModuleUnavailableError, match="quarantined"):
            brain.submit("m")
        await clock.advance(3600)
        assert len(tried) == 5
        assert brain.module_status("m").state == "stopped"


async def stream_of(stream):
    """What has come so far."""
    while True:
        coming = asyncio.ensure_future(anext(stream))
        await settle()
        if not coming.done():
            coming.cancel()
            return
        yield coming.result()


@pytest.mark.feature("CB-17")
async def test_a_person_resumes_what_was_quarantined_and_its_restarts_are_forgiven() -> None:
    """It runs again, and has all its restarts before it."""
    clock, fresh = VirtualClock(), diary()
    fresh.fails["start"] = OSError("no disk")
    policy = RestartPolicy(max_restarts=1, within=1000.0, backoff_initial=0.0)
    async with brain_on(clock) as brain:
        await brain.register("m", fresh, restart=policy)
        await until_state(brain, clock, "m", "stopped")
        fresh.fails.clear()
        brain.resume("m", "the disk is back")
        await until(lambda: brain.module_status("m").state == "running")
        assert (await brain.submit("m"))[1] is None
        before = brain.module_status("m").restarts
        fresh.fails["run"] = ConnectionError()
        await fail(brain, "m", 5)
        fresh.fails.clear()
        await until_state(brain, clock, "m", "running")
        assert brain.module_status("m").restarts == before + 1


async def test_the_wait_begins_again_after_a_stable_while() -> None:
    """HEA-02: after ``within`` seconds without a restart the first wait is the shortest again."""
    clock = VirtualClock()

    class OnTheLoop(Diary):  # in real threads, its start would take an uncertain share of virtual time
        async def start(self) -> None: ...

    policy = RestartPolicy(max_restarts=5, within=60.0, backoff_initial=4.0, backoff_max=64.0)
    async with brain_on(clock) as brain:
        await brain.register("m", OnTheLoop(), restart=policy)
        waits = []
        for pause in (1.0, 1.0, 200.0):
            await clock.advance(pause)
            OnTheLoop.fails["run"] = ConnectionError()
            await fail(brain, "m", 5)
            OnTheLoop.fails.clear()
            began = clock.monotonic()
            await until_state(brain, clock, "m", "running")
            waits.append(clock.monotonic() - began)
        assert waits == pytest.approx([4, 8, 4], abs=1.5)


async def test_healing_leaves_the_tasks_of_the_module_with_their_results() -> None:
    """HEA-08: what ran keeps its result and is not run again, what waited runs once, on the fresh instance."""
    clock, fresh, gate, ran = VirtualClock(), diary(), Gate(), list[int]()
    async with brain_on(clock) as brain:
        await brain.register("m", fresh, max_concurrency=2)
        done = brain.submit("m", "call", ran.append, 0)
        await done
        running = brain.submit("m", "call", gate, 1, timeout=None)
        await gate.holds(1)
        fresh.fails["run"] = ConnectionError()
        await fail(brain, "m", 5)
        fresh.fails.clear()
        assert brain.module_status("m").state == "error"
        waiting = [brain.submit("m", "call", ran.append, number, timeout=None) for number in (2, 3)]
        await until_state(brain, clock, "m", "running")
        gate.open()
        assert await running == (1, 1)
        assert [number for number, _ in await asyncio.gather(*waiting)] == [2, 2]
        assert sorted(ran) == [0, 2, 3]
        assert done.result() == (1, None)


async def test_healing_a_paused_module_leaves_it_paused() -> None:
    """HEA-09: with its quota, its cap and its waiting work as they were."""
    clock, fresh = VirtualClock(), diary()
    async with brain_on(clock) as brain:
        await brain.register("m", fresh, quota=4, max_concurrency=3)
        fresh.fails["run"] = ConnectionError()
        await fail(brain, "m", 4)
        failing = brain.submit("m")
        with pytest.raises(ConnectionError):
            await failing
        brain.pause("m")
        waiting = brain.submit("m", timeout=None)
        fresh.fails.clear()
        await until_state(brain, clock, "m", "paused")
        status = brain.module_status("m")
        assert (status.quota, status.max_concurrency, status.queue_size, status.restarts) == (4, 3, 1, 1)
        brain.resume("m")
        assert await waiting == (2, None)


async def test_an_idle_module_is_never_healed() -> None:
    """HEA-05: an hour of silence is no failure."""
    clock, fresh = VirtualClock(), diary()
    async with brain_on(clock, health_interval=30, decision_interval=60) as brain:
        await brain.register("m", fresh)
        await brain.submit("m")
        await clock.advance(3600)
        status = brain.module_status("m")
        assert (status.state, status.restarts) == ("running", 0)
        assert not types(brain, "restart_module")
        assert not types(brain, "replace_worker")


async def test_a_slow_check_while_the_work_gets_on_is_no_reason_to_restart() -> None:
    """HEA-03: the processor may be short; the module is judged by its progress."""
    clock = VirtualClock()

    class Throttled(Diary):
        async def health(self) -> None:
            await asyncio.Event().wait()

    async with brain_on(clock) as brain:
        await brain.register("m", Throttled)
        for _ in range(12):
            await brain.submit("m")
            await clock.advance(10)
        assert (brain.module_status("m").state, brain.module_status("m").restarts) == ("running", 0)
        await clock.advance(60)
        await until(lambda: types(brain, "restart_module"))


async def test_a_person_acts_while_healing_waits() -> None:
    """HEA-06: of two who would mend the same failure one acts; the healing that finds it mended does nothing."""
    clock, fresh = VirtualClock(), diary()
    policy = RestartPolicy(backoff_initial=30.0)
    async with brain_on(clock) as brain:
        await brain.register("m", fresh, restart=policy)
        fresh.fails["run"] = ConnectionError()
        await fail(brain, "m", 5)
        fresh.fails.clear()
        await clock.advance(15)
        assert await brain.restart("m", "I was faster")
        await clock.advance(60)
        assert fresh.made == 2
        assert brain.module_status("m").restarts == 1
        assert [decision.applied for decision in types(brain, "restart_module")] == [False]


async def test_no_restarts_means_quarantine_at_once() -> None:
    """``max_restarts=0``."""
    clock, fresh = VirtualClock(), diary()
    async with brain_on(clock) as brain:
        await brain.register("m", fresh, restart=RestartPolicy(max_restarts=0))
        fresh.fails["run"] = ConnectionError()
        await fail(brain, "m", 5)
        await until_state(brain, clock, "m", "stopped", within=5)
        assert fresh.made == 1
        assert len(types(brain, "quarantine")) == 1
