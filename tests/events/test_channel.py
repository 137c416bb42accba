"""Channels without a brain: order, bounds, ends, and what a cancellation may not do."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async import Channel, ChannelClosedError, CompanionError, InvalidArgumentError, WrongThreadError
from companion_async.testing.clock import settle, until


def in_thread(work: Callable[[], Any]) -> asyncio.Task[Any]:
    """``work()`` in a thread of its own, as a task."""
    return asyncio.create_task(asyncio.to_thread(work))


def held(channel: Channel[Any]) -> list[Any]:
    """What the channel holds, taken out."""
    return [channel._take() for _ in range(channel.status().waiting)]


@pytest.mark.feature("CB-F5")
async def test_items_come_in_the_order_they_were_sent() -> None:
    """One sender and one receiver on the loop: nothing is lost, doubled or overtaken, whatever the capacity."""
    for capacity in (1, 2, 64):
        channel: Channel[int] = Channel("a->b", capacity)

        async def send(channel: Channel[int] = channel) -> None:
            for number in range(200):
                await channel.send(number)
            channel.close()

        async with anyio.create_task_group() as group:
            group.start_soon(send)
            got = [number async for number in channel]
        assert got == list(range(200))


@pytest.mark.feature("CB-F5")
async def test_several_receivers_share_the_items_first_come_first_served() -> None:
    """Each item goes to one receiver, and waiting receivers have their turn in the order in which they came."""
    channel: Channel[int] = Channel("work")
    got: list[tuple[str, int]] = []

    async def receive(name: str) -> None:
        got.append((name, await channel.receive()))

    async with anyio.create_task_group() as group:
        for name in "abc":
            group.start_soon(receive, name)
            await settle()
        for number in range(3):
            await channel.send(number)
    assert got == [("a", 0), ("b", 1), ("c", 2)]


@pytest.mark.feature("CB-F5")
async def test_a_full_channel_makes_senders_wait_in_line() -> None:
    """Backpressure: one more than fits waits until there is room, those that wait enter in order, nobody overtakes."""
    channel: Channel[int] = Channel("narrow", 2)
    done: list[int] = []

    async def send(number: int) -> None:
        await channel.send(number)
        done.append(number)

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(send, number)
            await settle()
        assert done == [0, 1]
        assert channel.status().senders_waiting == 2
        assert await channel.receive() == 0
        overtaker = asyncio.create_task(send(9))
        await settle()
        assert done == [0, 1, 2]
        assert [await channel.receive() for _ in range(4)] == [1, 2, 3, 9]
        await overtaker


async def test_a_channel_that_drops_the_oldest_never_makes_a_sender_wait() -> None:
    """``overflow="drop_oldest"`` keeps the newest of its capacity and counts what went."""
    channel: Channel[int] = Channel("camera", 3, overflow="drop_oldest")
    for number in range(10):
        await channel.send(number)
    assert channel.status().dropped == 7
    assert held(channel) == [7, 8, 9]
    waiting = asyncio.create_task(channel.receive())
    await settle()
    for number in range(10, 15):
        await channel.send(number)
    assert await waiting == 12, "promised an item, not this or that one"


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


@pytest.mark.feature("CB-F5")
async def test_closing_ends_receivers_after_what_is_held_and_refuses_senders() -> None:
    """Waiting receivers end, waiting and later senders get an error of the family, what is held is still had."""
    empty: Channel[int] = Channel("empty")
    full: Channel[int] = Channel("full", 1)
    await full.send(1)
    reader, reading = asyncio.create_task(empty.receive()), [item async for item in _closing(empty)]
    sender, thread = asyncio.create_task(full.send(2)), in_thread(lambda: full.put(3))
    await until(lambda: full.status().senders_waiting == 2)
    full.close()
    full.close()
    assert reading == []
    for refused in (reader, sender, thread):
        with pytest.raises(ChannelClosedError, match="is closed"):
            await refused
    with pytest.raises(CompanionError):
        await full.send(4)
    assert full.closed
    assert [item async for item in full] == [1]
    with pytest.raises(ChannelClosedError):
        await full.receive()


def _closing(channel: Channel[int]) -> Channel[int]:
    asyncio.get_running_loop().call_soon(channel.close)
    return channel


async def test_the_items_promised_when_it_closes_are_still_had() -> None:
    """A receiver whose item was on its way gets it after the close."""
    channel: Channel[int] = Channel("c")
    reader = asyncio.create_task(channel.receive())
    await settle()
    await channel.send(1)
    channel.close()
    assert await reader == 1


@pytest.mark.feature("CB-F5")
async def test_threads_put_and_get() -> None:
    """From a thread to a coroutine and back, with backpressure, to the end that ``for`` sees."""
    there: Channel[int] = Channel("there", 4)
    back: Channel[int] = Channel("back", 4)

    def double() -> None:
        for number in there:
            back.put(number * 2)
        back.close()

    async def feed() -> None:
        for number in range(500):
            await there.send(number)
        there.close()

    thread, feeding = in_thread(double), asyncio.create_task(feed())
    assert [number async for number in back] == [number * 2 for number in range(500)]
    await asyncio.gather(thread, feeding)


async def test_a_thread_gives_up_after_its_timeout_and_nothing_is_lost() -> None:
    """`TimeoutError` says so, 0 tries once, and what comes later is there for the next."""
    channel: Channel[int] = Channel("c", 1)

    def try_all() -> None:
        for timeout in (0, 0.001):
            with pytest.raises(TimeoutError, match="holds no item"):
                channel.get(timeout)
        channel.put(1, timeout=0)
        for timeout in (0, 0.001):
            with pytest.raises(TimeoutError, match="has no room"):
                channel.put(2, timeout)
        assert channel.get(timeout=0) == 1

    await in_thread(try_all)
    status = channel.status()
    assert (status.senders_waiting, status.receivers_waiting, status.sent, status.received) == (0, 0, 1, 1)


@pytest.mark.parametrize("capacity", [0, -1, 1.5, float("nan"), float("inf"), True, "9"])
def test_a_capacity_is_a_whole_number_from_one_on(capacity: Any) -> None:
    """A channel without bounds, without room or with NaN of it is refused."""
    with pytest.raises(InvalidArgumentError, match="capacity"):
        Channel("c", capacity)


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[31m", "n" * 129, "\ud800", None, 3])
def test_a_name_can_be_shown(name: Any) -> None:
    """Names stand in pages and logs: printable, and of bounded length."""
    with pytest.raises(InvalidArgumentError, match="no name for a channel"):
        Channel(name)


async def test_a_wrong_overflow_or_timeout_is_refused() -> None:
    """Each with what would be right."""
    with pytest.raises(InvalidArgumentError, match="wait, drop_oldest"):
        Channel("c", overflow="reject")  # type: ignore[arg-type]
    channel: Channel[int] = Channel("c")

    def wrong() -> None:
        for timeout in (float("nan"), -1, "3"):
            with pytest.raises(InvalidArgumentError, match="timeout"):
                channel.get(timeout)  # type: ignore[arg-type]

    await in_thread(wrong)


async def test_calls_for_threads_are_refused_on_a_loop_and_say_what_to_do() -> None:
    """They would block it; the text names the awaitable."""
    channel: Channel[int] = Channel("c")
    with pytest.raises(WrongThreadError, match=r"Use await channel\.send\(item\)"):
        channel.put(1)
    with pytest.raises(WrongThreadError, match=r"Use await channel\.receive\(\)"):
        channel.get(timeout=0)
    with pytest.raises(WrongThreadError):
        next(iter(channel))


async def test_draining_and_filling_let_the_loop_turn() -> None:
    """Neither has to wait for the other, and others still have their turns, though not with every item."""
    channel: Channel[int] = Channel("c", 10_000)
    turns = 0
    busy = True

    async def other() -> None:
        nonlocal turns
        while busy:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(other)
        for number in range(10_000):
            await channel.send(number)
        for _ in range(10_000):
            await channel.receive()
        busy = False
    assert 200 < turns < 2000


async def test_a_loop_of_another_thread_takes_part() -> None:
    """A channel belongs to no loop: a coroutine that waits in one is woken from another."""
    channel: Channel[str] = Channel("c")

    async def receive() -> str:
        return await channel.receive()

    other = in_thread(lambda: asyncio.run(receive()))
    await until(lambda: channel.status().receivers_waiting == 1)
    await channel.send("over")
    assert await other == "over"


async def test_the_status_shows_who_waits_and_what_went_through() -> None:
    """Exact at every moment, and plain JSON."""
    channel: Channel[int] = Channel("perception->planning", 2)
    readers = [asyncio.create_task(channel.receive()) for _ in range(2)]
    await settle()
    assert channel.status().receivers_waiting == 2
    await channel.send(1)
    await channel.send(2)
    await asyncio.gather(*readers)
    for number in (3, 4):
        await channel.send(number)
    sender = asyncio.create_task(channel.send(5))
    await settle()
    assert msgspec.to_builtins(channel.status()) == {
        "name": "perception->planning",
        "capacity": 2,
        "overflow": "wait",
        "waiting": 2,
        "senders_waiting": 1,
        "receivers_waiting": 0,
        "sent": 4,
        "received": 2,
        "dropped": 0,
        "closed": False,
    }
    sender.cancel()
    await asyncio.wait([sender])
    assert "2 of 2" in repr(channel)


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
