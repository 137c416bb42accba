"""A companion's own memory, consolidated in the background."""

from __future__ import annotations

import threading

import anyio
import pytest

from companion_async.cognition.mind import Mind
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig, MindSettings
from companion_async.errors import InvalidArgumentError
from companion_async.memory.settings import MemorySettings

pytestmark = pytest.mark.feature("PP-17")


async def test_a_companion_consolidates_by_itself(monkeypatch):
    """Again and again, at the pace of its settings, from the start on; and not where that is 0."""
    runs = threading.Semaphore(0)
    monkeypatch.setattr(Mind, "consolidate", lambda mind: runs.release())
    async with CompanionBrain(CompanionConfig(mind=MindSettings(consolidate=0.02))):
        for _ in range(3):
            assert await anyio.to_thread.run_sync(lambda: runs.acquire(timeout=20))
    left = runs._value
    async with CompanionBrain(CompanionConfig(mind=MindSettings(consolidate=0))) as brain:
        await brain.submit("reflection", "run")
        assert runs._value == left


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
