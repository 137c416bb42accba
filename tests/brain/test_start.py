"""How a brain begins, what it refuses before and after, and that a start that fails leaves nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from companion_async import (
    Brain,
    BrainClosedError,
    BrainConfig,
    CompanionBrain,
    InvalidArgumentError,
    WrongThreadError,
)
from companion_async.health.watchdog import LoopWatchdog
from companion_async.testing.clock import VirtualClock, settle
from tests.brain.rig import brain_on, diary

QUIET = BrainConfig(plugins=False)


def loop_tasks() -> set[asyncio.Task[object]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


@pytest.mark.feature("PM-13", "U-6")
async def test_the_block_starts_and_ends_it() -> None:
    """Nothing is left on the loop and no thread afterwards."""
    threads = set(threading.enumerate())
    async with Brain(QUIET) as brain:
        assert brain.phase == "running"
        assert await brain.to_thread(int) == 0
    assert brain.phase == "shut down"
    assert not loop_tasks()
    assert not [t for t in set(threading.enumerate()) - threads if t.name.startswith("companion")]


async def test_an_idle_brain_has_no_worker_threads() -> None:
    """A slot starts when there is work, and the unused category costs nothing."""
    async with brain_on(VirtualClock()) as brain:
        assert brain.status().total_threads == 0
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("companion")]


async def test_starting_a_running_brain_does_nothing() -> None:
    """The same brain, the same uptime."""
    async with brain_on() as brain:
        parts = brain._assembly("test")
        assert await brain.start() is brain
        assert brain._assembly("test") is parts


@pytest.mark.parametrize("cls", [Brain, CompanionBrain])
async def test_a_second_start_beside_the_first_is_told_that_it_is_starting(cls: type[Brain]) -> None:
    """It does not disturb the first, and work that comes too early is told the same."""
    brain = cls(QUIET)
    first = asyncio.create_task(brain.start())
    await asyncio.sleep(0)
    assert brain.phase == "starting"
    with pytest.raises(BrainClosedError, match="The brain is starting"):
        await brain.start()
    with pytest.raises(BrainClosedError, match="The brain is starting"):
        brain.submit("category:core", int)
    assert await first is brain
    assert await brain.to_thread(int) == 0
    await brain.shutdown(0.0)


async def test_before_the_start_and_after_the_end_every_door_says_so() -> None:
    """`BrainClosedError` with the phase, never an AttributeError; what only looks still answers after the end."""
    brain = Brain(QUIET)

    def doors() -> list[Callable[[], Any]]:
        return [
            lambda: brain.submit("m"),
            lambda: brain.pause("m"),
            lambda: brain.resume("m"),
            lambda: brain.every("m", period=1),
            lambda: brain.resize("core", 2),
            lambda: brain.set_policy("fair_share"),
            lambda: brain.set_quota("m", 2),
            lambda: brain.pin("core", []),
        ]

    async def awaited() -> None:
        for call in (
            brain.register("m", diary()),
            brain.unregister("m"),
            brain.restart("m"),
            brain.drain(),
            brain.to_thread(int),
        ):
            with pytest.raises(BrainClosedError, match=brain.phase):
                await call

    for look in (brain.status, brain.decisions, brain.tasks):
        with pytest.raises(BrainClosedError, match="not started"):
            look()
    for door in doors():
        with pytest.raises(BrainClosedError, match="not started"):
            door()
    await awaited()
    await brain.start()
    task = brain.submit("category:core", int)
    await task
    await brain.shutdown()
    for door in doors():
        with pytest.raises(BrainClosedError, match="shut down"):
            door()
    await awaited()
    assert brain.status().stats.total_tasks_completed == 1
    assert brain.tasks() == [task]
    assert brain.decisions() == []


async def test_another_thread_is_told_where_it_belongs() -> None:
    """`WrongThreadError` names the call, and nothing of the loop is touched."""
    async with brain_on() as brain:
        await brain.register("m", diary())

        def calls() -> list[str]:
            told = []
            for call in (
                lambda: brain.submit("m"),
                brain.status,
                brain.tasks,
                brain.decisions,
                lambda: brain.module_status("m"),
                lambda: brain.pause("m"),
                lambda: brain.resize("core", 2),
            ):
                with pytest.raises(WrongThreadError) as caught:
                    call()
                told.append(str(caught.value))
            return told

        told = await brain.to_thread(calls)
        assert "submit()" in told[0]
        assert "status()" in told[1]
        assert brain.module_status("m").state == "running"


async def test_another_loop_cannot_start_or_enter_a_running_brain() -> None:
    """It is told so where it enters, and not by every call inside of the block and by the end of that."""

    async def enter(brain: Brain) -> None:
        with pytest.raises(WrongThreadError, match="start"):
            await brain.start()
        with pytest.raises(WrongThreadError, match="start"):
            async with brain:
                pass

    async with brain_on() as brain:
        await brain.to_thread(lambda: asyncio.run(enter(brain)))
        assert await brain.start() is brain


def test_another_loop_of_the_same_thread_is_told_so_and_waits_for_nothing() -> None:
    """As when a test's loop is not its fixture's: what is accepted there would never end."""
    home, other, brain = asyncio.new_event_loop(), asyncio.new_event_loop(), Brain(QUIET)

    async def enter() -> None:
        with pytest.raises(WrongThreadError, match="start"):
            await brain.start()
        with pytest.raises(WrongThreadError, match="map"):
            async for _ in brain.map("category:core", int, [1]):
                pass
        with pytest.raises(RuntimeError, match="different loop"):
            await brain.to_thread(int)

    try:
        home.run_until_complete(brain.start())
        other.run_until_complete(asyncio.wait_for(enter(), 5))
        home.run_until_complete(brain.shutdown())
    finally:
        home.close()
        other.close()


@pytest.mark.parametrize("config", [{"max_threads": 4}, "config.toml", 4])
def test_a_config_that_is_none_is_refused(config: object) -> None:
    """With the type that would be right."""
    with pytest.raises(InvalidArgumentError, match="BrainConfig"):
        Brain(config)  # type: ignore[arg-type]


async def test_a_start_that_fails_half_way_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No task, no thread, no open subscription; and the next try starts afresh."""
    began = LoopWatchdog.__aenter__

    async def refuse(dog: LoopWatchdog) -> LoopWatchdog:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(LoopWatchdog, "__aenter__", refuse)
    brain = Brain(QUIET)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        await brain.start()
    assert brain.phase == "not started"
    assert not loop_tasks()
    monkeypatch.setattr(LoopWatchdog, "__aenter__", began)
    async with brain:
        assert await brain.to_thread(int) == 0


