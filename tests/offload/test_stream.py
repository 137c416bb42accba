"""Items from a producer to one reader: in order, bounded, unwound when nobody reads, whole for whoever collects."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from companion_async.offload.stream import RETAINED, Stream, StreamClosed
from companion_async.testing.clock import settle, until

pytestmark = pytest.mark.feature("X-08")


class Loans:
    """Notes that the producer's place was lent."""

    def __init__(self) -> None:
        self.lent = 0

    def block(self, wait: Callable[[], None]) -> None:
        self.lent += 1
        wait()

    async def pause(self, wait: Callable[[], Awaitable[Any]]) -> None:
        self.lent += 1
        await wait()


class Bench:
    """A stream, and a producer of numbers in a thread or on the loop."""

    def __init__(self, count: int, *, capacity: int, thread: bool) -> None:
        self.loans, self.beats, self.made, self.closed = Loans(), 0, 0, False
        loop = asyncio.get_running_loop()
        self.stream = Stream(loop, capacity, self._beat, self.loans)
        self._count = count
        work: Any = self.stream.produce if thread else self.stream.produce_async
        source: Any = self._numbers if thread else self._numbers_async
        self.producing: asyncio.Future[list[int]] = asyncio.ensure_future(
            asyncio.to_thread(work, source) if thread else work(source)
        )
        self.producing.add_done_callback(lambda _: self.stream.ended())

    def _beat(self) -> None:
        self.beats += 1

    def _numbers(self) -> Iterator[int]:
        try:
            for number in range(self._count):
                self.made += 1
                yield number
        finally:
            self.closed = True

    async def _numbers_async(self) -> AsyncIterator[int]:
        numbers = self._numbers()
        try:
            for number in numbers:
                yield number
        finally:
            numbers.close()  # type: ignore[attr-defined]

    async def read(self, count: int) -> list[int]:
        """The next items."""
        items: list[int] = []
        while len(items) < count:
            while self.stream.unread and len(items) < count:
                items.append(self.stream.next())
            if len(items) < count:
                if self.producing.done() and not self.stream.unread:
                    break
                await self.stream.arrival()
        return items


IN_THREAD_OR_ON_LOOP = pytest.mark.parametrize("thread", [True, False])


@IN_THREAD_OR_ON_LOOP
async def test_every_item_arrives_in_order_and_none_too_early(thread):
    """With ``capacity`` unread the producer waits, and goes on when half of them are read."""
    bench = Bench(100, capacity=4, thread=thread)
    await until(lambda: bench.made == 4)
    await settle()
    assert bench.made == 4
    assert await bench.read(1) == [0]
    await settle()
    assert bench.made == 4
    assert await bench.read(1) == [1]
    await until(lambda: bench.made == 6)
    assert await bench.read(1000) == list(range(2, 100))
    assert await bench.producing == list(range(100))
    assert (bench.beats, bench.closed, bench.loans.lent) == (100, True, 0)


@IN_THREAD_OR_ON_LOOP
async def test_closed_it_unwinds_the_producer_at_its_next_item(thread):
    """Its own clean-up runs, and the reader is told."""
    bench = Bench(100, capacity=2, thread=thread)
    await until(lambda: bench.made == 2)
    waiting = asyncio.ensure_future(bench.stream.arrival())
    bench.stream.close()
    await waiting
    with pytest.raises(StreamClosed):
        await bench.producing
    assert (bench.made, bench.closed) == (3, True)


@IN_THREAD_OR_ON_LOOP
async def test_whoever_collects_lets_it_go_on_to_its_end(thread):
    """Without a reader the whole list is the result; with one, the bound holds until that has left."""
    bench = Bench(1000, capacity=2, thread=thread)
    bench.stream.collect()
    assert await bench.producing == list(range(1000))
    bench = Bench(50, capacity=2, thread=thread)
    bench.stream.begin_reading(by_work=False)
    bench.stream.collect()
    await until(lambda: bench.made == 2)
    await settle()
    assert bench.made == 2
    bench.stream.end_reading()
    assert await bench.producing == list(range(50))


@IN_THREAD_OR_ON_LOOP
async def test_what_was_read_of_a_long_stream_is_let_go(thread):
    """Beyond what is retained only the unread items are left for the result."""
    count = RETAINED + 10
    bench = Bench(count, capacity=4, thread=thread)
    assert await bench.read(count) == list(range(count))
    assert len(await bench.producing) < 10


@IN_THREAD_OR_ON_LOOP
async def test_a_reader_that_is_work_gets_the_place_of_a_producer_that_waits_for_it(thread):
    """Only then is it lent."""
    bench = Bench(20, capacity=2, thread=thread)
    bench.stream.begin_reading(by_work=True)
    await until(lambda: bench.loans.lent == 1)
    assert await bench.read(20) == list(range(20))
    assert await bench.producing == list(range(20))


async def test_a_cancelled_wait_loses_nothing():
    """The next one finds the item."""
    bench = Bench(0, capacity=2, thread=False)
    assert await bench.producing == []
    stream = bench.stream
    waiting = asyncio.ensure_future(stream.arrival())
    await settle()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    thread = threading.Thread(target=stream.produce, args=(lambda: iter([7]),))
    thread.start()
    await asyncio.wait_for(stream.arrival(), 5)
    assert stream.next() == 7
    thread.join()


async def test_run_again_it_begins_with_nothing():
    """What a failed run had made before anybody read is gone."""
    stream = Stream(asyncio.get_running_loop(), 10, lambda: None, Loans())

    def broken() -> Iterator[int]:
        yield 1
        raise OSError

    with pytest.raises(OSError):
        stream.produce(broken)
    stream.restart()
    assert stream.produce(lambda: iter([2, 3])) == [2, 3]
    assert stream.next() == 2
