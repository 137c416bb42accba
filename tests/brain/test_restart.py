"""A restart makes a fresh instance, and the work that waited runs on that one: none lost, none twice."""

from __future__ import annotations

import asyncio

import pytest

from companion_async import TaskState
from companion_async.testing.clock import VirtualClock, settle, until
from tests.brain.rig import Diary, Gate, brain_on, diary, until_state


@pytest.mark.feature("CB-17")
async def test_a_restart_makes_a_fresh_instance_of_a_class() -> None:
    """The old one is stopped before the new one is made, and the count is kept."""
    fresh = diary()
    async with brain_on() as brain:
        await brain.register("m", fresh)
        assert await brain.submit("m") == (1, None)
        assert await brain.restart("m")
        assert await brain.submit("m") == (2, None)
        assert fresh.notes == ["start 1", "stop 1", "start 2"]
        assert brain.module_status("m").restarts == 1
        assert brain.status().stats.threads_restarted == 1


async def test_an_instance_is_started_again_as_it_is() -> None:
    """Nobody could make another of it."""
    fresh = diary()
    one = fresh()
    async with brain_on() as brain:
        await brain.register("m", one)
        assert await brain.restart("m")
        assert await brain.submit("m") == (1, None)
        assert fresh.notes == ["start 1", "stop 1", "start 1"]


async def test_waiting_tasks_run_on_the_new_instance() -> None:
    """Each exactly once: threads, coroutines and streams alike."""
    gate, ran = Gate(), list[tuple[int, str, int]]()

    class Counted(Diary):
        def plain(self, number: int) -> None:
            ran.append((self.number, "plain", number))

        async def slow(self, number: int) -> None:
            ran.append((self.number, "slow", number))

        def items(self, number: int):
            ran.append((self.number, "items", number))
            yield number

    async with brain_on() as brain:
        await brain.register("m", Counted, max_concurrency=1)
        running = brain.submit("m", "call", gate)
        await gate.holds(1)
        waiting = [brain.submit("m", target, n) for n in range(10) for target in ("plain", "slow", "items")]
        restarting = asyncio.create_task(brain.restart("m"))
        await settle()
        assert brain.module_status("m").state == "running"
        assert all(task.state is TaskState.QUEUED for task in waiting)
        gate.open()
        assert await running == (1, None)
        assert await restarting
        await asyncio.gather(*waiting)
        assert sorted(ran) == sorted((2, target, n) for n in range(10) for target in ("plain", "slow", "items"))


async def test_work_that_comes_during_the_restart_waits_for_its_end() -> None:
    """It is accepted, and runs on the new instance."""
    begin = asyncio.Event()
    begin.set()

    class Slow(Diary):
        async def start(self) -> None:
            await begin.wait()

    async with brain_on() as brain:
        await brain.register("m", Slow)
        begin.clear()
        restarting = asyncio.create_task(brain.restart("m"))
        await until(lambda: brain.module_status("m").state == "initializing")
        task = brain.submit("m", "run", 7)
        await settle()
        assert task.state is TaskState.QUEUED
        begin.set()
        assert await restarting
        assert await task == (2, 7)


@pytest.mark.feature("CB-12")
async def test_a_paused_module_stays_paused_through_a_restart() -> None:
    """A restart mends; it does not take back a person's word."""
    async with brain_on() as brain:
        await brain.register("m", diary(), quota=7)
        brain.pause("m")
        task = brain.submit("m")
        assert await brain.restart("m")
        assert brain.module_status("m").state == "paused"
        assert brain.module_status("m").quota == 7
        assert task.state is TaskState.QUEUED
        brain.resume("m")
        assert await task == (2, None)


async def test_a_restart_waits_no_longer_than_the_grace_for_a_run() -> None:
    """Then the new instance starts beside it; the old run keeps its result, which counts."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, cancel_grace=5.0) as brain:
        await brain.register("m", diary())
        running = brain.submit("m", "call", gate, 3, timeout=None)
        await gate.holds(1)
        restarting = asyncio.create_task(brain.restart("m"))
        await clock.advance(4.9)
        assert not restarting.done()
        await clock.advance(0.2)
        assert await restarting
        assert await brain.submit("m") == (2, None)
        gate.open()
        assert await running == (1, 3)
        assert brain.module_status("m").tasks_completed == 2


async def test_a_restart_that_fails_leaves_the_work_waiting() -> None:
    """The answer is False, the module stands in error, and what waits runs once it is healed."""
    clock, fresh = VirtualClock(), diary()
    async with brain_on(clock) as brain:
        await brain.register("m", fresh)
        fresh.fails["start"] = OSError("no disk")
        brain.pause("m")
        task = brain.submit("m")
        assert not await brain.restart("m")
        brain.resume("m")
        assert brain.module_status("m").state == "error"
        assert brain.module_status("m").errors[-1].message == "no disk"
        assert task.state is TaskState.QUEUED
        fresh.fails.clear()
        await until_state(brain, clock, "m", "running")
        assert (await task)[1] is None


async def test_two_restarts_at_once_are_two_fresh_instances_in_turn() -> None:
    """Never two starts at the same time."""
    fresh = diary()
    async with brain_on() as brain:
        await brain.register("m", fresh)
        assert all(await asyncio.gather(brain.restart("m"), brain.restart("m")))
        assert fresh.notes == ["start 1", "stop 1", "start 2", "stop 2", "start 3"]
        assert await brain.submit("m") == (3, None)


async def test_a_restart_of_a_module_that_is_being_taken_out() -> None:
    """The module is gone in the end, and nothing of it is left."""
    gate, fresh = Gate(), diary()
    async with brain_on() as brain:
        await brain.register("m", fresh)
        running = brain.submit("m", "call", gate)
        await gate.holds(1)
        leaving = asyncio.create_task(brain.unregister("m"))
        await settle()
        restarting = asyncio.create_task(brain.restart("m"))
        await settle()
        gate.open()
        await asyncio.gather(running, leaving, restarting, return_exceptions=True)
        assert "m" not in brain.status().module_threads
        assert sum(note.startswith("start") for note in fresh.notes) == sum(
            note.startswith("stop") for note in fresh.notes
        )
