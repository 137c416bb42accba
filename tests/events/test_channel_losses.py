"""What a cancellation, a time limit or a crowd may not do to a channel: lose an item, or deliver one twice."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async import Channel, ChannelClosedError
from companion_async.testing.clock import settle
from tests.events.facts import held, in_thread


async def test_a_receiver_cancelled_while_it_waits_takes_nothing() -> None:
    """The item goes to the next that asks."""
    channel: Channel[str] = Channel("c")
    with anyio.move_on_after(0):
        await channel.receive()
    await channel.send("a")
    assert channel.status().receivers_waiting == 0
    assert await channel.receive() == "a"


async def test_a_receiver_cancelled_when_the_item_is_on_its_way_loses_nothing() -> None:
    """The instant at which anyio's memory streams lose an item: it goes to the next in line, or stays, in its order."""
    channel: Channel[str] = Channel("c")
    first, second = asyncio.create_task(channel.receive()), asyncio.create_task(channel.receive())
    await settle()
    await channel.send("a")
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    assert await second == "a"
    third = asyncio.create_task(channel.receive())
    await settle()
    await channel.send("b")
    await channel.send("c")
    third.cancel()
    await asyncio.wait([third])
    assert third.cancelled()
    assert [await channel.receive(), await channel.receive()] == ["b", "c"]
    assert channel.status().received == 3


async def test_a_send_that_was_cancelled_has_not_sent() -> None:
    """Also when there was room for it already: that room goes to the next in line."""
    channel: Channel[str] = Channel("c", 1)
    await channel.send("a")
    late, next_one = asyncio.create_task(channel.send("late")), asyncio.create_task(channel.send("next"))
    await settle()
    assert await channel.receive() == "a"
    late.cancel()
    await asyncio.wait([late])
    assert late.cancelled()
    await next_one
    assert held(channel) == ["next"]
    assert channel.status().sent == 2


async def test_room_that_was_promised_is_nobody_elses() -> None:
    """Who comes between the promise and its keeping waits, and the channel never holds more than its capacity."""
    channel: Channel[str] = Channel("c", 1)
    await channel.send("a")
    first = asyncio.create_task(channel.send("first"))
    await settle()
    assert await channel.receive() == "a"
    with anyio.move_on_after(0) as impatient:
        await channel.send("late")
    assert impatient.cancelled_caught
    await first
    assert held(channel) == ["first"]


class _Noted(deque[int]):
    """Notes what goes in and out, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.entered: list[int] = []
        self.taken: list[int] = []

    def append(self, item: int) -> None:
        self.entered.append(item)
        super().append(item)

    def popleft(self) -> int:
        item = super().popleft()
        self.taken.append(item)
        return item


_STEPS = st.lists(
    st.one_of(
        st.sampled_from(["send", "receive", "turn", "close"]),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
    ),
    max_size=40,
)


@given(capacity=st.integers(1, 3), steps=_STEPS)
def test_whatever_is_cancelled_when_every_item_is_had_once(capacity: int, steps: list[Any]) -> None:
    """What sends returned for equals what was received and what is held, in order; what raised took no part."""

    async def play() -> None:
        channel: Channel[int] = Channel("c", capacity)
        sends: list[asyncio.Task[None]] = []
        receives: list[asyncio.Task[int]] = []
        items = channel._items = _Noted()
        for step in steps:
            match step:
                case "send":
                    sends.append(asyncio.create_task(channel.send(len(sends))))
                case "receive":
                    receives.append(asyncio.create_task(channel.receive()))
                case "turn":
                    await asyncio.sleep(0)
                case "close":
                    channel.close()
                case (_, which):
                    tasks: list[asyncio.Task[Any]] = [*sends, *receives]
                    if tasks:
                        tasks[which % len(tasks)].cancel()
        await settle()
        status = channel.status()
        full, empty = status.waiting == capacity, status.waiting == 0
        assert not (status.receivers_waiting and not empty)
        assert not (status.senders_waiting and not full)
        assert channel._senders.promised == channel._receivers.promised == 0
        for task in [*sends, *receives]:
            task.cancel()
        await asyncio.gather(*sends, *receives, return_exceptions=True)
        sent = {number for number, task in enumerate(sends) if not task.cancelled() and task.exception() is None}
        received = [task.result() for task in receives if not task.cancelled() and task.exception() is None]
        left = held(channel)
        assert sent == {*received, *left}
        assert len(sent) == len(received) + len(left) == len(items.entered)
        assert items.entered == items.taken

    asyncio.run(play())


@pytest.mark.slow
async def test_threads_and_coroutines_with_time_limits_lose_nothing() -> None:
    """Eight threads and forty coroutines on a channel of five, giving up and trying again: 200,000 items, each once."""
    channel: Channel[int] = Channel("busy", 5)
    each, got, lock = 10_000, list[int](), threading.Lock()

    def put(begin: int) -> None:
        for number in range(begin, begin + each):
            while True:
                try:
                    channel.put(number, timeout=0.005 * (number % 3 + 1))
                except TimeoutError:
                    continue
                break

    async def send(begin: int) -> None:
        for number in range(begin, begin + each):
            while True:
                with anyio.move_on_after(0.005 * (number % 3 + 1)):
                    await channel.send(number)
                    break

    def get() -> None:
        mine = list[int]()
        while True:
            try:
                mine.append(channel.get(timeout=0.005 * (len(mine) % 3 + 1)))
            except TimeoutError:
                continue
            except ChannelClosedError:
                break
        with lock:
            got.extend(mine)

    async def receive() -> None:
        while True:
            with anyio.move_on_after(0.005 * (len(got) % 3 + 1)):
                try:
                    got_one = await channel.receive()
                except ChannelClosedError:
                    return
                with lock:
                    got.append(got_one)

    senders = [in_thread(partial(put, n * each)) for n in range(4)]
    senders += [asyncio.create_task(send(n * each)) for n in range(4, 20)]
    receivers = [in_thread(get) for _ in range(4)] + [asyncio.create_task(receive()) for _ in range(24)]
    await asyncio.gather(*senders)
    channel.close()
    await asyncio.gather(*receivers)
    assert sorted(got) == list(range(20 * each))
