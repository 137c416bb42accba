"""Many items through one target: bounded in flight, in order or as they come, and nothing left when the reader goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from companion_async import InvalidArgumentError, TaskCancelledError, UnknownTargetError
from companion_async.testing.clock import VirtualClock, settle, until
from tests.work.house import Gate, ends, running

pytestmark = pytest.mark.feature("CB-06")


class Counted:
    """Items that tell how many were asked for."""

    def __init__(self, count: int) -> None:
        self.count, self.given = count, 0

    def __iter__(self) -> Iterator[int]:
        for number in range(self.count):
            self.given += 1
            yield number

    async def __aiter__(self) -> AsyncIterator[int]:
        for number in self:
            await asyncio.sleep(0)
            yield number


def double(number: int) -> int:
    return 2 * number


def fail_at_three(number: int) -> int:
    if number == 3:
        raise OSError(f"no {number}")
    return number


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_in_order_the_results_stand_where_their_items_stood(asynchronous):
    """Whatever ends first; of an iterable or an asynchronous one."""
    async with running() as brain:
        items: Any = aiter(Counted(300)) if asynchronous else range(300)
        results = [result async for result in brain.map("category:core", double, items, limit=7, ordered=True)]
        assert results == [2 * number for number in range(300)]


async def test_in_order_an_early_item_that_takes_long_holds_back_the_later():
    """They have run, and are yielded behind it."""
    async with running() as brain:
        gate, ran, came = Gate(), list[int](), list[int]()

        def work(number: int) -> int:
            if not number:
                gate()
            ran.append(number)
            return number

        async def read() -> None:
            async for result in brain.map("category:core", work, range(4), limit=4, ordered=True):
                came.append(result)

        reading = asyncio.create_task(read())
        await until(lambda: len(ran) == 3)
        await settle()
        assert came == []
        gate.open()
        await reading
        assert came == [0, 1, 2, 3]


async def test_out_of_order_the_results_come_as_they_end():
    """One that takes long holds back nobody."""
    async with running() as brain:
        gate = Gate()

        def work(number: int) -> int:
            return number if number else gate(number)

        results = brain.map("category:core", work, range(4), limit=4)
        assert {await anext(results) for _ in range(3)} == {1, 2, 3}
        gate.open()
        assert [result async for result in results] == [0]


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_no_more_are_in_flight_than_the_limit(ordered, asynchronous):
    """Nor is an item asked for before there is room for it."""
    async with running(categories={"core": 10}) as brain:
        gate, items = Gate(), Counted(20)
        source: Any = aiter(items) if asynchronous else items
        results = brain.map("category:core", gate, source, limit=3, ordered=ordered)
        first = asyncio.ensure_future(anext(results))
        await gate.holds(3)
        await settle()
        assert (gate.inside, items.given) == (3, 3)
        gate.open()
        got = [await first] + [result async for result in results]
        assert sorted(got) == list(range(20))
        assert gate.most <= 3


@pytest.mark.parametrize("ordered", [False, True])
async def test_the_first_error_is_raised_and_the_rest_is_cancelled(ordered):
    """With the error as the work raised it; what has not begun never runs."""
    async with running() as brain:
        gate = Gate()

        def work(number: int) -> int:
            return gate(number) if number > 3 else fail_at_three(number)

        results, got = brain.map("category:core", work, range(100), limit=6, ordered=ordered), list[int]()
        with pytest.raises(OSError, match="no 3"):
            async for result in results:
                got.append(result)
        assert sorted(got) == [0, 1, 2] if ordered else set(got) <= {0, 1, 2}
        assert max(gate.order, default=4) < 10
        assert set(ends(*brain.tasks(limit=1000))) == {"completed", "failed", "cancelled"}
        gate.open()


@pytest.mark.parametrize("ordered", [False, True])
async def test_errors_can_be_results(ordered):
    """With ``return_exceptions`` each stands for its item, and all items are done."""
    async with running() as brain:
        results = [
            result
            async for result in brain.map(
                "category:core", fail_at_three, range(10), limit=2, ordered=ordered, return_exceptions=True
            )
        ]
        errors = [result for result in results if isinstance(result, OSError)]
        assert len(errors) == 1
        assert sorted(result for result in results if isinstance(result, int)) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
        assert not ordered or isinstance(results[3], OSError)


async def test_a_reader_that_leaves_cancels_what_is_in_flight():
    """What runs is signalled, what waits never runs, and no further item is asked for."""
    async with running(categories={"core": 2}) as brain:
        gate, items = Gate(), Counted(100)

        def work(number: int) -> int:
            return gate(number) if number else number

        results = brain.map("category:core", work, items, limit=4)
        async for result in results:
            assert result == 0
            break
        await results.aclose()  # type: ignore[attr-defined]
        tasks = brain.tasks(limit=1000)
        assert sorted(set(ends(*tasks))) == ["cancelled", "completed"]
        with pytest.raises(TaskCancelledError):
            next(task for task in tasks if task.cancelled()).result()
        assert items.given <= 5
        gate.open()


async def test_options_are_those_of_submit_and_a_full_queue_is_waited_for():
    """More items than the queue holds are no error, unless ``on_full`` says so."""
    clock = VirtualClock()
    async with running(clock, categories={"core": 1}, queue_capacity=2) as brain:
        results = [result async for result in brain.map("category:core", double, range(50), limit=20, priority="high")]
        assert sorted(results) == [2 * number for number in range(50)]
        assert {task.priority.name for task in brain.tasks(limit=100)} == {"HIGH"}
        gate = Gate()
        with pytest.raises(TimeoutError):
            late = brain.map("category:core", gate, [1], timeout=3.0)
            following = asyncio.ensure_future(anext(late))
            await gate.holds(1)
            await clock.advance(3)
            await following


async def test_what_is_wrong_is_raised_where_the_iteration_begins():
    """A limit of nothing, a target that is none, items that are none."""
    async with running() as brain:
        for limit in (0, -1, 1.5, True):
            with pytest.raises(InvalidArgumentError, match="limit"):
                await anext(brain.map("category:core", double, [1], limit=limit))  # type: ignore[arg-type]
        with pytest.raises(UnknownTargetError):
            await anext(brain.map("category:core", "nothing", [1]))
        with pytest.raises(TypeError):
            await anext(brain.map("category:core", double, 1))  # type: ignore[arg-type]
        assert [result async for result in brain.map("category:core", double, [])] == []


async def test_an_error_of_the_items_ends_it():
    """What is in flight then is cancelled, and the error is the items' own."""
    async with running() as brain:
        gate = Gate()

        def items() -> Iterator[int]:
            yield 1
            raise LookupError("no more")

        with pytest.raises(LookupError, match="no more"):
            await anext(brain.map("category:core", gate, items()))
        assert ends(*brain.tasks()) == ["cancelled"]
        gate.open()


async def test_inside_work_it_lends_its_place():
    """A coroutine of the one slot there is maps over its own category."""
    async with running(categories={"core": 1}) as brain:

        async def outer() -> list[int]:
            return [result async for result in brain.map("category:core", double, range(5), ordered=True)]

        assert await brain.submit("category:core", outer) == [0, 2, 4, 6, 8]
