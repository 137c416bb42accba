"""While very many tasks wait, the garbage collector is kept from going through them over and over, and so are we."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import pytest

from companion_async import Brain, Priority
from companion_async.autonomy.settings import AutonomySettings
from companion_async.testing.clock import until
from tests.brain.rig import brain_on, diary, types

LEVELS = tuple(Priority)


@pytest.fixture(autouse=True)
def usual() -> Iterator[int]:
    """How rarely all objects are gone through: every test leaves it as it found it, which differs between Pythons."""
    thresholds = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield 10
    after = gc.get_threshold()
    gc.set_threshold(*thresholds)
    assert after == (700, 10, 10)


def rarely() -> int:
    """How rarely all objects are gone through now."""
    return gc.get_threshold()[2]


def roomy(**options: Any) -> AbstractAsyncContextManager[Brain]:
    """A brain with room for many tasks."""
    return brain_on(queue_capacity=100_000, history_size=100, **options)


async def crowd(brain: Brain, number: int, name: str = "m") -> None:
    """So many more tasks that wait, of all priorities, for a module that is paused."""
    if name not in brain.status().module_threads:
        await brain.register(name, diary(), category="core")
        brain.pause(name)
    for turn in range(number):
        brain.submit(name, "run", priority=LEVELS[turn % 5])


async def test_all_objects_are_gone_through_more_rarely_while_many_wait(usual: int) -> None:
    """From ten thousand tasks on the threshold rises, with their number, and is back when they have run; two decisions
    say so.
    """
    async with roomy() as brain:
        await crowd(brain, 9_900)
        assert rarely() == usual
        await crowd(brain, 200)
        first = rarely()
        assert first > usual
        await crowd(brain, 12_000)
        assert rarely() > first
        brain.resume("m")
        await until(lambda: brain.status().pending_tasks == 0)
        assert rarely() == usual
        began, ended = types(brain, "put_off_collections")
        assert began.context == "interpreter"
        assert (began.data["old"], began.data["new"], began.data["waiting"]) == (usual, first, 10_000)
        assert (ended.data["new"], ended.data["waiting"]) == (usual, 0)


async def test_a_full_history_is_no_depth(usual: int) -> None:
    """Tasks that have ended and are remembered do not count: twelve thousand in turn change nothing."""
    async with brain_on(history_size=20_000) as brain:
        await brain.register("m", diary(), category="core")
        for _ in range(24):
            for task in [brain.submit("m", "run") for _ in range(500)]:
                await task
        assert rarely() == usual
        assert not types(brain, "put_off_collections")


async def test_whoever_manages_the_collector_himself_keeps_it(usual: int) -> None:
    """``manage_collector=False`` leaves it alone, and a threshold that is higher already stays."""
    async with roomy(autonomy=AutonomySettings(manage_collector=False)) as brain:
        await crowd(brain, 12_000)
        assert rarely() == usual
    gc.set_threshold(700, 10, 5_000)
    async with roomy() as brain:
        await crowd(brain, 12_000)
        assert rarely() == 5_000
        assert not types(brain, "put_off_collections")
    assert rarely() == 5_000
    gc.set_threshold(700, 10, usual)


async def test_the_collector_is_given_back_by_the_last_of_several_brains(usual: int) -> None:
    """Of two brains with deep queues one ends: what the other needs stays until it ends too, with its tasks waiting."""
    async with roomy() as first:
        await crowd(first, 12_000)
        async with roomy() as second:
            await crowd(second, 24_000)
            both = rarely()
        assert usual < rarely() < both
    assert rarely() == usual


async def test_memory_that_runs_out_ends_the_patience(usual: int) -> None:
    """Once the memory is nearly used up, garbage is looked for as ever, deep queue or not."""
    async with roomy() as brain:
        await crowd(brain, 12_000)
        assert rarely() > usual
        admission = brain._assembly("").scheduler.admission
        admission.press(0.97, 0.95, 5.0)
        assert rarely() == usual
        admission.press(0.5, 0.95, 5.0)
        await crowd(brain, 15_000)
        assert rarely() > usual


async def test_a_deep_queue_is_read_in_parts() -> None:
    """Of a module with very many tasks waiting a reading looks at a thousand, and says of all how many, of which
    priority, and since when the oldest waits.
    """
    async with roomy() as brain:
        await crowd(brain, 1)
        await crowd(brain, 8_000)
        controls = brain._assembly("").controls
        port = brain._assembly("").scheduler.ports["m"]
        assert 900 <= len(list(port.some(1_000))) <= 1_100
        brain._assembly("").scheduler.pools["core"].limit = 0
        brain.resume("m")
        reading = next(one for one in controls.categories() if one.name == "core")
        assert reading.queued == 8_001
        assert sum(reading.queued_by_level) == pytest.approx(8_001, abs=5)
        assert all(count == pytest.approx(1_600, rel=0.02) for count in reading.queued_by_level)
        oldest = min(cast("Any", task).ready for task in port.tasks())
        now = brain._assembly("").clock.monotonic()
        assert reading.oldest_wait == pytest.approx(now - oldest, abs=1.0)
        assert reading.patience is None
        brain._assembly("").scheduler.pools["core"].limit = 10


async def test_of_very_many_the_oldest_are_raised_first() -> None:
    """A thousand of each priority go up a level at a time, those that have waited longest; the uppermost stay."""
    async with roomy() as brain:
        await crowd(brain, 10_000)
        controls = brain._assembly("").controls
        port = brain._assembly("").scheduler.ports["m"]
        before = {cast("Any", task): task.level for task in port.tasks()}
        assert controls.adjust_priority("core", 0.0) == 4_000
        raised = [task for task, level in before.items() if task.level != level]
        assert all(task.level == before[task] - 1 for task in raised)
        kept = [task for task in before if task.level == before[task] and task.level > 1]
        assert max(task.number for task in raised) < min(task.number for task in kept)
        assert port.size == 10_000
