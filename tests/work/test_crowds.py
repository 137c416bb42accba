"""Many submissions at once: of one key one task, of a full queue a refusal that leaves nothing."""

from __future__ import annotations

import pytest

from companion_async import InvalidArgumentError, QueueFullError, TaskState
from companion_async.testing.clock import VirtualClock
from tests.work.house import Gate, ends, running


@pytest.mark.feature("CB-06")
async def test_a_hundred_submissions_of_one_key_are_one_task():
    """The same `Task` for each, before its end and after it; the work runs once."""
    async with running() as brain:
        ran: list[int] = []
        tasks = [brain.submit("category:core", ran.append, 1, key="only") for _ in range(100)]
        assert len({id(task) for task in tasks}) == 1
        await tasks[0]
        assert brain.submit("category:core", ran.append, 1, key="only") is tasks[0]
        assert ran == [1]


@pytest.mark.feature("CB-06")
async def test_a_full_queue_refuses_at_once_and_keeps_nothing_of_what_it_refused():
    """Of ten thousand submissions exactly the queue's capacity is accepted, and just these come to an end."""
    async with running(categories={"core": 1}, queue_capacity=50) as brain:
        gate, ran, waits = Gate(), list[int](), list[float]()
        first = brain.submit("category:core", gate)
        await gate.holds(1)
        accepted = []
        for number in range(10_000):
            try:
                accepted.append(brain.submit("category:core", ran.append, number))
            except QueueFullError as error:
                waits.append(error.retry_after)
        assert (len(accepted), len(waits)) == (50, 9_950)
        assert min(waits) > 0
        assert brain.status().pending_tasks == 51
        gate.open()
        await brain.drain()
        assert ran == list(range(50))
        assert set(ends(first, *accepted)) == {"completed"}


@pytest.mark.feature("CB-06")
async def test_a_rule_for_a_full_queue_costs_nothing_while_there_is_room():
    """Those of `map`, which asks for one with each item, are as plain as others; a wrong one is refused still."""
    async with running(categories={"core": 1}, queue_capacity=1) as brain:
        gate = Gate()
        running_one = brain.submit("category:core", gate, on_full="wait")
        await gate.holds(1)
        with_room = brain.submit("category:core", int, on_full="reject")
        assert running_one.more is None
        assert with_room.more is None
        full = brain.submit("category:core", int, on_full="wait")
        assert full.state is TaskState.BLOCKED
        with pytest.raises(QueueFullError):
            brain.submit("category:core", int, on_full="reject")
        for _ in range(2):
            with pytest.raises(InvalidArgumentError, match="on_full"):
                brain.submit("category:core", int, on_full="drop")
            gate.open()
            await full


async def test_a_house_full_of_tasks_says_what_helps_against_that():
    """Those who wait in line count among its tasks, and another queue's capacity is not its bound."""
    async with running(categories={"core": 1}, max_pending_tasks=1) as brain:
        gate = Gate()
        brain.submit("category:core", gate)
        for rule in ("reject", "wait"):
            with pytest.raises(QueueFullError, match="raise max_pending_tasks") as caught:
                brain.submit("category:phase1", gate, on_full=rule)
            assert "on_full" not in str(caught.value)
            assert "queue_capacity" not in str(caught.value)
        gate.open()


@pytest.mark.feature("CB-06")
async def test_a_flood_of_refusals_reads_the_figures_of_the_modules_once():
    """What to advise is known for a moment: with a thousand modules a refusal costs no more than with one."""
    clock = VirtualClock()
    async with running(clock=clock, categories={"core": 1}, queue_capacity=10) as brain:
        gate = Gate()
        first = brain.submit("category:core", gate)
        await gate.holds(1)
        waiting = [brain.submit("category:core", int) for _ in range(10)]

        def advised() -> float:
            with pytest.raises(QueueFullError) as caught:
                brain.submit("category:core", int)
            return caught.value.retry_after

        record = brain._assembly("").scheduler.ports["category:core"].record
        usual = advised()
        record.average_run = 100 * usual
        assert {advised() for _ in range(100)} == {usual}
        await clock.advance(1.0)
        assert advised() > usual
        gate.open()
        await first
        for task in waiting:
            await task
