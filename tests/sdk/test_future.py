"""Waiting for a task from outside of the brain's loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading

import pytest

from companion_async.errors import BrainClosedError, DeadlockError, TaskCancelledError, UnknownTaskError
from companion_async.sdk.refusals import WouldBlockError
from tests.sdk.actors import PATIENCE


@pytest.mark.feature("PM-04", "U-1")
def test_a_thread_waits_for_a_result_or_an_error(manager):
    """The result comes back, and what the work raised is raised, with a note that names the task."""
    assert manager.get_task_result(manager.submit_task("actor", args=(7,))) == 7
    task_id = manager.submit_task("actor", "fail", args=("no way",))
    with pytest.raises(ValueError, match="no way") as caught:
        manager.get_task_result(task_id)
    assert task_id in caught.value.__notes__[0]
    assert manager.get_task_future(task_id).exception(PATIENCE) is caught.value


@pytest.mark.feature("PM-04")
def test_giving_up_leaves_the_task_alone(manager, actor):
    """A wait that runs out of patience raises TimeoutError, cancel on the future does nothing, and the task goes on."""
    task_id = manager.submit_task("actor", "hold", args=("held",))
    actor.gate.wait_for()
    future = manager.get_task_future(task_id)
    with pytest.raises(TimeoutError):
        manager.get_task_result(task_id, timeout=0)
    assert future.cancel() is False
    actor.gate.open()
    assert future.result(PATIENCE) == "held"


async def test_a_coroutine_of_another_loop_awaits_it(manager, actor):
    """The same future can be awaited on the program's own event loop, whichever it is."""
    future = manager.get_task_future(manager.submit_task("actor", "hold", args=(1,)))
    waiting = asyncio.ensure_future(_await(future))
    await asyncio.sleep(0)
    actor.gate.open()
    assert await waiting == 1


