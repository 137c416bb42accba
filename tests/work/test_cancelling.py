"""Cancelling: at any moment it leaves one end, no run that nobody asked for, and no lost place."""

from __future__ import annotations

import asyncio
import threading

import pytest

from companion_async import TaskCancelledError, TaskState, TaskTimeoutError, current_task
from companion_async.testing.clock import VirtualClock, settle, until
from tests.work.house import Gate, ends, pool, running, running_state


@pytest.mark.feature("PM-05", "CB-11")
async def test_a_queued_task_that_is_cancelled_never_runs():
    """It ends at once, its waiter is told why, and its turn goes to the next."""
    async with running(categories={"core": 1}) as brain:
        gate, ran = Gate(), list[str]()
        first = brain.submit("category:core", gate)
        await gate.holds(1)
        second = brain.submit("category:core", ran.append, "second")
        third = brain.submit("category:core", ran.append, "third")
        assert second.cancel("not wanted")
        assert second.state is TaskState.CANCELLED
        assert second.cancelled()
        assert second.attempt == 0
        assert second.started_at is None
        gate.open()
        await third
        await first
        assert ran == ["third"]
        with pytest.raises(TaskCancelledError, match="not wanted"):
            await second


@pytest.mark.feature("PM-06", "CB-11", "U-3")
async def test_a_run_in_a_thread_is_cancelled_at_once_and_keeps_its_slot_until_it_stops():
    """The waiter goes on, the work sees the signal, and nobody takes the place of a thread that is still at work."""
    async with running(categories={"core": 1}) as brain:
        gate, seen = Gate(), []

        def work():
            gate()
            seen.append(current_task().cancelled)
            current_task().check_cancelled()

        task = brain.submit("category:core", work)
        await gate.holds(1)
        following = brain.submit("category:core", lambda: "after")
        assert task.cancel("enough")
        with pytest.raises(TaskCancelledError, match="enough"):
            await task
        await settle()
        assert following.state is TaskState.QUEUED
        assert len(pool(brain).alive) == 1
        gate.open()
        assert await following == "after"
        assert seen == [True]
        assert ends(task) == ["cancelled"]


@pytest.mark.feature("PM-06", "U-3")
async def test_a_thread_that_does_not_heed_is_replaced_after_the_grace():
    """Not before `cancel_grace` has passed; then its slot serves others while the thread is counted as abandoned."""
    clock = VirtualClock()
    async with running(clock, categories={"core": 1}, cancel_grace=2.0) as brain:
        gate = Gate()
        task = brain.submit("category:core", gate)
        await gate.holds(1)
        following = brain.submit("category:core", lambda: "after", timeout=None)
        task.cancel()
        await clock.advance(1.9)
        assert following.state is TaskState.QUEUED
        assert brain.status().categories["core"].abandoned == 0
        await clock.advance(0.2)
        assert await following == "after"
        assert brain.status().categories["core"].abandoned == 1
        gate.open()
        await until(lambda: brain.status().categories["core"].abandoned == 0)


@pytest.mark.feature("PM-06", "U-3")
async def test_a_coroutine_is_cancelled_where_it_waits_and_cleans_up():
    """Its `finally` runs, once, and its place is free again."""
    async with running(categories={"core": 1}) as brain:
        cleaned = []

        async def work():
            try:
                await asyncio.Event().wait()
            finally:
                cleaned.append("up")

        task = brain.submit("category:core", work)
        await running_state(task)
        await settle()
        assert task.cancel()
        with pytest.raises(TaskCancelledError):
            await task
        assert await brain.submit("category:core", lambda: "after") == "after"
        assert cleaned == ["up"]


