"""Generators as targets: items as they come, the producer held back, one end for both."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from companion_async import CompanionError, InvalidArgumentError, RetryPolicy, TaskCancelledError, Timeout, current_task
from companion_async.testing.clock import settle, until
from tests.work.house import Gate, pool, running

BUFFER = 4


def count(upto: int, made: list[int]) -> Iterator[int]:
    for number in range(upto):
        made.append(number)
        yield number


async def count_async(upto: int, made: list[int]) -> AsyncIterator[int]:
    for number in range(upto):
        made.append(number)
        yield number


KINDS = pytest.mark.parametrize("source", [count, count_async])


@pytest.mark.feature("X-08", "PM-14")
@KINDS
async def test_items_come_in_order_and_the_list_of_them_is_the_result(source):
    """Iterating gives each item once, in order; awaiting gives the list; a short stream can be had both ways."""
    async with running(stream_buffer=BUFFER) as brain:
        await brain.register("m", source)
        assert await brain.submit("m", "run", 10, []) == list(range(10))
        task = brain.submit("m", "run", 10, [])
        assert [item async for item in task] == list(range(10))
        assert await task == list(range(10))
        assert task.result() == list(range(10))
        assert await brain.submit("m", "run", 0, []) == []


@pytest.mark.feature("X-08")
@KINDS
async def test_the_producer_waits_while_its_items_are_unread(source):
    """No more than the buffer's worth is made before somebody reads, and each item read makes room for more."""
    async with running(stream_buffer=BUFFER) as brain:
        await brain.register("m", source)
        made: list[int] = []
        task = brain.submit("m", "run", 100, made)
        await until(lambda: len(made) == BUFFER)
        await settle()
        assert len(made) == BUFFER
        assert task.state == "running"
        most = 0
        async for item in task:
            await settle()
            most = max(most, len(made) - item - 1)
        assert most <= BUFFER
        assert len(made) == 100


@pytest.mark.feature("X-08")
async def test_an_item_is_handed_on_while_the_producer_goes_on():
    """The first item can be read before the second is made."""
    async with running() as brain:
        gate = Gate()

        def slowly() -> Iterator[str]:
            yield "first"
            yield gate("second")

        items = aiter(brain.submit("category:core", slowly))
        assert await anext(items) == "first"
        gate.open()
        assert await anext(items) == "second"
        with pytest.raises(StopAsyncIteration):
            await anext(items)


@pytest.mark.feature("X-08")
@KINDS
async def test_leaving_the_iteration_and_cancelling_unwinds_the_producer(source):
    """A producer whose task is cancelled while it waits for a reader is unwound there, its finally blocks run, and its
    place is free.
    """
    async with running(stream_buffer=BUFFER) as brain:
        closed = threading.Event()

        def closing() -> Iterator[int]:
            try:
                yield from count(100, [])
            finally:
                closed.set()

        async def closing_async() -> AsyncIterator[int]:
            try:
                async for item in count_async(100, []):
                    yield item
            finally:
                closed.set()

        task = brain.submit("category:core", closing if source is count else closing_async)
        async for item in task:
            if item == 10:
                break
        assert task.cancel("enough")
        await until(closed.is_set)
        await until(lambda: pool(brain).working == 0)
        await settle()
        with pytest.raises(TaskCancelledError):
            async for _ in task:
                pass


@pytest.mark.feature("X-08", "PE-03")
@KINDS
async def test_an_error_comes_after_the_items_before_it(source):
    """What was made is read, then the error is raised: to the reader and to whoever awaits."""
    async with running() as brain:

        def failing() -> Iterator[int]:
            yield from count(3, [])
            raise ValueError("after three")

        async def failing_async() -> AsyncIterator[int]:
            async for item in count_async(3, []):
                yield item
            raise ValueError("after three")

        task = brain.submit("category:core", failing if source is count else failing_async)
        items = aiter(task)
        assert [await anext(items) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="after three"):
            await anext(items)
        with pytest.raises(ValueError, match="after three"):
            await task


@pytest.mark.feature("X-08", "CB-09")
@KINDS
async def test_a_stream_that_is_run_again_begins_again(source, virtual_clock):
    """A retried generator's result is the list of its last run; one that was read from already is not run again."""
    async with running(virtual_clock) as brain:
        runs: list[int] = []

        def flaky() -> Iterator[int]:
            runs.append(0)
            yield from count(3, [])
            if len(runs) < 3:
                raise ValueError("again")

        async def flaky_async() -> AsyncIterator[int]:
            for item in flaky():
                yield item

        target = flaky if source is count else flaky_async
        task = brain.submit("category:core", target, retry=RetryPolicy(3, wait_initial=1))
        await until(lambda: len(runs) == 1 and task.state == "blocked")
        await virtual_clock.advance(1)
        await until(lambda: len(runs) == 2 and task.state == "blocked")
        await virtual_clock.advance(2)
        assert await task == [0, 1, 2]
        runs.clear()
        task = brain.submit("category:core", target, retry=RetryPolicy(3, wait_initial=1))
        with pytest.raises(ValueError, match="again"):
            async for _ in task:
                pass
        assert len(runs) == 1


