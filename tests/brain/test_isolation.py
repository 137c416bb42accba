"""What one module or category does to the others: nothing; and what a brain keeps of what has ended: little."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import psutil
import pytest

from companion_async import UnknownTaskError
from companion_async.status.diagnosis import diagnose
from companion_async.testing.clock import VirtualClock, until
from tests.brain.rig import Gate, brain_on, diary, fill


@pytest.mark.feature("CB-F3", "PE-03")
async def test_a_category_that_hangs_holds_up_no_other() -> None:
    """Each has its own threads and its own queue."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, categories={"core": 2, "phase1": 2}, abandoned_budget=0) as brain:
        fill(brain, gate, 50, "core")
        await gate.holds(2)
        assert await asyncio.gather(*(brain.to_thread(int, category="phase1") for _ in range(20))) == [0] * 20
        gate.open()


@pytest.mark.feature("CB-32")
async def test_what_a_person_should_look_at() -> None:
    """A low success rate, more than ten failures, and a module that stands still with work waiting."""
    clock, fresh = VirtualClock(), diary()
    async with brain_on(clock, failure_threshold=100) as brain:
        await brain.register("failing", fresh)
        await brain.register("held", diary())
        await brain.register("idle", diary())
        assert diagnose(brain.status()) == ()
        fresh.fails["run"] = ValueError()
        for _ in range(11):
            with pytest.raises(ValueError):
                await brain.submit("failing")
        brain.pause("held")
        brain.submit("held", timeout=None)
        await clock.advance(400)
        found = {(finding.kind, finding.subject) for finding in diagnose(brain.status())}
        assert found == {
            ("low_success_rate", "failing"),
            ("many_failures", "failing"),
            ("idle_with_work", "held"),
        }


@pytest.mark.feature("PM-15", "PE-08")
async def test_ended_tasks_are_forgotten_by_count_and_by_age() -> None:
    """What they returned can be collected then, and living ones are never forgotten."""

    class Result: ...

    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, history_size=10, history_seconds=60) as brain:
        living = fill(brain, gate, 1)[0]
        await gate.holds(1)
        first = brain.submit("category:core", Result)
        kept = weakref.ref(await first)
        number = first.id
        del first
        for _ in range(20):
            await brain.to_thread(int)
        assert len(brain.tasks()) == 11
        with pytest.raises(UnknownTaskError):
            brain.task(number)
        gc.collect()
        assert kept() is None
        await clock.advance(61)
        assert brain.tasks() == [living]
        gate.open()


@pytest.mark.slow
async def test_a_hundred_thousand_tasks_leave_threads_and_memory_as_they_were() -> None:
    """Within a few megabytes, once the history is full."""
    process = psutil.Process()
    async with brain_on(categories={"core": 4}, queue_capacity=20_000, history_size=1000) as brain:
        await brain.register("m", lambda number: number, category="core")

        async def run(count: int) -> None:
            for start in range(0, count, 10_000):
                tasks = [brain.submit("m", "run", start + n) for n in range(10_000)]
                for task in tasks:
                    await task
                del tasks

        await run(30_000)
        gc.collect()
        threads, memory = threading.active_count(), process.memory_info().rss
        await run(100_000)
        gc.collect()
        await until(lambda: brain.status().active_threads == 0)
        assert threading.active_count() <= threads
        assert process.memory_info().rss - memory < 8_000_000
        assert brain.status().stats.total_tasks_completed == 130_000