async def test_cancelling_the_coroutine_that_awaits_leaves_the_task_alone(manager, actor):
    """Whoever awaits a task of another loop may go away; the task does not."""
    task_id = manager.submit_task("actor", "hold", args=(1,))
    waiting = asyncio.ensure_future(_await(manager.get_task_future(task_id)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    actor.gate.open()
    assert manager.get_task_result(task_id, PATIENCE) == 1


async def _await(future):
    return await future


@pytest.mark.feature("PM-14")
def test_generators_come_as_the_list_of_their_items(manager):
    """Sync, async and generator methods are all called by name; a generator's items are collected."""
    assert manager.get_task_result(manager.submit_task("actor", "count", args=(200,))) == [*range(200)]
    assert manager.get_task_result(manager.submit_task("actor", "answer", args=("async",))) == "async"


@pytest.mark.feature("U-1", "X-02")
def test_work_that_waits_for_work_lends_its_worker(manager):
    """Two workers, and two tasks that each wait for a third: nothing is stuck."""

    def outer(value):
        return manager.get_task_result(manager.submit_task("actor", args=(value,)), PATIENCE)

    submit = manager.module_executor.desk
    ids = [submit.portal.call(submit.brain.submit, "actor", outer, n).id for n in range(6)]
    assert [manager.get_task_result(task_id, PATIENCE) for task_id in ids] == [*range(6)]


@pytest.mark.feature("U-1", "X-02")
def test_a_coroutine_that_awaits_work_lends_its_worker_too(manager):
    """Six coroutines on two workers, each awaiting a task of the same manager: all of them end."""

    async def outer(value):
        return await manager.get_task_future(manager.submit_task("actor", args=(value,)))

    desk = manager.module_executor.desk
    ids = desk.portal.call(lambda: [desk.brain.submit("actor", outer, n).id for n in range(6)])
    assert [manager.get_task_result(task_id, PATIENCE) for task_id in ids] == [*range(6)]


def test_work_may_ask_for_the_error_of_other_work(manager):
    """Inside work, too, the error of a task comes back as a value, and None where there is none."""

    def asks(*methods):
        return [manager.get_task_future(manager.submit_task("actor", each)).exception(PATIENCE) for each in methods]

    desk = manager.module_executor.desk
    task_id = desk.portal.call(desk.brain.submit, "actor", asks, "fail", "run").id
    error, none = manager.get_task_result(task_id, PATIENCE)
    assert (str(error), none) == ("no", None)


def test_asking_for_a_future_is_no_wait(manager, actor):
    """Work that only asks for a future keeps its worker: nobody else gets the place while it goes on."""
    held = manager.submit_task("actor", "hold")
    actor.gate.wait_for()
    asked, go = threading.Event(), asyncio.Event()

    async def asks():
        manager.get_task_future(held)
        for _ in range(10):
            await asyncio.sleep(0)
        asked.set()
        await go.wait()

    desk = manager.module_executor.desk
    task_id = desk.portal.call(desk.brain.submit, "actor", asks).id
    assert asked.wait(PATIENCE)
    third = manager.submit_task("actor", args=("third",))
    desk.portal.call(int)
    assert manager.get_task_status(third) == "queued"
    desk.portal.call(go.set)
    manager.get_task_result(task_id, PATIENCE)
    assert manager.get_task_result(third, PATIENCE) == "third"


def test_work_that_is_cancelled_while_it_awaits_leaves_the_other_task_alone(manager, actor):
    """On the brain's own loop, too, giving up on a future does nothing to its task."""
    held = manager.submit_task("actor", "hold", args=("held",))
    actor.gate.wait_for()
    begun = threading.Event()

    async def awaits():
        begun.set()
        return await manager.get_task_future(held)

    desk = manager.module_executor.desk
    waits = desk.portal.call(desk.brain.submit, "actor", awaits).id
    assert begun.wait(PATIENCE)
    assert manager.cancel_task(waits)
    actor.gate.open()
    assert manager.get_task_result(held, PATIENCE) == "held"


def test_work_that_waits_for_itself_is_told(manager):
    """A circle of waits is refused instead of hanging."""
    known: concurrent.futures.Future[str] = concurrent.futures.Future()

    def waits_for_itself():
        return manager.get_task_result(known.result(PATIENCE))

    desk = manager.module_executor.desk
    task_id = desk.portal.call(desk.brain.submit, "actor", waits_for_itself).id
    known.set_result(task_id)
    with pytest.raises(DeadlockError):
        manager.get_task_result(task_id, PATIENCE)


def test_waiting_on_the_brain_s_own_loop_is_refused_and_awaiting_works(manager, actor):
    """A coroutine of the brain must not block its loop: it is told to await, and awaiting works there too."""
    held = manager.submit_task("actor", "hold", args=("held",))
    actor.gate.wait_for()

    async def blocks():
        return manager.get_task_result(held)

    async def awaits():
        return await manager.get_task_future(held)

    desk = manager.module_executor.desk
    with pytest.raises((WouldBlockError, ValueError), match=r"block|await"):
        manager.get_task_result(desk.portal.call(desk.brain.submit, "actor", blocks).id, PATIENCE)
    with pytest.raises(WouldBlockError):
        desk.portal.call(manager.get_task_result, held)
    task_id = desk.portal.call(desk.brain.submit, "actor", awaits).id
    actor.gate.open()
    assert manager.get_task_result(task_id, PATIENCE) == "held"


@pytest.mark.feature("PM-13")
def test_results_outlive_the_shutdown_and_waiters_are_told_of_it(manager, actor):
    """What had ended can be asked for afterwards; who waited for what was given up gets its cancellation."""
    done = manager.submit_task("actor", args=("kept",))
    manager.get_task_result(done)
    held = manager.submit_task("actor", "hold")
    actor.gate.wait_for()
    waiting = manager.get_task_future(held)
    manager.shutdown(timeout=0)
    assert manager.get_task_result(done) == "kept"
    for future in (waiting, manager.get_task_future(held)):
        with pytest.raises(TaskCancelledError):
            future.result(PATIENCE)


def test_an_unknown_task_has_no_future(manager):
    """Asking for what never was is an error, before the shutdown and after it."""
    with pytest.raises(UnknownTaskError):
        manager.get_task_future("nothing")
    manager.shutdown()
    with pytest.raises(UnknownTaskError):
        manager.get_task_result("nothing")


def test_a_loop_that_ends_by_itself_tells_who_waits(manager, actor):
    """Should the loop break down, a future fails with that as its error instead of being waited for for ever."""
    task_id = manager.submit_task("actor", "hold")
    actor.gate.wait_for()
    future = manager.get_task_future(task_id)
    portal = manager.module_executor.desk.portal
    portal.call(portal._leave.set)
    assert isinstance(future.exception(PATIENCE), BrainClosedError)
    with pytest.raises(BrainClosedError):
        future.result(PATIENCE)
