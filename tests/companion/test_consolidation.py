"""A companion's own memory, consolidated in the background."""

from __future__ import annotations

import pytest

from companion_async.cognition.mind import Mind
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig, MindSettings
from companion_async.errors import InvalidArgumentError
from companion_async.memory.settings import MemorySettings
from companion_async.modules.module import BaseModule

pytestmark = pytest.mark.feature("PP-17")


async def pass_by(clock, brain, seconds):
    for _ in range(seconds):
        await clock.advance(1)
        with clock.hold():
            await brain.drain()


async def test_a_companion_consolidates_by_itself(monkeypatch, virtual_clock):
    """Every minute as it is set, the first time a minute after the start; not where that is 0."""
    consolidated = []
    monkeypatch.setattr(Mind, "consolidate", lambda mind: consolidated.append(virtual_clock.monotonic()))
    async with CompanionBrain(CompanionConfig(mind=MindSettings(consolidate=10)), clock=virtual_clock) as brain:
        await pass_by(virtual_clock, brain, 25)
        assert consolidated == [10, 20]
        assert brain.status().stats.total_tasks_completed == 2
    consolidated.clear()
    async with CompanionBrain(CompanionConfig(mind=MindSettings(consolidate=0)), clock=virtual_clock) as brain:
        await pass_by(virtual_clock, brain, 25)
    assert consolidated == []


async def test_after_a_shutdown_nothing_is_begun(monkeypatch, virtual_clock):
    """One that was up for less than a period does not wait for its first consolidation for ever."""
    begun = []
    async with CompanionBrain(CompanionConfig(mind=MindSettings(consolidate=10)), clock=virtual_clock) as brain:
        monkeypatch.setattr(brain, "every", lambda *_, **__: begun.append(virtual_clock.monotonic()))
    await virtual_clock.advance(25)
    assert begun == []


async def test_what_is_away_then_is_consolidated_when_it_is_back(virtual_clock):
    """The beginning is tried again a period later."""
    consolidated = []

    class Back(BaseModule):
        def consolidate(self):
            consolidated.append(virtual_clock.monotonic())

    async with CompanionBrain(CompanionConfig(mind=MindSettings(consolidate=10)), clock=virtual_clock) as brain:
        await brain.unregister("reflection")
        await pass_by(virtual_clock, brain, 15)
        await brain.register("reflection", Back, category="agi")
        await pass_by(virtual_clock, brain, 20)
        assert consolidated == [20, 30]


async def test_it_forgets_by_its_settings_and_opens_no_memory_for_that(monkeypatch):
    """Nothing is opened before something is remembered; then the bound holds."""
    minds = []
    enter = Mind.enter

    def entered(mind):
        minds.append(mind)
        enter(mind)

    monkeypatch.setattr(Mind, "enter", entered)
    retention = MemorySettings(most=5)
    async with CompanionBrain(CompanionConfig(mind=MindSettings(consolidate=0, retention=retention))) as brain:
        assert await brain.submit("reflection", "consolidate") is None

        def remember(mind):
            for n in range(8):
                mind.memory.long_term.remember(f"thing {n}", n / 20)

        mind = minds[0]
        await brain.to_thread(remember, mind)
        assert (await brain.submit("reflection", "consolidate")).faded == 3
        assert [each.content for each in mind.memory.long_term.all()] == [f"thing {n}" for n in range(3, 8)]


@pytest.mark.parametrize("wrong", [{"consolidate": -1}, {"consolidate": float("nan")}, {"retention": 5}])
def test_settings_that_make_no_sense_are_refused(wrong):
    """When they are made."""
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        MindSettings(**wrong)
