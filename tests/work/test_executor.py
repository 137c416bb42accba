"""A category as an executor: code that only knows `concurrent.futures` finds in it what it knows."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future
from typing import Any

import anyio
import pytest

from companion_async import BrainClosedError, InvalidArgumentError, TaskCrashedError
from companion_async.testing.clock import VirtualClock, settle, until
from tests.work.house import Gate, pool, running

ASKER = contextvars.ContextVar("asker", default="nobody")


async def elsewhere(function: Callable[..., Any], *args: Any) -> Any:
    """Call a blocking function in a thread that is none of the brain's."""
    return await anyio.to_thread.run_sync(function, *args)


def sum_of_squares(executor: Executor, numbers: range) -> int:
    """Third-party code: it has never heard of a brain."""
    with executor:
        futures = [executor.submit(pow, number, 2) for number in numbers]
        return sum(future.result() for future in concurrent.futures.as_completed(futures))


@pytest.mark.feature("X-09")
async def test_foreign_code_computes_in_the_category():
    """Code that takes any `Executor` and blocks on its futures gets its sum from a category's two slots."""
    async with running(categories={"phase2": 2}) as brain:
        executor = brain.executor("phase2")
        assert isinstance(executor, Executor)
        assert await elsewhere(sum_of_squares, executor, range(100)) == sum(n * n for n in range(100))
        assert 1 <= brain.status().categories["phase2"].total <= 2


@pytest.mark.feature("X-09", "CB-07")
async def test_the_loop_awaits_a_future_wrapped():
    """On the loop's thread `submit` never waits, and `asyncio.wrap_future` gives the result, the work in a slot."""
    async with running(categories={"phase2": 1}) as brain:
        future = brain.executor("phase2").submit(threading.current_thread)
        assert isinstance(future, Future)
        thread = await asyncio.wrap_future(future)
        assert thread is not threading.current_thread()
        assert future.done()
        assert future.result() is thread


@pytest.mark.feature("X-09")
async def test_run_in_executor_takes_it():
    """`loop.run_in_executor(pool, fn)` runs there, several at once within the category's limit."""
    async with running(categories={"phase2": 2}) as brain:
        executor, gate = brain.executor("phase2"), Gate()
        loop = asyncio.get_running_loop()
        waiting = [loop.run_in_executor(executor, gate, number) for number in range(5)]
        await gate.holds(2)
        gate.open()
        assert await asyncio.gather(*waiting) == [0, 1, 2, 3, 4]
        assert gate.most == 2


@pytest.mark.feature("X-09", "CB-07", "CB-02")
async def test_the_categorys_limit_holds_for_all_who_submit():
    """Two executors over one category and its own tasks share its slots; the others wait in its queue."""
    async with running(categories={"phase2": 3}) as brain:
        gate = Gate()
        first, second = brain.executor("phase2"), brain.executor("phase2")
        futures = [executor.submit(gate, number) for number in range(6) for executor in (first, second)]
        task = brain.submit("category:phase2", gate, "own")
        await gate.holds(3)
        assert brain.status().categories["phase2"].queued == 10
        gate.open()
        await asyncio.gather(task, *map(asyncio.wrap_future, futures))
        assert gate.most == 3


@pytest.mark.feature("X-09")
async def test_map_gives_results_in_the_order_of_the_items():
    """However the calls end, `map` yields in order, over several iterables, up to the shortest."""
    async with running(categories={"phase2": 4}) as brain:
        executor = brain.executor("phase2")
        assert await elsewhere(lambda: list(executor.map(divmod, [9, 8, 7], [2, 3, 4, 5]))) == [(4, 1), (2, 2), (1, 3)]
        assert await elsewhere(lambda: list(executor.map(abs, range(0, -300, -1)))) == list(range(300))


@pytest.mark.feature("X-09")
async def test_map_gives_up_after_its_timeout():
    """With a timeout `map` raises `TimeoutError` in its caller, and what has not begun is cancelled."""
    async with running(categories={"phase2": 1}) as brain:
        executor, gate = brain.executor("phase2"), Gate()
        results = executor.map(gate, range(3), timeout=0)
        await gate.holds(1)
        with pytest.raises(TimeoutError):
            await elsewhere(lambda: list(results))
        gate.open()
        await brain.drain()
        assert gate.order == [0]


@pytest.mark.feature("X-09")
async def test_an_exception_comes_out_as_itself():
    """What the call raises is the future's exception, the same object, and a later call is not affected."""
    async with running(categories={"phase2": 1}) as brain:
        executor, error = brain.executor("phase2"), LookupError("not here")

        def fail() -> None:
            raise error

        def ask() -> tuple[BaseException | None, str]:
            future = executor.submit(fail)
            with pytest.raises(LookupError):
                future.result()
            return future.exception(), executor.submit(str.upper, "on").result()

        assert await elsewhere(ask) == (error, "ON")
        with pytest.raises(LookupError):
            await asyncio.wrap_future(executor.submit(fail))