async def test_a_start_that_is_cancelled_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """At whichever step it is cancelled."""
    for turns in range(12):
        brain = Brain(QUIET, clock=VirtualClock())
        starting = asyncio.create_task(brain.start())
        for _ in range(turns):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.wait([starting])
        if starting.cancelled():
            assert brain.phase == "not started"
        else:
            await brain.shutdown()
        await settle()
        assert not loop_tasks()


async def test_modules_that_come_with_the_brain_and_fail_take_it_down_again() -> None:
    """A subclass that registers its own as it starts: what had come up is stopped."""
    fresh = diary()

    class Furnished(Brain):
        async def _move_in(self) -> None:
            await self.register("first", fresh)
            await self.register("bad name", fresh)

    brain = Furnished(QUIET)
    with pytest.raises(InvalidArgumentError, match="bad name"):
        await brain.start()
    assert brain.phase == "not started"
    assert fresh.notes == ["start 1", "stop 1"]
    assert not loop_tasks()


async def test_a_shutdown_during_the_start_wins() -> None:
    """The start says that the brain is closed, the shutdown gives its report, and nothing is up."""
    begin = asyncio.Event()

    class Slow:
        async def start(self) -> None:
            begin.set()
            await asyncio.Event().wait()

        def run(self) -> None: ...

    class Furnished(Brain):
        async def _move_in(self) -> None:
            await self.register("slow", Slow)
            await self.register("next", Slow)

    brain = Furnished(QUIET)
    starting = asyncio.create_task(brain.start())
    await begin.wait()
    report = await brain.shutdown()
    assert report.seconds < 2
    with pytest.raises(BrainClosedError):
        await starting
    assert brain.phase == "shut down"
    assert not loop_tasks()


async def test_two_brains_live_side_by_side() -> None:
    """Each has its threads, tasks and events; a task of one is a stranger to the other."""
    async with brain_on() as one, brain_on() as other:
        await one.register("m", lambda: "one")
        await other.register("m", lambda: "other")
        first, second = one.submit("m"), other.submit("m")
        assert (await first, await second) == ("one", "other")
        with pytest.raises(KeyError):
            other.submit("m", after=[first])
        await one.shutdown()
        assert await other.submit("m") == "other"


@pytest.mark.feature("U-3")
async def test_an_error_in_the_block_shuts_down_and_comes_out_as_it_was() -> None:
    """A cancelled block too."""
    fresh = diary()
    with pytest.raises(ZeroDivisionError):
        async with Brain(QUIET) as brain:
            await brain.register("m", fresh)
            raise ZeroDivisionError
    assert fresh.notes == ["start 1", "stop 1"]

    up = asyncio.Event()

    async def block() -> None:
        async with Brain(QUIET) as brain:
            await brain.register("m", fresh)
            up.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await up.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert fresh.notes[-1] == "stop 2"
    assert not loop_tasks()
