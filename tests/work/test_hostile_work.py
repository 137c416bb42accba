"""Work that does its worst to threads: those it is refused, those it holds, those it leaves behind."""

from __future__ import annotations

import asyncio
import threading

import anyio.to_thread
import pytest

from companion_async import TaskState, TaskTimeoutError, current_task
from companion_async.testing.clock import VirtualClock, settle, until
from tests.work.house import Gate, ends, pool, running, running_state


@pytest.mark.feature("PE-03")
async def test_work_waits_while_the_system_gives_no_threads_and_runs_when_it_does(monkeypatch):
    """`RuntimeError: can't start new thread` loses nothing: the category says that it is overloaded, and recovers."""
    clock = VirtualClock()
    async with running(clock) as brain:
        refusals = []

        async def refuse(*args, **kwargs):
            refusals.append(args)
            raise RuntimeError("can't start new thread")

        async with brain.events.subscribe("system.*") as stream:
            monkeypatch.setattr(anyio.to_thread, "run_sync", refuse)
            tasks = [brain.submit("category:core", lambda: "ran", timeout=5.0) for _ in range(3)]
            await until(lambda: refusals)
            await clock.advance(2.0)
            assert set(ends(*tasks)) == {"queued"}
            event = await anext(aiter(stream))
            assert event.kind == "system.overload"
            monkeypatch.undo()
            await clock.advance(1.0)
            assert [await task for task in tasks] == ["ran"] * 3


@pytest.mark.feature("PE-02", "PE-03")
async def test_a_coroutine_that_swallows_its_cancellation_holds_up_nobody():
    """After the grace its place is given to others; it is counted as abandoned until it ends by itself."""
    clock = VirtualClock()
    async with running(clock, categories={"core": 1}, cancel_grace=1.0) as brain:
        let_go = asyncio.Event()

        async def stubborn():
            while not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue

        task = brain.submit("category:core", stubborn)
        await running_state(task)
        await settle()
        following = brain.submit("category:core", lambda: "after", timeout=None)
        assert task.cancel()
        await clock.advance(0.9)
        assert ends(task, following) == ["cancelled", "queued"]
        await clock.advance(0.2)
        assert await following == "after"
        assert brain.status().categories["core"].abandoned == 1
        let_go.set()
        await settle()
        assert brain.status().categories["core"].abandoned == 0


@pytest.mark.feature("PE-01", "PE-02")
async def test_all_slots_hung_hold_up_neither_the_limits_nor_other_categories():
    """With every thread of a category stuck and its budget spent, limits fire in time and the others work on."""
    clock = VirtualClock()
    async with running(clock, categories={"core": 2}, abandoned_budget=0) as brain:
        gate = Gate()
        hung = [brain.submit("category:core", gate, timeout=1.0) for _ in range(2)]
        await gate.holds(2)
        waiting = brain.submit("category:core", lambda: "waited", timeout=None)
        await clock.advance(1.0)
        for task in hung:
            with pytest.raises(TaskTimeoutError):
                await task
        assert await brain.submit("category:phase1", lambda: "beside") == "beside"
        assert waiting.state is TaskState.QUEUED
        assert len(pool(brain).alive) == 2
        gate.open()
        assert await waiting == "waited"


@pytest.mark.feature("PE-03")
async def test_a_thread_that_work_started_has_no_part_in_the_task():
    """A thread of the work's own is no work: it finds no current task, and its error reaches nobody's result."""
    async with running() as brain:
        found = []

        def own():
            try:
                current_task()
            except ValueError as error:
                found.append(str(error))

        def work():
            thread = threading.Thread(target=own)
            thread.start()
            thread.join()
            return "done"

        assert await brain.submit("category:core", work) == "done"
        assert len(found) == 1
        assert "No task" in found[0]


@pytest.mark.feature("PE-01", "PE-03")
async def test_a_slot_that_is_retired_is_given_no_more_work():
    """Shrinking a category between runs, again and again, loses no task and leaves no thread above the limit."""
    async with running(categories={"core": 4}) as brain:
        ran: list[int] = []
        for number in range(50):
            brain.resize("core", 1 + number % 4)
            for _ in range(5):
                brain.submit("category:core", ran.append, number)
            await settle()
        await brain.drain()
        assert len(ran) == 250
        brain.resize("core", 1)
        await until(lambda: len(pool(brain).alive) <= 1)
        assert await brain.submit("category:core", lambda: "still there") == "still there"


@pytest.mark.feature("PE-01")
async def test_a_limit_that_moves_under_load_loses_no_waiter_and_is_kept():
    """Raised and lowered while every slot is busy: never more than the limit in force begin, and all run."""
    async with running(categories={"core": 2}) as brain:
        gate = Gate()
        tasks = [brain.submit("category:core", gate, number, timeout=None) for number in range(30)]
        await gate.holds(2)
        done = 2
        for limit in (6, 1, 4, 2, 5):
            brain.resize("core", limit)
            await settle()
            # Those above a lowered limit end their run; nobody comes in their place.
            gate.let(max(1, gate.inside))
            done += limit
            await gate.holds(limit)
            assert gate.inside <= limit
        gate.open()
        await brain.drain()
        assert set(ends(*tasks)) == {"completed"}
        assert sorted(gate.order) == list(range(30))