@pytest.mark.feature("CB-11")
async def test_cancelling_again_or_too_late_changes_nothing():
    """The second cancel and one after the end say False; the end, its reason and the counts stay."""
    async with running() as brain:
        gate = Gate()
        task = brain.submit("category:core", gate)
        await gate.holds(1)
        answers = []
        task.add_done_callback(lambda ended: answers.append(ended.cancel("from the callback")))
        assert task.cancel("first")
        assert not task.cancel("second")
        assert not brain.cancel(task.id, "third")
        await settle()
        assert answers == [False]
        with pytest.raises(TaskCancelledError, match="first"):
            task.result()
        gate.open()
        done = brain.submit("category:core", lambda: 5)
        assert await done == 5
        assert not done.cancel()
        assert done.result() == 5
        assert [step.state for step in task.history].count("cancelled") == 1


@pytest.mark.feature("CB-11", "U-3")
@pytest.mark.parametrize("first", ["cancel", "result"])
async def test_a_cancel_beside_the_result_gives_one_end(first):
    """Whichever the loop hears of first is the end; the other changes neither state nor counts."""
    async with running(categories={"core": 1}) as brain:
        gate, following = Gate(), threading.Event()
        await brain.register("work", lambda name: gate(name), category="core")
        task = brain.submit("work", "run", "value")
        await gate.holds(1)
        behind = brain.submit("category:core", following.set)
        gate.open()
        # The same thread has gone on, so the result is there, and the loop has not yet looked.
        assert following.wait(30)
        if first == "result":
            assert await task == "value"
        assert task.cancel() is (first == "cancel")
        await behind
        await brain.drain()
        status = brain.module_status("work")
        assert ends(task) == ["cancelled" if first == "cancel" else "completed"]
        assert (status.tasks_completed, status.tasks_failed) == (first == "result", 0)
        assert len([step for step in task.history if step.state in {"completed", "cancelled"}]) == 1


@pytest.mark.feature("CB-11", "U-3")
@pytest.mark.parametrize("early", [True, False], ids=["cancel-first", "limit-first"])
async def test_a_cancel_at_the_instant_of_the_limit_gives_one_end(early):
    """Cancelled before the limit's timer it is cancelled, after it timed out; never both, and never neither."""
    clock = VirtualClock()
    async with running(clock) as brain:
        gate, answers = Gate(), list[bool]()

        def cancel() -> None:
            answers.append(task.cancel())

        def cancel_behind_what_is_due() -> None:
            clock.call_later(0.0, cancel)

        if early:
            clock.call_later(1.0, cancel)
        task = brain.submit("category:core", gate, timeout=1.0)
        await gate.holds(1)
        if not early:
            clock.call_later(1.0, cancel_behind_what_is_due)
        await clock.advance(1.5)
        assert answers == [early]
        assert ends(task) == ["cancelled" if early else "timed_out"]
        with pytest.raises(TaskCancelledError if early else TaskTimeoutError):
            await task
        gate.open()


@pytest.mark.feature("PM-05")
async def test_a_task_that_waits_for_room_can_be_cancelled_and_its_room_goes_on():
    """Those admitted in order after a cancelled one come as if it had never stood there: no wake-up is lost."""
    async with running(categories={"core": 1}, queue_capacity=1, on_full="wait") as brain:
        gate, ran = Gate(), list[int]()
        brain.submit("category:core", gate)
        await gate.holds(1)
        waiting = [brain.submit("category:core", ran.append, number) for number in range(4)]
        assert waiting[1].state is TaskState.BLOCKED
        assert waiting[1].cancel()  # waits for room
        assert waiting[0].cancel()  # gives its room to the next
        gate.open()
        await brain.drain()
        assert ends(*waiting) == ["cancelled", "cancelled", "completed", "completed"]
        assert ran == [2, 3]


@pytest.mark.feature("PM-05")
async def test_cancelling_just_as_a_slot_comes_free_loses_no_slot():
    """A hundred times the head of the queue is cancelled while the thread may be taking it: every other task runs."""
    async with running(categories={"core": 1}) as brain:
        ran: list[int] = []
        for number in range(100):
            gate = Gate()
            brain.submit("category:core", gate)
            await gate.holds(1)
            head = brain.submit("category:core", lambda: None)
            tail = brain.submit("category:core", ran.append, number)
            gate.let(1)
            head.cancel()
            await tail
            assert head.done()
        assert ran == list(range(100))
        assert brain.status().pending_tasks == 0


