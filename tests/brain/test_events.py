"""What a brain tells of: every kind it has, once each, to whoever listens, and to nobody else at a cost."""

from __future__ import annotations

import asyncio
import threading

import anyio
import pytest

from companion_async import Brain, BrainConfig, QueueFullError, RetryPolicy, TaskTimeoutError
from companion_async.events.kinds import EVENT_KINDS, TaskStarted
from companion_async.testing.clock import VirtualClock, settle, until
from tests.brain.rig import Gate, brain_on, diary, fill, until_state

LATER = {"state.changed", "lock.deadlock"}
"""Told by rooms that a bare brain does not have yet."""


@pytest.mark.feature("PM-09")
async def test_every_kind_is_told() -> None:
    """The life of tasks and modules, sizes, overload and recovery, decisions and health: each kind comes."""
    clock, told, fresh = VirtualClock(), list[str](), diary()
    async with brain_on(clock, categories={"core": 1, "phase1": 2}, queue_capacity=4, scaling="plain") as brain:
        brain.events.add_handler("*", lambda event: told.append(event.kind))
        await brain.register("m", fresh, category="phase1")
        await brain.submit("m")
        fresh.fails["run"] = ValueError("no")
        retried = brain.submit("m", retry=RetryPolicy(attempts=2, wait_initial=1.0, jitter=0.0))
        await until(lambda: "task.retrying" in told)
        await clock.advance(1)
        with pytest.raises(ValueError, match="no"):
            await retried
        brain.pause("m")
        brain.submit("m").cancel()
        brain.resume("m")
        await brain.restart("m")
        gate = Gate()
        late = brain.submit("m", "call", gate, timeout=1)
        await gate.holds(1)
        await clock.advance(1)
        with pytest.raises(TaskTimeoutError):
            await late
        gate.open()
        fresh.fails["run"] = ConnectionError()
        for _ in range(4):
            with pytest.raises(ConnectionError):
                await brain.submit("m")
        fresh.fails.clear()
        await until_state(brain, clock, "m", "running")
        await brain.unregister("m")

        second = Gate()
        tasks = fill(brain, second, 1)
        await second.holds(1)
        tasks += fill(brain, second, 4)
        with pytest.raises(QueueFullError):
            fill(brain, second, 1)
        await clock.advance(10)
        second.open()
        await asyncio.gather(*tasks)
        await until(lambda: "system.recovered" in told)
        await clock.advance(5)
        assert set(told) == set(EVENT_KINDS) - LATER


@pytest.mark.feature("PM-09", "U-3")
async def test_a_listener_that_raises_harms_nobody() -> None:
    """Neither the work, nor the module, nor the other listeners; and one that is removed hears no more."""
    told: list[str] = []

    def broken(event: object) -> None:
        raise RuntimeError("in the listener")

    def listens(event: object) -> None:
        told.append(event.kind)  # type: ignore[attr-defined]

    async with brain_on() as brain:
        brain.events.add_handler("*", broken)
        brain.events.add_handler("task.completed", listens)
        await brain.register("m", diary())
        assert await brain.submit("m") == (1, None)
        await until(lambda: told == ["task.completed"])
        assert brain.module_status("m").tasks_failed == 0
        assert brain.events.remove_handler("task.completed", listens)
        assert await brain.submit("m") == (1, None)
        await settle()
        assert told == ["task.completed"]


@pytest.mark.feature("CB-14", "CB-20")
async def test_an_overload_does_not_wait_for_the_next_regular_decision() -> None:
    """A full queue asks for a pass at once, at most one a second: the category grows long before the ten seconds."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, categories={"core": 2}, queue_capacity=5, scaling="plain") as brain:
        await clock.advance(2)
        fill(brain, gate, 2)
        await gate.holds(2)
        fill(brain, gate, 5)
        await clock.advance(0.2)
        with pytest.raises(QueueFullError) as refused:
            fill(brain, gate, 1)
        assert refused.value.retry_after > 0
        assert brain.status().categories["core"].overloaded
        await clock.advance(0.1)
        assert brain.status().categories["core"].max == 4
        gate.open()


async def test_a_light_run_that_does_not_come_back_is_told_to_have_begun() -> None:
    """The beginning of a run known to take microseconds travels with its end; if that does not come, it comes alone."""
    gate, hangs = threading.Event(), False

    def work() -> None:
        if hangs:
            gate.wait(30)

    async with Brain(BrainConfig(plugins=False)) as brain:
        runs = 0
        while not (last := brain.submit("category:core", work)).light or runs < 200:  # one that a busy machine held up
            await last  # counts for long
            runs += 1
        await last
        async with brain.events.subscribe("task.started") as told:
            hangs = True
            task = brain.submit("category:core", work, timeout=None)
            assert task.light, "or this would show nothing"
            with anyio.fail_after(30):
                event = await anext(told)
            assert isinstance(event, TaskStarted)
            assert (event.task_id, task.done()) == (task.id, False)
            gate.set()
            await task
