"""Too much work: what waits too long is raised, what comes too late or costs the last memory is shed."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from companion_async import QueueFullError, Timeout
from companion_async.events.kinds import Event
from companion_async.events.stream import EventStream
from companion_async.health.process import ProcessFigures
from companion_async.testing.clock import VirtualClock
from tests.brain.rig import Gate, brain_on, fill, types


async def test_memory_vetoes_growth_and_sheds_when_it_is_nearly_gone() -> None:
    """SCA-07: from 80 % on nobody grows, from 95 % on the least urgent of what waits goes; then all is well again."""
    clock, gate = VirtualClock(), Gate()
    fraction = 0.3

    async def read() -> ProcessFigures:
        return ProcessFigures(memory_fraction=fraction)

    async with brain_on(clock, categories={"core": 2}, scaling="plain", read_process=read) as brain:
        tasks = {level: fill(brain, gate, 4, priority=level) for level in ("high", "low", "idle")}
        await gate.holds(2)
        fraction = 0.9
        await clock.advance(30)
        assert not types(brain, "scale_up")
        assert not types(brain, "shed_load")
        fraction = 0.96
        await clock.advance(15)
        shed = types(brain, "shed_load")[0]
        assert (shed.context, shed.applied, shed.rule) == ("core", True, "overload.memory")
        assert shed.data["done"] == 8
        assert all(task.cancelled() for level in ("low", "idle") for task in tasks[level])
        assert not any(task.done() for task in tasks["high"])
        fraction = 0.3
        await clock.advance(15)
        assert types(brain, "scale_up")
        gate.open()
        await asyncio.gather(*tasks["high"])


@pytest.mark.feature("PX-04")
async def test_admission_pauses_while_the_memory_is_nearly_used_up() -> None:
    """SCA-07: from 80 % on new work is refused, or waits in line where it may; below, all of it goes on by itself."""
    clock, gate, brief = VirtualClock(), Gate(), Gate()
    fraction = 0.85

    async def read() -> ProcessFigures:
        return ProcessFigures(memory_fraction=fraction)

    quiet = {"auto_scaling": False, "read_process": read}
    async with brain_on(clock, categories={"core": 2}, **quiet) as brain, brain.events.subscribe("system.*") as told:
        running = brain.submit("category:core", gate, timeout=None)
        shorter = brain.submit("category:core", brief, timeout=None)
        await gate.holds(1)
        await brief.holds(1)
        await clock.advance(5)
        with pytest.raises(QueueFullError, match="takes nothing, since the memory is nearly used up") as refused:
            brain.submit("category:core", int)
        assert refused.value.retry_after == 5.0
        with pytest.raises(QueueFullError):
            brain.submit("category:core", int, after=running)
        with pytest.raises(QueueFullError):
            brain.submit("category:phase1", int)
        after = brain.submit("category:core", int, after=running, on_full="wait")
        waiting = brain.submit("category:core", int, on_full="wait")
        brief.open()
        await shorter
        await clock.advance(5)
        assert [task.state for task in (running, after, waiting)] == ["running", "blocked", "blocked"]
        assert brain.status().categories["core"].overloaded
        assert brain.status().categories["phase1"].overloaded
        fraction = 0.78
        await clock.advance(5)
        assert waiting.state == "blocked", "a little less is not enough, or it would flap"
        fraction = 0.7
        await clock.advance(5)
        await waiting
        brain.submit("category:core", int)
        gate.open()
        await asyncio.gather(running, after)
        assert [event.kind for event in await drained(told)] == ["system.overload"] * 2 + ["system.recovered"] * 2


@pytest.mark.feature("PX-04")
async def test_memory_that_the_work_does_not_fill_stops_nothing_for_ever() -> None:
    """SCA-07: with nothing at work refusing would free nothing: one task at a time goes on, and nothing deadlocks."""
    clock, gate = VirtualClock(), Gate()

    async def read() -> ProcessFigures:
        return ProcessFigures(memory_fraction=0.99)

    async with brain_on(clock, categories={"core": 4}, auto_scaling=False, read_process=read) as brain:
        await clock.advance(5)
        first = brain.submit("category:core", gate, 0)
        await gate.holds(1)
        line = [brain.submit("category:core", gate, number, on_full="wait") for number in range(1, 5)]
        with pytest.raises(QueueFullError):
            brain.submit("category:phase1", int)
        gate.open()
        assert await asyncio.gather(first, *line) == [0, 1, 2, 3, 4]
        assert gate.most == 1


async def drained(stream: EventStream) -> list[Event]:
    """What the stream holds."""
    return [await anext(stream) for _ in range(len(stream))]


async def test_work_that_would_come_too_late_is_shed_from_the_bottom() -> None:
    """With a limit on the wait of everything, the lowest that cannot be run in time goes before it times out."""
    clock = VirtualClock()
    async with brain_on(clock, categories={"core": 1}, auto_scaling=False) as brain:
        gate = Gate()
        task = brain.submit("category:core", gate, timeout=None)
        await gate.holds(1)
        await clock.advance(10)
        gate.open()
        await task
        slow = Gate()
        blocker = brain.submit("category:core", slow, timeout=None)
        await slow.holds(1)
        patience = Timeout(queue=100)
        urgent = [brain.submit("category:core", int, timeout=patience, priority="high") for _ in range(5)]
        low = [brain.submit("category:core", int, timeout=patience, priority="low") for _ in range(30)]
        await clock.advance(30)
        (shed, *_) = types(brain, "shed_load")
        assert shed.rule == "overload.late"
        assert "least urgent go" in shed.reason
        assert sum(task.cancelled() for task in low) == shed.data["done"] > 0
        assert low[-1].cancelled()
        assert not low[0].cancelled()
        assert not any(task.done() for task in urgent)
        slow.open()
        await asyncio.gather(blocker, *urgent)


@pytest.mark.feature("CB-F2")
async def test_what_waits_too_long_goes_up_a_level() -> None:
    """Under strict priorities a stream of urgent work would hold it back for ever: the decision says how many rose."""
    clock = VirtualClock()
    async with brain_on(clock, categories={"core": 1}, policy="priority_first", auto_scaling=False) as brain:
        gates = [Gate() for _ in range(8)]
        running = brain.submit("category:core", gates[0], priority="critical", timeout=None)
        await gates[0].holds(1)
        low = [brain.submit("category:core", int, priority="low", timeout=None) for _ in range(3)]
        for before, after in itertools.pairwise(gates):
            following = brain.submit("category:core", after, priority="high", timeout=None)
            await clock.advance(10)
            if low[0].done():
                break
            before.open()
            await running
            running = following
        decisions = types(brain, "adjust_priority")
        assert decisions
        assert (decisions[0].context, decisions[0].applied, decisions[0].data["done"]) == ("core", True, 3)
        assert "goes up one level" in decisions[0].reason
        assert {task.priority.name for task in low} < {"MEDIUM", "HIGH", "CRITICAL"}
        for gate in gates:
            gate.open()
        await asyncio.gather(running, *low)
