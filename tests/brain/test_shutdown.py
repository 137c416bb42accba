"""How a brain ends: what it drains, what it gives up, what it says of it, and that it always ends."""

from __future__ import annotations

import asyncio
import random
import threading
import time

import pytest

from companion_async import (
    Brain,
    BrainClosedError,
    BrainConfig,
    InvalidArgumentError,
    ModuleUnavailableError,
    ShutdownReport,
    TaskCancelledError,
    TaskState,
    WrongThreadError,
    current_task,
)
from companion_async.testing.clock import VirtualClock, settle, until
from tests.brain.rig import Gate, brain_on, diary

ENDS = {TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED, TaskState.TIMED_OUT}


@pytest.mark.feature("CB-29", "PM-13")
async def test_what_was_accepted_is_drained_and_the_modules_are_stopped() -> None:
    """Queued work still runs, plain and async ``stop()`` alike are called, and the report counts."""
    gate, fresh = Gate(), diary()

    class Plain:
        stopped = 0

        def stop(self) -> None:
            Plain.stopped += 1

        def run(self) -> None: ...

    async with brain_on(categories={"core": 1}) as brain:
        await brain.register("m", fresh)
        await brain.register("plain", Plain)
        tasks = [brain.submit("m", "call", gate)] + [brain.submit("m") for _ in range(4)]
        await gate.holds(1)
        ending = asyncio.create_task(brain.shutdown())
        await settle()
        with pytest.raises(BrainClosedError, match="shutting down"):
            brain.submit("m")
        gate.open()
        report = await ending
        assert [task.state for task in tasks] == [TaskState.COMPLETED] * 5
        assert (report.drained, report.cancelled, report.abandoned) == (5, 0, 0)
        assert fresh.notes == ["start 1", "stop 1"]
        assert Plain.stopped == 1
        assert brain.phase == "shut down"
        with pytest.raises(BrainClosedError, match="shut down"):
            brain.submit("m")


