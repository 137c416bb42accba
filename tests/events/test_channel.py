"""Channels without a brain: order, bounds, ends, and what a cancellation may not do."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import msgspec
import pytest

from companion_async import Channel, ChannelClosedError, CompanionError, InvalidArgumentError, WrongThreadError
from companion_async.testing.clock import settle, until
from tests.events.facts import held, in_thread


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
