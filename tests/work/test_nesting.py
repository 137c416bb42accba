"""Work that waits for other work lends its place: nesting never fills a category up, and cycles are refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from companion_async import DeadlockError, Task, TaskCancelledError, TaskState, current_task
from companion_async.testing.clock import VirtualClock, settle, until
from tests.work.house import Gate, ends, pool, running

CORE = "category:core"


def nest(depth: int, width: int = 1) -> int:
    """The nodes of a tree, each of which waits in its thread for its children."""
    if depth == 0:
        return 1
    work = current_task()
    children = [work.submit(CORE, nest, depth - 1, width, timeout=None) for _ in range(width)]
    below: int = sum(work.wait(child) for child in children)
    return 1 + below


async def nest_on_loop(depth: int, width: int = 1) -> int:
    """The same in coroutines."""
    if depth == 0:
        return 1
    work = current_task()
    children = [work.submit(CORE, nest_on_loop, depth - 1, width, timeout=None) for _ in range(width)]
    below: int = sum([await child for child in children])
    return 1 + below


@pytest.mark.feature("X-02")
@pytest.mark.parametrize("work", [nest, nest_on_loop])
async def test_parents_that_fill_the_category_get_their_children_run(work):
    """Every slot holds a parent that waits for two children of the same category: all end."""
    async with running(categories={"core": 3}) as brain:
        parents = [brain.submit(CORE, work, 1, 2, timeout=None) for _ in range(9)]
        assert await asyncio.gather(*parents) == [3] * 9
        await until(lambda: pool(brain).working == 0)
        assert pool(brain).waiting == 0


@pytest.mark.feature("X-02")
@pytest.mark.parametrize("work", [nest, nest_on_loop])
@pytest.mark.parametrize("limit", [1, 2])
async def test_nesting_may_be_deeper_than_the_limit(work, limit):
    """Twelve levels, each waiting for the next, in a category of one slot or two."""
    async with running(categories={"core": limit}) as brain:
        assert await brain.submit(CORE, work, 12, timeout=None) == 13


@pytest.mark.feature("X-02")
@pytest.mark.parametrize(("depth", "width"), [(8, 1), (4, 2)])
async def test_nesting_ends_in_a_full_house(depth, width):
    """With as many threads allowed as slots there is none for a stand-in: the waiting thread runs its child itself."""
    async with running(categories={"core": 2}, max_threads=2) as brain:
        nodes = sum(width**level for level in range(depth + 1))
        assert await brain.submit(CORE, nest, depth, width, timeout=None) == nodes
        assert brain.status().total_threads <= 2
        await until(lambda: pool(brain).working == 0)


@pytest.mark.feature("X-02", "CB-02")
async def test_stand_ins_do_not_raise_the_limit():
    """While parents wait, as many children work at once as there are slots, and afterwards the threads go home."""
    async with running(categories={"core": 2}) as brain:
        gate = Gate()

        def parent() -> list[Any]:
            work = current_task()
            return [work.wait(child) for child in [work.submit(CORE, gate, n, timeout=None) for n in range(3)]]

        parents = [brain.submit(CORE, parent, timeout=None) for _ in range(2)]
        await gate.holds(2)
        assert pool(brain).waiting == 2
        assert brain.status().categories["core"].active == 2
        gate.open()
        assert await asyncio.gather(*parents) == [[0, 1, 2]] * 2
        assert gate.most == 2
        await until(lambda: len(pool(brain).alive) <= 2)


@pytest.mark.feature("X-02")
@pytest.mark.parametrize("on_loop", [False, True])
async def test_waiting_for_oneself_is_refused(on_loop):
    """It raises `DeadlockError` in the work, which may catch it, and names the task."""
    own: list[Task[Any]] = []
    gate = Gate()

    def in_thread() -> Any:
        gate()
        with pytest.raises(DeadlockError) as caught:
            current_task().wait(own[0])
        return caught.value.cycle

    async def in_coroutine() -> Any:
        with pytest.raises(DeadlockError) as caught:
            await own[0]
        return caught.value.cycle

    async with running(categories={"core": 1}) as brain:
        own.append(brain.submit(CORE, in_coroutine if on_loop else in_thread, timeout=None))
        gate.open()
        cycle = await own[0].wait()
        assert all(own[0].id in step for step in cycle)


@pytest.mark.feature("X-02")
@pytest.mark.parametrize("through", ["wait", "after"])
async def test_waiting_for_work_that_waits_for_this_is_refused(through):
    """A child that waits for its parent, which waits for it or for what comes after it, gets `DeadlockError`."""
    own: list[Task[Any]] = []
    gate = Gate()

    def child() -> str:
        gate()
        with pytest.raises(DeadlockError) as caught:
            current_task().wait(own[0])
        return "refused" if len(caught.value.cycle) >= 2 else "a cycle of one"

    def parent() -> Any:
        work = current_task()
        first = work.submit(CORE, child, timeout=None)
        if through == "wait":
            return work.wait(first)
        return work.wait(work.submit(CORE, lambda: first.result(), after=first, timeout=None))

    async with running(categories={"core": 1}) as brain:
        own.append(brain.submit(CORE, parent, timeout=None))
        await gate.holds(1)
        gate.open()
        assert await own[0] == "refused"


@pytest.mark.feature("X-02")
@pytest.mark.parametrize("on_loop", [False, True])
async def test_a_cancelled_parent_stops_waiting(on_loop):
    """Its wait ends with the cancellation and gives its thread back; nobody else is told anything."""
    left: list[str] = []
    gate = Gate()
    others: list[Task[Any]] = []

    def in_thread() -> None:
        try:
            current_task().wait(others[0])
        except TaskCancelledError:
            left.append("thread")
            raise

    async def in_coroutine() -> None:
        try:
            await others[0].wait()
        except asyncio.CancelledError:
            left.append("loop")
            raise

    async with running(VirtualClock(), categories={"core": 2}) as brain:
        others.append(brain.submit(CORE, gate, "other", timeout=None))
        await gate.holds(1)
        parent = brain.submit(CORE, in_coroutine if on_loop else in_thread, timeout=None)
        await until(lambda: pool(brain).waiting == 1)
        assert parent.cancel("enough")
        with pytest.raises(TaskCancelledError):
            await parent
        await until(lambda: left == ["loop" if on_loop else "thread"])
        await until(lambda: (pool(brain).waiting, pool(brain).working) == (0, 1))
        assert ends(parent, others[0]) == ["cancelled", "running"]
        gate.open()
        assert await others[0] == "other"


@pytest.mark.feature("X-02")
async def test_a_childs_error_comes_out_of_the_wait():
    """The parent gets the error that the child raised, and with it caught ends well."""

    def fail() -> None:
        raise LookupError("not here")

    def parent() -> str:
        work = current_task()
        with pytest.raises(LookupError, match="not here"):
            work.wait(work.submit(CORE, fail, timeout=None))
        return "went on"

    async with running(categories={"core": 1}) as brain:
        task = brain.submit(CORE, parent, timeout=None)
        assert await task == "went on"
        await settle()
        assert task.state is TaskState.COMPLETED