@pytest.mark.feature("PM-05", "PM-06")
async def test_cancelling_just_as_a_sleeping_thread_is_woken_tells_the_truth_and_loses_no_slot():
    """A thousand times a task goes straight to a sleeping thread and is cancelled on its way there, or a moment later:
    one that had not begun by then never runs, the other may, and whatever comes next has its place.
    """
    async with running(categories={"core": 2}) as brain:
        ran: list[int] = []
        never: list[int] = []
        for number in range(1000):
            task = brain.submit("category:core", ran.append, number)
            for _ in range(number % 40):
                pass  # the thread is on its way meanwhile
            if number % 3 == 0:
                await asyncio.sleep(0)
            if task.cancel() and task.attempt == 0:
                never.append(number)
                assert task.started_at is None
            if number % 2:
                assert await brain.submit("category:core", abs, -number) == number
        await until(lambda: pool(brain).working == 0)
        assert never
        assert not set(never) & set(ran)
        assert brain.status().pending_tasks == 0


@pytest.mark.feature("PM-06", "U-3")
async def test_cancelling_the_only_waiter_cancels_the_task_and_one_of_two_does_not():
    """As with an `asyncio.Task`; whoever asks `wait` takes nothing along."""
    async with running() as brain:
        gate = Gate()
        alone, shared, watched = (brain.submit("category:core", gate, name) for name in "abc")
        await gate.holds(3)

        async def follow(task):
            return await task

        waiters = [asyncio.ensure_future(follow(task)) for task in (alone, shared, shared)]
        watcher = asyncio.ensure_future(watched.wait())
        await settle()
        for one in (waiters[0], waiters[1], watcher):
            one.cancel()
        await settle()
        assert [one.cancelled() for one in (waiters[0], waiters[1], watcher)] == [True] * 3
        assert alone.cancelled()
        assert (shared.state, watched.state) == (TaskState.RUNNING, TaskState.RUNNING)
        gate.open()
        assert await waiters[2] == "b"
        assert await watched == "c"


@pytest.mark.feature("PM-06", "U-3")
async def test_everyone_who_waits_is_told():
    """Awaiting, `wait`, a gather and a thread that waits: a cancelled task leaves none of them waiting."""
    async with running() as brain:
        gate = Gate()
        task = brain.submit("category:core", gate)
        await gate.holds(1)
        begun, told = threading.Event(), []

        def in_thread():
            begun.set()
            try:
                current_task().wait(task)
            except TaskCancelledError as error:
                told.append(error.task_id)

        inside = brain.submit("category:phase1", in_thread)

        async def follow():
            return await task

        both = asyncio.gather(follow(), follow(), task.wait(), return_exceptions=True)
        await until(begun.is_set)
        await settle()
        task.cancel()
        results = await both
        await inside
        assert [type(result) for result in results] == [TaskCancelledError] * 3
        assert told == [task.id]
        gate.open()


@pytest.mark.slow
@pytest.mark.feature("PS-06", "PM-05")
async def test_cancelling_the_root_of_ten_thousand_ends_them_all_and_nobody_else():
    """Each descendant reaches its end, none of them runs, and what does not depend on the root is untouched."""
    async with running(queue_capacity=20_000) as brain:
        gate, ran = Gate(), list[int]()
        root = brain.submit("category:core", gate, timeout=None)
        await gate.holds(1)
        layer, all_of_them = [root], []
        for width in (10, 100, 1000, 8890):
            layer = [
                brain.submit("category:core", ran.append, 1, after=layer[n % len(layer)], on_upstream_failure="skip")
                for n in range(width)
            ]
            all_of_them += layer
        other = brain.submit("category:phase1", lambda: "untouched")
        root.cancel()
        await brain.drain()
        assert len(all_of_them) == 10_000
        assert set(ends(*all_of_them)) == {"cancelled"}
        assert ran == []
        assert await other == "untouched"
        assert brain.status().pending_tasks == 0
        gate.open()