@pytest.mark.feature("X-09")
@pytest.mark.parametrize(
    "raised", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()], ids=repr
)
async def test_what_would_end_a_thread_ends_one_future(raised):
    """`SystemExit` and its like arrive as `TaskCrashedError` with the cause; loop, thread and category go on."""
    async with running(categories={"phase2": 1}) as brain:
        executor = brain.executor("phase2")

        def leave() -> None:
            raise raised

        thread = await asyncio.wrap_future(executor.submit(threading.get_ident))
        with pytest.raises(TaskCrashedError) as caught:
            await asyncio.wrap_future(executor.submit(leave))
        assert caught.value.raised == type(raised).__name__
        assert caught.value.__cause__ is raised
        assert await asyncio.wrap_future(executor.submit(threading.get_ident)) == thread


@pytest.mark.feature("X-09")
async def test_a_future_cancelled_in_line_never_runs():
    """`cancel` is True before the run and the work is never called; during the run it is False, as in the standard."""
    async with running(categories={"phase2": 1}) as brain:
        executor, gate = brain.executor("phase2"), Gate()
        first, second = executor.submit(gate, "first"), executor.submit(gate, "second")
        await gate.holds(1)
        assert first.running()
        assert not first.cancel()
        assert second.cancel()
        assert second.cancelled()
        with pytest.raises(concurrent.futures.CancelledError):
            second.result()
        gate.open()
        assert await asyncio.wrap_future(first) == "first"
        await brain.drain()
        assert gate.order == ["first"]


@pytest.mark.feature("X-09")
async def test_cancelling_the_awaiting_coroutine_cancels_what_has_not_begun():
    """A wrapped future whose waiter is cancelled takes its call out of the line."""
    async with running(categories={"phase2": 1}) as brain:
        executor, gate = brain.executor("phase2"), Gate()
        held, waiting = executor.submit(gate, "held"), asyncio.wrap_future(executor.submit(gate, "dropped"))
        await gate.holds(1)
        waiting.cancel()
        await settle()
        gate.open()
        await asyncio.wrap_future(held)
        await brain.drain()
        assert gate.order == ["held"]


@pytest.mark.feature("X-09")
async def test_wait_and_as_completed_see_futures_end():
    """`concurrent.futures.wait` returns at the first end with the rest in `not_done`; `as_completed` yields by end."""
    async with running(categories={"phase2": 2}) as brain:
        executor, slow, fast = brain.executor("phase2"), Gate(), Gate()
        late, early = executor.submit(slow, "late"), executor.submit(fast, "early")
        await slow.holds(1)
        fast.open()
        done, left = await elsewhere(lambda: concurrent.futures.wait([late, early], return_when=FIRST_COMPLETED))
        assert (done, left) == ({early}, {late})

        def by_end() -> list[Any]:
            ended = concurrent.futures.as_completed([late, early])
            values = [next(ended).result()]
            slow.open()
            return [*values, *(future.result() for future in ended)]

        assert await elsewhere(by_end) == ["early", "late"]


@pytest.mark.feature("X-09")
async def test_shutdown_closes_the_door_and_waits():
    """After `shutdown` nothing is taken; with ``wait`` it returns once all has ended; the category itself goes on."""
    async with running(categories={"phase2": 1}) as brain:
        executor, gate = brain.executor("phase2"), Gate()
        futures = [executor.submit(gate, number) for number in range(3)]
        await gate.holds(1)
        executor.shutdown(wait=False)
        with pytest.raises(RuntimeError):
            executor.submit(gate)
        left = asyncio.ensure_future(elsewhere(executor.shutdown))
        await settle()
        assert not left.done()
        gate.open()
        await left
        assert [future.result() for future in futures] == [0, 1, 2]
        assert await brain.submit("category:phase2", abs, -1) == 1


@pytest.mark.feature("X-09")
async def test_shutdown_cancels_what_has_not_begun():
    """``cancel_futures`` cancels the line; what runs ends and keeps its result."""
    async with running(categories={"phase2": 1}) as brain:
        executor, gate = brain.executor("phase2"), Gate()
        futures = [executor.submit(gate, number) for number in range(4)]
        await gate.holds(1)
        executor.shutdown(wait=False, cancel_futures=True)
        assert [future.cancelled() for future in futures] == [False, True, True, True]
        gate.open()
        assert await asyncio.wrap_future(futures[0]) == 0
        await brain.drain()
        assert gate.order == [0]


def tree(executor: Executor, depth: int) -> int:
    """The nodes of a binary tree, each of which waits in its thread for its two children."""
    if depth == 0:
        return 1
    children = [executor.submit(tree, executor, depth - 1) for _ in range(2)]
    return 1 + sum(child.result() for child in children)