@pytest.mark.feature("CB-29")
async def test_at_the_deadline_the_rest_is_cancelled_and_a_stuck_thread_reported() -> None:
    """Every task ends; the thread that does not is counted, and nobody waits for it."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, categories={"core": 1}, auto_scaling=False) as brain:
        await brain.register("m", diary())
        stuck = brain.submit("m", "call", gate, timeout=None)
        await gate.holds(1)
        waiting = [brain.submit("m") for _ in range(3)]
        ending = asyncio.create_task(brain.shutdown(timeout=10))
        await clock.advance(9.9)
        assert not ending.done()
        await clock.advance(0.2)
        report = await ending
        assert (report.drained, report.cancelled, report.abandoned) == (0, 3, 1)
        assert 10 <= report.seconds <= 10.1
        with pytest.raises(TaskCancelledError, match="shutting down"):
            stuck.result()
        assert all(task.cancelled() for task in waiting)
        gate.open()


async def test_work_that_heeds_its_signal_is_not_reported_as_running() -> None:
    """It is cancelled, and its thread is gone before the report is made."""
    gate = Gate()
    async with brain_on() as brain:
        await brain.register("m", diary())
        task = brain.submit("m", "call", gate.heed)
        await gate.holds(1)
        report = await brain.shutdown(0.0)
        assert task.cancelled()
        assert report.abandoned == 0
        assert gate.inside == 0


async def test_held_work_does_not_hold_up_the_end() -> None:
    """What waits in a paused module can never run any more, so it is cancelled at once."""
    async with brain_on(VirtualClock()) as brain:
        await brain.register("m", diary())
        brain.pause("m")
        waiting = [brain.submit("m") for _ in range(3)]
        report = await brain.shutdown(1000)
        assert report == ShutdownReport(0, 3, 0, 0.0)
        assert all(task.cancelled() for task in waiting)


async def test_a_stop_that_hangs_holds_up_neither_the_end_nor_the_others() -> None:
    """The end is bounded, and every other module is stopped."""

    class Hanging:
        async def stop(self) -> None:
            await asyncio.Event().wait()

        def run(self) -> None: ...

    clock, fresh = VirtualClock(), diary()
    async with brain_on(clock) as brain:
        await brain.register("first", fresh)
        await brain.register("hanging", Hanging)
        ending = asyncio.create_task(brain.shutdown(2.0))
        await until(lambda: fresh.notes == ["start 1", "stop 1"])
        assert not ending.done()
        await clock.advance(2.1)
        report = await ending
        assert report.seconds <= 2.1


@pytest.mark.feature("CB-29", "PM-13")
async def test_shut_down_again_gives_the_same_report() -> None:
    """In turn, at once, and from other tasks."""
    async with brain_on() as brain:
        await brain.register("m", diary())
        await brain.submit("m")
        reports = await asyncio.gather(*(brain.shutdown() for _ in range(5)))
        assert all(report is reports[0] for report in [*reports, await brain.shutdown()])
        with pytest.raises(BrainClosedError, match="shut down"):
            await brain.start()


async def test_a_shutdown_whose_caller_is_cancelled_goes_on() -> None:
    """The next caller gets its report."""
    gate = Gate()
    async with brain_on() as brain:
        await brain.register("m", diary())
        task = brain.submit("m", "call", gate)
        await gate.holds(1)
        ending = asyncio.create_task(brain.shutdown())
        await settle()
        ending.cancel()
        await asyncio.wait([ending])
        gate.open()
        assert (await brain.shutdown()).drained == 1
        assert task.done()


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), "5", None, True])
async def test_a_deadline_that_could_not_be_meant_is_refused(timeout: object) -> None:
    """And the brain runs on."""
    async with brain_on() as brain:
        with pytest.raises(InvalidArgumentError, match="timeout"):
            await brain.shutdown(timeout)  # type: ignore[arg-type]
        assert await brain.to_thread(int) == 0


async def test_a_thread_cannot_shut_it_down_but_work_on_the_loop_can() -> None:
    """`WrongThreadError` says so; a coroutine that shuts down its own brain is itself cancelled, and the end comes."""
    async with brain_on() as brain:

        def in_thread() -> None:
            asyncio.run(brain.shutdown())

        with pytest.raises(WrongThreadError):
            await brain.to_thread(in_thread)

        async def last() -> None:
            await brain.shutdown(0.05)

        task = brain.submit("category:core", last, timeout=None)
        with pytest.raises(TaskCancelledError):
            await task
        assert (await brain.shutdown()).seconds < 5


async def test_work_that_submits_more_while_the_brain_ends_is_told_so() -> None:
    """`BrainClosedError` in the thread, too: what is accepted before is finished, nothing is accepted after."""
    gate = Gate()

    def more() -> str:
        gate()
        try:
            current_task().submit("m")
        except BrainClosedError:
            return "closed"
        return "accepted"

    async with brain_on() as brain:
        await brain.register("m", diary())
        task = brain.submit("m", more)
        await gate.holds(1)
        ending = asyncio.create_task(brain.shutdown())
        await settle()
        gate.open()
        assert await task == "closed"
        await ending


async def test_a_restart_under_way_is_not_finished_after_the_end() -> None:
    """No module is up, and none is started again, once the brain is shut down."""
    clock, fresh, gate = VirtualClock(), diary(), Gate()
    async with brain_on(clock) as brain:
        await brain.register("m", fresh)
        running = brain.submit("m", "call", gate, timeout=None)
        await gate.holds(1)
        restarting = asyncio.create_task(brain.restart("m"))
        await settle()
        ending = asyncio.create_task(brain.shutdown(100))
        await settle()
        gate.open()
        assert await running == (1, None)
        await asyncio.wait([restarting, ending])
        assert isinstance(restarting.exception(), (BrainClosedError, ModuleUnavailableError))
        assert fresh.notes == ["start 1", "stop 1"]
        with pytest.raises(BrainClosedError):
            await brain.register("n", diary())
        with pytest.raises(BrainClosedError):
            brain.resume("m")


async def test_submit_racing_shutdown_is_refused_or_ends() -> None:
    """SUB-12: of submissions around the end each is refused, or reaches exactly one final state."""
    for seed in range(60):
        rng = random.Random(seed)
        brain = Brain(BrainConfig(plugins=False, categories={"core": 2}), seed=seed)
        await brain.start()
        await brain.register("m", lambda: time.sleep(0), category="core")
        accepted, refused = [], 0
        ending = None
        for step in range(40):
            if step == rng.randrange(40) or step == 30:
                ending = ending or asyncio.create_task(brain.shutdown(rng.choice([0.0, 0.001, 5.0])))
            try:
                accepted.append(brain.submit("m", priority=rng.choice(["critical", "idle"])))
            except BrainClosedError:
                refused += 1
            if rng.random() < 0.3:
                await asyncio.sleep(0)
        assert ending is not None
        report = await ending
        assert all(task.state in ENDS for task in accepted)
        assert report.abandoned == 0
        assert len(accepted) + refused == 40


@pytest.mark.feature("CB-29")
def test_a_loop_that_ends_under_a_running_brain_leaves_no_thread() -> None:
    """Nobody shut it down: its idle threads end with the loop, so the interpreter can go."""

    async def careless() -> None:
        brain = Brain(BrainConfig(plugins=False))
        await brain.start()
        await brain.register("m", diary())
        assert await brain.submit("m") == (1, None)
        await brain.to_thread(int)

    before = set(threading.enumerate())
    asyncio.run(careless())
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()


def test_a_thread_that_outlives_its_loop_ends_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    """SHU-05: no traceback, no report, no warning; its result goes nowhere."""
    gate = Gate()

    async def leave() -> int:
        async with Brain(BrainConfig(plugins=False)) as brain:
            task = brain.submit("category:core", gate, timeout=None)
            await gate.holds(1)
            report = await brain.shutdown(0.0)
            assert task.cancelled()
            return report.abandoned

    before = set(threading.enumerate())
    assert asyncio.run(leave()) == 1
    gate.open()
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()
    assert capfd.readouterr() == ("", "")
