"""Urgent work under an overload of other work: it has a place and room in the queue, whatever else has come."""

from __future__ import annotations

import asyncio

import pytest

from companion_async import QueueFullError, Task, TaskState
from companion_async.scheduling.admission import urgent_room
from companion_async.testing.clock import VirtualClock, until
from tests.work.house import Gate, pool, running


@pytest.mark.feature("X-17", "CB-03", "PF-3")
async def test_under_ten_times_the_load_urgent_work_begins_at_once():
    """The queue is full and keeps filling, what waits is older than any ageing span: each critical task that comes is
    accepted, begins before a single one of the others ends, and the others still hold all places but one.
    """
    clock, gate = VirtualClock(), Gate()
    async with running(clock, categories={"core": 8}, queue_capacity=80, ageing_span=1.0) as brain:
        await brain.submit("category:core", int, priority="critical")  # from now on a place is kept
        low = [brain.submit("category:core", gate, "low", priority="low", timeout=None) for _ in range(80)]
        await gate.holds(7)
        assert brain.status().categories["core"].kept == 1
        low += [brain.submit("category:core", gate, "low", priority="low", timeout=None) for _ in range(7)]
        for _ in range(20):
            await clock.advance(10)
            with pytest.raises(QueueFullError):
                brain.submit("category:core", gate, "low", priority="low")
            urgent = brain.submit("category:core", lambda: "urgent", priority="critical")
            assert await urgent == "urgent"
            assert gate.inside == 7
        gate.open()
        await brain.drain()
        assert {task.state for task in low} == {TaskState.COMPLETED}


@pytest.mark.feature("X-17", "PM-12")
@pytest.mark.parametrize("capacity", [1, 10, 100])
async def test_a_full_queue_has_room_for_a_tenth_more_of_urgent_work(capacity):
    """Beyond it urgent work is refused like all other."""
    async with running(categories={"core": 1}, queue_capacity=capacity) as brain:
        gate = Gate()
        brain.submit("category:core", gate, timeout=None)
        await gate.holds(1)

        def submit(priority: str, on_full: str = "reject") -> Task[object]:
            return brain.submit("category:core", int, priority=priority, on_full=on_full)

        for _ in range(capacity):
            submit("medium")
        for _ in range(urgent_room(capacity)):
            with pytest.raises(QueueFullError):
                submit("medium")
            assert submit("high").state is TaskState.QUEUED
        with pytest.raises(QueueFullError):
            submit("critical")
        assert submit("critical", "wait").state is TaskState.BLOCKED
        gate.open()
        await brain.drain()


@pytest.mark.feature("X-17")
async def test_urgent_coroutines_have_the_place_too():
    """Places are one count for threads and for what runs on the loop."""
    async with running(categories={"core": 4}) as brain:
        done, gate = asyncio.Event(), Gate()

        async def quick() -> str:
            return "urgent"

        await brain.submit("category:core", int, priority="critical")
        for _ in range(5):
            brain.submit("category:core", done.wait, timeout=None)
            brain.submit("category:core", gate, timeout=None)
        await until(lambda: pool(brain).working == 3)
        for _ in range(3):
            assert await brain.submit("category:core", quick, priority="critical") == "urgent"
            assert pool(brain).working == 3
        done.set()
        gate.open()
        await brain.drain()


@pytest.mark.feature("X-17")
async def test_the_kept_place_is_given_back_after_a_minute_or_two_without_urgent_work():
    """What waits then has it without anybody coming; new urgent work has it kept again."""
    clock, gate = VirtualClock(), Gate()
    async with running(clock, categories={"core": 4}) as brain:
        await brain.submit("category:core", int, priority="high")
        for _ in range(12):
            brain.submit("category:core", gate, timeout=None)
        await gate.holds(3)
        await clock.advance(59)
        await brain.submit("category:core", int, priority="high")
        await clock.advance(60)
        assert (gate.inside, pool(brain).kept) == (3, 1)
        await clock.advance(61)
        await gate.holds(4)
        assert pool(brain).kept == 0
        brain.submit("category:core", int, priority="high")
        assert pool(brain).kept == 1
        gate.open()
        await brain.drain()


@pytest.mark.feature("X-17")
async def test_who_wants_every_place_for_all_work_can_say_so():
    """``keep_place=False``, or a policy that does not ask for priority, even one that is switched to."""
    async with running(categories={"core": 4}, keep_place=False) as brain:
        gate = Gate()
        await brain.submit("category:core", int, priority="critical")
        for _ in range(4):
            brain.submit("category:core", gate, timeout=None)
        await gate.holds(4)
        gate.open()
    async with running(categories={"core": 4}) as brain:
        gate = Gate()
        await brain.submit("category:core", int, priority="critical")
        for _ in range(4):
            brain.submit("category:core", gate, timeout=None)
        await gate.holds(3)
        brain.set_policy("fair_share")
        await gate.holds(4)
        gate.open()


@pytest.mark.feature("X-17", "CB-14")
async def test_a_category_that_keeps_a_place_grows_as_one_without():
    """The place that nobody else may have does not make it look as if there were room."""
    clock, gate = VirtualClock(), Gate()
    settings = {"auto_scaling": True, "scaling": "plain", "decision_interval": 10.0, "health_interval": 5.0}
    async with running(clock, categories={"core": 4}, **settings) as brain:
        await brain.submit("category:core", int, priority="critical")
        for _ in range(10):
            brain.submit("category:core", gate, timeout=None)
        await gate.holds(3)
        await clock.advance(21)
        assert "scale_up" in {decision.type for decision in brain.decisions()}
        await gate.holds(brain.status().categories["core"].max - 1)
        gate.open()


@pytest.mark.feature("X-17", "X-06")
async def test_a_flood_of_urgent_work_does_not_keep_others_in_line_for_ever():
    """It passes the line, and each time it has, the first in it has the next room."""
    async with running(categories={"core": 1}, queue_capacity=10, policy="priority_first") as brain:
        gate = Gate()
        brain.submit("category:core", gate, timeout=None)
        await gate.holds(1)

        def flood() -> None:
            with pytest.raises(QueueFullError):
                while True:
                    brain.submit("category:core", gate, priority="critical", timeout=None)

        flood()
        in_line = [brain.submit("category:core", int, priority="idle", on_full="wait") for _ in range(3)]
        let_in = []
        for step in range(8):
            gate.let(1)
            await gate.begun(step + 2)
            await until(lambda: brain.status().categories["core"].queued < 14)
            let_in.append(sum(task.state is TaskState.QUEUED for task in in_line))
            flood()
        assert let_in[-1] == 3
        assert sorted(let_in) == let_in
        gate.open()
        await brain.drain()
        assert {task.state for task in in_line} == {TaskState.COMPLETED}