@pytest.mark.feature("X-09", "X-02")
@pytest.mark.parametrize("limit", [1, 2])
async def test_nested_use_does_not_deadlock_a_full_category(limit):
    """Work that submits to its own category and blocks on the futures, four deep, ends with one slot as with two."""
    async with running(categories={"phase2": limit}) as brain:
        executor = brain.executor("phase2")
        assert await asyncio.wrap_future(executor.submit(tree, executor, 4)) == 31


@pytest.mark.feature("X-09", "X-02")
async def test_nested_use_ends_in_a_full_house():
    """Even if no thread can be had for a stand-in, what is waited for is run where it is waited for."""
    async with running(categories={"phase2": 2}, max_threads=2) as brain:
        executor = brain.executor("phase2")
        assert await asyncio.wrap_future(executor.submit(tree, executor, 4)) == 31
        assert brain.status().total_threads <= 2


@pytest.mark.feature("X-09", "X-02")
async def test_a_nested_map_does_not_deadlock_a_full_category():
    """`map` inside work of the one slot there is yields its results in order."""
    async with running(categories={"phase2": 1}) as brain:
        executor = brain.executor("phase2")
        doubled = executor.submit(lambda: list(executor.map(lambda n: 2 * n, range(5))))
        assert await asyncio.wrap_future(doubled) == [0, 2, 4, 6, 8]


@pytest.mark.feature("X-09", "X-02")
async def test_a_nested_wait_with_a_timeout_gives_up_on_time():
    """``result(timeout)`` inside work raises `TimeoutError` when the time has passed; the other goes on."""
    clock, gate = VirtualClock(), Gate()
    async with running(clock, categories={"phase2": 2}) as brain:
        executor = brain.executor("phase2")

        def impatient() -> Future[Any]:
            other = executor.submit(gate, "other")
            with pytest.raises(TimeoutError):
                other.result(timeout=3)
            return other

        asking = executor.submit(impatient)
        await gate.holds(1)
        await until(lambda: pool(brain, "phase2").waiting == 1)
        await clock.advance(2.9)
        assert not asking.done()
        await clock.advance(0.2)
        other = await asyncio.wrap_future(asking)
        assert other.running()
        gate.open()
        assert await asyncio.wrap_future(other) == "other"


@pytest.mark.feature("X-09")
async def test_a_blocking_wait_on_the_loop_is_refused():
    """`result` on the loop's thread would wait for ever: it says how to wait there instead."""
    async with running(categories={"phase2": 1}) as brain:
        gate = Gate()
        future = brain.executor("phase2").submit(gate, 5)
        for wait in (future.result, future.exception):
            with pytest.raises(InvalidArgumentError, match="wrap_future"):
                wait()
        gate.open()
        assert await asyncio.wrap_future(future) == 5


@pytest.mark.feature("X-09")
async def test_a_full_queue_makes_nobody_wait_in_submit():
    """Futures beyond the queue's capacity stand in line and all come to their results, in their order."""
    async with running(categories={"phase2": 1}, queue_capacity=2) as brain:
        executor, gate = brain.executor("phase2"), Gate()
        futures = [executor.submit(gate, number) for number in range(20)]
        await gate.holds(1)
        gate.open()
        assert await asyncio.gather(*map(asyncio.wrap_future, futures)) == list(range(20))
        assert gate.order == list(range(20))


@pytest.mark.feature("X-09")
async def test_the_work_sees_its_submitters_context():
    """Context variables of whoever calls `submit`, on the loop or in a foreign thread, are visible to the work."""
    async with running(categories={"phase2": 1}) as brain:
        executor = brain.executor("phase2")

        def ask() -> str:
            ASKER.set("thread")
            return executor.submit(ASKER.get).result()

        ASKER.set("loop")
        assert await asyncio.wrap_future(executor.submit(ASKER.get)) == "loop"
        assert await elsewhere(ask) == "thread"


@pytest.mark.feature("X-09", "PM-13")
async def test_an_executor_of_a_brain_that_has_ended_refuses():
    """After the brain's end `submit` raises `BrainClosedError`, and what waited has ended rather than hang."""
    clock = VirtualClock()
    async with running(clock, categories={"phase2": 1}) as brain:
        executor, gate = brain.executor("phase2"), Gate()
        held, waiting = executor.submit(gate, "held"), executor.submit(gate, "waiting")
        await gate.holds(1)
        ending = asyncio.ensure_future(brain.shutdown(timeout=0))
        await clock.advance(0)
        await until(waiting.done)
        gate.open()
        await ending
    assert gate.order == ["held"]
    assert not waiting.cancelled()
    assert waiting.exception() is not None
    await until(held.done)
    with pytest.raises(BrainClosedError):
        executor.submit(abs, -1)


@pytest.mark.feature("X-09", "CB-02")
async def test_an_unknown_category_is_refused():
    """`executor` of a category that does not exist names those that do."""
    async with running() as brain:
        with pytest.raises(InvalidArgumentError, match="phase2"):
            brain.executor("phase9")
