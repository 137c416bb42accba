"""Locks inside a brain: owned by tasks, given back by those that end, told when the brain does."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from companion_async import (
    BaseModule,
    BrainClosedError,
    LockTimeoutError,
    TaskCancelledError,
    TaskTimeoutError,
    WrongThreadError,
)
from companion_async.testing.clock import VirtualClock, until
from tests.locks.sharing import CORE, EXCLUSIVE, READ, WRITE, holding, share, waiters
from tests.work.house import Gate, pool, running


@pytest.mark.feature("PR-03", "PR-07")
async def test_threads_and_coroutines_exclude_each_other_whatever_name_they_give():
    """A writer in a thread keeps out a coroutine and another thread, although all call themselves alike."""
    async with running() as brain:
        share(brain, "memory")
        gate = Gate()
        held = brain.submit(CORE, holding(brain, "memory", gate), timeout=None)
        await gate.holds(1)
        with pytest.raises(LockTimeoutError):
            async with brain.resources.acquire_context("memory", WRITE, holder="same", timeout=0):
                pass

        def other() -> None:
            with brain.resources.acquire_context("memory", READ, holder="same", timeout=0):
                pass

        with pytest.raises(LockTimeoutError):
            await brain.submit(CORE, other, timeout=None)
        gate.open()
        assert await held == ["memory"]
        async with brain.resources.acquire_context("memory", WRITE) as value:
            assert value == ["memory"]


@pytest.mark.feature("PR-07")
async def test_a_plain_with_on_the_loop_says_what_to_write():
    """It would block the loop, so it is refused, with the words that do not."""
    async with running() as brain:
        share(brain, "memory")
        with (
            pytest.raises(WrongThreadError, match=r"Use async with acquire_context\(\.\.\.\) here"),
            brain.resources.acquire_context("memory", READ),
        ):
            pass
        assert brain.resources.get_resource_status("memory").requests == 0


@pytest.mark.feature("PR-13")
async def test_a_task_that_ends_lets_go_of_what_it_forgot():
    """Acquired without a block and never released: the next has it once the task has ended."""
    async with running() as brain:
        share(brain, "memory")

        async def forgetful() -> None:
            await brain.resources.acquire_resource("memory", WRITE)

        await brain.submit(CORE, forgetful, timeout=None)
        async with brain.resources.acquire_context("memory", WRITE, timeout=0) as value:
            assert value == ["memory"]
        assert brain.resources.get_resource_status("memory").suspect
        brain.resources.clear_suspect("memory")
        assert not brain.resources.get_resource_status("memory").suspect


@pytest.mark.feature("PR-13")
async def test_a_cancelled_run_keeps_its_lock_until_it_has_stopped():
    """While its thread may still write nobody else gets in; when the thread has left, the next does."""
    async with running() as brain:
        share(brain, "memory")
        gate = Gate()
        held = brain.submit(CORE, holding(brain, "memory", gate), timeout=None)
        await gate.holds(1)
        assert held.cancel()
        with pytest.raises(LockTimeoutError):
            await brain.resources.acquire_resource("memory", READ, timeout=0)
        gate.open()
        await until(lambda: not brain.resources.get_resource_status("memory").holders)
        assert not brain.resources.get_resource_status("memory").suspect


@pytest.mark.feature("PR-13")
async def test_a_cancelled_coroutine_that_forgets_its_lock_loses_it_when_it_has_ended():
    """Work on the loop that acquired without a block and is cancelled holds nothing any more."""
    async with running() as brain:
        share(brain, "memory")

        async def forgetful() -> None:
            await brain.resources.acquire_resource("memory", WRITE)
            await asyncio.Event().wait()

        task = brain.submit(CORE, forgetful, timeout=None)
        await until(lambda: len(brain.resources.get_resource_status("memory").holders) == 1)
        assert task.cancel()
        await until(lambda: not brain.resources.get_resource_status("memory").holders)
        assert brain.resources.get_resource_status("memory").suspect


@pytest.mark.feature("PR-13")
@pytest.mark.parametrize("mode", [READ, WRITE, EXCLUSIVE])
async def test_an_abandoned_writer_loses_its_lock_and_leaves_it_suspect(mode):
    """Its late release frees nothing that others hold by then, and it acquires nothing any more."""
    clock = VirtualClock()
    async with running(clock) as brain:
        share(brain, "memory", "other")
        gate = Gate()
        late: list[Any] = []

        def stuck() -> None:
            with brain.resources.acquire_context("memory", mode) as _:
                gate()
            late.append("released")
            try:
                with brain.resources.acquire_context("other", READ):
                    late.append("got another")
            except TaskCancelledError:
                late.append("refused")

        task = brain.submit(CORE, stuck, timeout=5)
        await gate.holds(1)
        await clock.advance(5)
        with pytest.raises(TaskTimeoutError):
            await task
        next_one = await brain.resources.acquire_resource("memory", EXCLUSIVE, timeout=0)
        assert next_one.suspect is (mode is not READ)
        gate.open()
        await until(lambda: len(late) == 2)
        assert late == ["released", "refused"]
        assert next_one.held
        assert brain.resources.release_resource(next_one)
        assert not brain.resources.release_resource(next_one)


@pytest.mark.feature("PR-03")
async def test_coroutines_that_work_starts_beside_itself_exclude_each_other():
    """Two children of one run are two owners: both write, one after the other."""
    async with running() as brain:
        share(brain, "memory")
        inside = most = 0

        async def child() -> None:
            nonlocal inside, most
            async with brain.resources.acquire_context("memory", WRITE):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        async def work() -> None:
            await asyncio.gather(*(child() for _ in range(5)))

        await brain.submit(CORE, work, timeout=None)
        assert most == 1


@pytest.mark.feature("PR-13", "PR-06")
async def test_closing_the_brain_ends_every_wait():
    """Whoever waits when the brain shuts down is told, in a thread and on the loop."""
    async with running() as brain:
        share(brain, "memory")
        lock = await brain.resources.acquire_resource("memory", WRITE)
        told: list[str] = []

        def outside() -> None:
            try:
                with brain.resources.acquire_context("memory", READ, timeout=None):
                    pass
            except BrainClosedError as error:
                told.append(error.phase)

        async def beside() -> None:
            with pytest.raises(BrainClosedError):
                await brain.resources.acquire_resource("memory", READ, timeout=None)

        thread = threading.Thread(target=outside)
        thread.start()
        waiting = asyncio.create_task(beside())
        await until(lambda: waiters(brain, "memory") == 2)
    await waiting
    await until(lambda: told == ["shut down"])
    thread.join()
    assert brain.resources.release_resource(lock)
    with pytest.raises(BrainClosedError):
        await brain.resources.acquire_resource("memory", READ)


@pytest.mark.feature("PR-08")
@pytest.mark.parametrize("policy", ["weighted_priority", "priority_first"])
async def test_urgent_work_behind_a_lock_of_idle_work_waits_for_that_alone(policy):
    """An idle task holds the lock; of a flood of others that want it, the critical one comes next, however late."""
    async with running(policy=policy) as brain:
        share(brain, "memory")
        gate = Gate()
        order: list[str] = []

        async def work(name: str, priority: str) -> None:
            async with brain.resources.acquire_context("memory", WRITE, timeout=None, priority=priority):
                order.append(name)

        idle = brain.submit(CORE, holding(brain, "memory", gate), timeout=None, priority="idle")
        await gate.holds(1)
        flood = [brain.submit(CORE, work, "flood", "medium", timeout=None, priority="medium") for _ in range(30)]
        await until(lambda: waiters(brain, "memory") == 30)
        urgent = brain.submit("category:phase1", work, "urgent", "critical", timeout=None, priority="critical")
        await until(lambda: waiters(brain, "memory") == 31)
        gate.open()
        await asyncio.gather(idle, urgent, *flood)
        assert order == ["urgent"] + ["flood"] * 30


@pytest.mark.feature("PR-13")
async def test_an_interruption_does_not_strike_between_a_lock_and_its_count():
    """A module whose runs are interrupted from outside takes locks without end: each interruption leaves them sound."""
    async with running(cancel_grace=1e6) as brain:
        share(brain, "memory")

        class Busy(BaseModule):
            interruptible = True

            def run(self) -> None:
                while True:
                    with brain.resources.acquire_context("memory", WRITE, timeout=None):
                        pass

        await brain.register("busy", Busy)
        for _ in range(30):
            task = brain.submit("busy", timeout=None)
            await until(lambda: task.started_at is not None)  # noqa: B023
            acquired = brain.resources.get_coordinator_metrics().acquisitions
            await until(lambda: brain.resources.get_coordinator_metrics().acquisitions > acquired)  # noqa: B023
            assert task.cancel()
            # The thread gives its place back before the loop hears of the end, by which the lock is taken back.
            await until(lambda: pool(brain).working == brain.resources.get_coordinator_metrics().held == 0)
        metrics = brain.resources.get_coordinator_metrics()
        assert (metrics.held, metrics.waiting) == (0, 0)
        assert brain.resources._ledger.open == 0
        async with brain.resources.acquire_context("memory", EXCLUSIVE, timeout=0):
            pass
