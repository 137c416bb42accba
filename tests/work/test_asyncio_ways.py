"""Every way in which asyncio waits for something takes a task as it would take one of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from companion_async import TaskCancelledError, WrongThreadError
from companion_async.testing.clock import until
from tests.work.house import Gate, ends, running, running_state

pytestmark = pytest.mark.feature("CB-04", "U-2")


def fail() -> None:
    raise OSError("no disk")


async def test_gather_gives_the_results_in_order_and_raises_the_first_error():
    """With ``return_exceptions`` errors are results; without it the others go on."""
    async with running() as brain:
        gate = Gate()
        first, second = brain.submit("category:core", gate, 1), brain.submit("category:core", int)
        gathered = asyncio.gather(first, second)
        await second
        gate.open()
        assert list(await gathered) == [1, 0]
        work = [brain.submit("category:core", fail), brain.submit("category:core", int)]
        error, value = await asyncio.gather(*work, return_exceptions=True)
        assert isinstance(error, OSError)
        assert value == 0
        with pytest.raises(OSError, match="no disk"):
            await asyncio.gather(brain.submit("category:core", fail), brain.submit("category:core", int))


async def test_wait_for_gives_the_result_or_cancels():
    """Giving up on it cancels the task, since nobody else waits."""
    async with running() as brain:
        assert await asyncio.wait_for(brain.submit("category:core", int), 5) == 0
        gate = Gate()
        task = brain.submit("category:core", gate)
        await running_state(task)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(task, 0.001)
        assert ends(task) == ["cancelled"]


async def test_timeout_blocks_cancel_too():
    """`asyncio.timeout` around the wait is the same."""
    async with running() as brain:
        task = brain.submit("category:core", Gate())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await task
        assert ends(task) == ["cancelled"]


@pytest.mark.parametrize("wrapped", [False, True])
async def test_wait_sorts_tasks_into_done_and_pending(wrapped):
    """The tasks themselves or futures around them, until the first, the first error, all, or the time is over."""
    async with running() as brain:
        gate = Gate()

        def started(*work: Any) -> list[Any]:
            tasks = [brain.submit("category:core", each, timeout=None) for each in work]
            return [asyncio.ensure_future(task) for task in tasks] if wrapped else tasks

        tasks = started(int, gate)
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert (done, pending) == ({tasks[0]}, {tasks[1]})
        done, pending = await asyncio.wait(tasks, timeout=0.001)
        assert (done, pending) == ({tasks[0]}, {tasks[1]})
        gate.open()
        done, pending = await asyncio.wait(tasks)
        assert (done, pending) == (set(tasks), set())
        gate = Gate()
        tasks = started(fail, gate)
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        assert (done, pending) == ({tasks[0]}, {tasks[1]})
        assert isinstance(tasks[0].exception(), OSError)
        gate.open()
        await tasks[1]


async def test_waiting_with_wait_leaves_nothing_behind():
    """However often somebody waited and gave up, the task holds no callback of theirs, and is not cancelled."""
    async with running() as brain:
        gate = Gate()
        task = brain.submit("category:core", gate, "value", timeout=None)
        waited: list[Any] = [task]  # the type of asyncio.wait knows its own futures only
        for _ in range(5):
            _, pending = await asyncio.wait(waited, timeout=0)
            assert pending == {task}
        assert task.rare().done_callbacks == []
        gate.open()
        assert await task == "value"


async def test_as_completed_gives_them_as_they_come():
    """The one that ends first comes first."""
    async with running() as brain:
        gate = Gate()
        tasks = [brain.submit("category:core", gate, "late", timeout=None), brain.submit("category:core", int)]
        came = []
        for following in asyncio.as_completed(tasks):
            came.append(await following)
            gate.open()
        assert came == [0, "late"]


async def test_a_shield_keeps_a_task_from_being_cancelled():
    """Who gives up on the shield leaves the task alone."""
    async with running() as brain:
        gate = Gate()
        task = brain.submit("category:core", gate, "value", timeout=None)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), 0.001)
        gate.open()
        assert await asyncio.shield(task) == "value"


async def test_a_task_group_ends_with_what_is_waited_for_in_it():
    """One failure cancels the others' waits, and with them the tasks that nobody waits for any more."""
    async with running() as brain:
        gate = Gate()
        held = brain.submit("category:core", gate)
        await running_state(held)

        async def wait_for(task: Any) -> Any:
            return await task

        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                group.create_task(wait_for(held))
                group.create_task(wait_for(brain.submit("category:core", fail)))
        assert isinstance(caught.value.exceptions[0], OSError)
        assert ends(held) == ["cancelled"]
        with pytest.raises(TaskCancelledError):
            held.result()


async def test_a_callback_can_be_taken_back():
    """As on a future: each time that it was added, and none once it has been called."""
    async with running() as brain:
        gate, told = Gate(), list[str]()
        task = brain.submit("category:core", gate)

        def taken_back(_: Any) -> None:
            told.append("taken back")

        assert task.remove_done_callback(taken_back) == 0
        task.add_done_callback(taken_back)
        task.add_done_callback(lambda _: told.append("kept"))
        task.add_done_callback(taken_back)
        assert task.remove_done_callback(taken_back) == 2
        gate.open()
        await task
        await until(lambda: told == ["kept"])
        assert task.remove_done_callback(taken_back) == 0
        refused = list[BaseException]()

        def elsewhere() -> None:
            try:
                task.remove_done_callback(taken_back)
            except WrongThreadError as error:
                refused.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert len(refused) == 1