@pytest.mark.feature("X-08")
async def test_what_was_read_of_a_long_stream_is_not_kept():
    """Of a stream of thousands only the items still unread are in memory; awaiting it afterwards gives these."""
    async with running() as brain:
        task = brain.submit("category:core", count, 5000, [])
        read = 0
        async for _ in task:
            read += 1
        assert read == 5000
        assert len(await task) < 2000


@pytest.mark.feature("X-08", "PS-06")
@KINDS
async def test_a_stream_that_others_wait_for_goes_on_to_its_end(source):
    """With nobody to read it, a generator that a dependent, a drain or an `asyncio.wait` waits for is not held back."""
    async with running(stream_buffer=BUFFER) as brain:
        await brain.register("m", source)
        upstream = brain.submit("m", "run", 50, [])
        dependent = brain.submit("m", "run", 1, [], after=upstream)
        assert await dependent == [0]
        assert upstream.result() == list(range(50))
        task = brain.submit("m", "run", 50, [])
        await brain.drain()
        assert task.result() == list(range(50))
        task = brain.submit("m", "run", 50, [])
        assert await task.wait(timeout=5) == list(range(50))


@pytest.mark.feature("X-08", "X-02")
@KINDS
async def test_work_that_reads_a_stream_of_its_own_full_category_goes_on(source):
    """A coroutine that iterates over a task of its own category lends its place to the producer."""
    async with running(categories={"core": 1}, stream_buffer=BUFFER) as brain:

        async def reader() -> list[int]:
            return [item async for item in current_task().submit("category:core", source, 20, [])]

        assert await brain.submit("category:core", reader) == list(range(20))
        await until(lambda: pool(brain).working == pool(brain).waiting == 0)


@pytest.mark.feature("X-08", "CB-08")
async def test_the_idle_limit_counts_from_the_last_item(virtual_clock):
    """A stream that goes on yielding lives past its idle limit; one that stops does not."""
    async with running(virtual_clock) as brain:
        gate = Gate()

        def ticking() -> Iterator[Any]:
            for number in range(10):
                yield gate(number)

        task = brain.submit("category:core", ticking, timeout=Timeout(idle=2))
        for number in range(1, 5):
            await gate.begun(number)
            await virtual_clock.advance(1.5)
            assert task.state == "running"
            gate.let(1)
        await gate.begun(5)
        await virtual_clock.advance(2.1)
        assert task.state == "timed_out"
        assert getattr(task.error, "span", "") == "idle"


@pytest.mark.feature("X-08")
async def test_cancelling_the_only_reader_cancels_the_stream():
    """A reader that is cancelled while it waits for an item takes the task with it, as the only waiter would."""
    async with running() as brain:
        gate = Gate()

        def never() -> Iterator[Any]:
            yield gate()

        task = brain.submit("category:core", never)

        async def read() -> None:
            async for _ in task:
                pass

        reader = asyncio.ensure_future(read())
        await gate.holds(1)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert task.state == "cancelled"
        gate.open()


async def test_what_is_no_generator_cannot_be_iterated():
    """Iterating over a plain task says what to do instead."""
    async with running() as brain:
        task = brain.submit("category:core", int)
        with pytest.raises(CompanionError, match="await"):
            async for _ in task:
                pass
        await task


@pytest.mark.feature("X-08")
@KINDS
async def test_a_second_reader_is_refused_and_a_later_one_goes_on_where_the_first_left(source):
    """The items go to one reader: two at once would each miss what the other got, and one would wait for ever."""
    async with running() as brain:
        task = brain.submit("category:core", source, 5, [])
        first = task.items()
        assert [await anext(first), await anext(first)] == [0, 1]
        with pytest.raises(InvalidArgumentError, match="iterated already"):
            await anext(task.items())
        await first.aclose()
        assert [item async for item in task] == [2, 3, 4]


@pytest.mark.feature("X-08")
@KINDS
async def test_a_stream_whose_reader_left_goes_on_to_its_end_for_whoever_waits(source):
    """Leaving the loop early strands nobody: awaited before or after, the work ends, and the list is whole."""
    async with running() as brain:
        for early in (True, False):
            task = brain.submit("category:core", source, 500, [])
            waiting = asyncio.ensure_future(task.wait()) if early else None
            async for item in task:
                if item == 3:
                    break
            assert await (waiting or task.wait()) == list(range(500))
