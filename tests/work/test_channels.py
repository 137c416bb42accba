"""Channels of a brain: shared by name, open to work in threads and on the loop, lent around, closed with the brain."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from companion_async import (
    Brain,
    BrainClosedError,
    BrainConfig,
    ChannelClosedError,
    InvalidArgumentError,
    TaskCancelledError,
)
from companion_async.testing.clock import VirtualClock, settle, until
from tests.work.house import Gate, ends, pool, running

CORE = "category:core"


@pytest.mark.feature("CB-F5")
async def test_one_name_is_one_channel() -> None:
    """From any thread; what is said again must not differ, what is left out is as it is."""
    async with running() as brain:
        channel = brain.channel("perception->planning", 8)
        assert brain.channel("perception->planning") is channel
        assert brain.channel("perception->planning", 8, overflow="wait") is channel
        assert await brain.to_thread(brain.channel, "perception->planning") is channel
        assert brain.channel("other").capacity == 64
        with pytest.raises(InvalidArgumentError, match="exists already, with capacity=8"):
            brain.channel("perception->planning", 9)
        with pytest.raises(InvalidArgumentError, match="overflow='wait'"):
            brain.channel("perception->planning", overflow="drop_oldest")
        with pytest.raises(InvalidArgumentError, match="capacity"):
            brain.channel("third", 0)
        assert brain.status().channels.keys() == {"perception->planning", "other"}
        channel.close()
        assert brain.status().channels.keys() == {"other"}
        assert brain.channel("perception->planning", 9) is not channel


@pytest.mark.feature("CB-F5")
@pytest.mark.parametrize("sender", ["thread", "loop"])
@pytest.mark.parametrize("receiver", ["thread", "loop"])
async def test_sender_and_receiver_share_a_category_of_one_slot(sender: str, receiver: str) -> None:
    """Work that waits for an item or for room lends its place: neither locks the other out, and places are exact."""
    async with running(categories={"core": 1}) as brain:
        channel = brain.channel("narrow", 2)

        def put() -> None:
            for number in range(20):
                channel.put(number)
            channel.close()

        async def send() -> None:
            for number in range(20):
                await channel.send(number)
            channel.close()

        def get() -> list[Any]:
            return list(channel)

        async def receive() -> list[Any]:
            return [number async for number in channel]

        reading = brain.submit(CORE, get if receiver == "thread" else receive, timeout=None)
        await until(lambda: channel.status().receivers_waiting == 1)
        writing = brain.submit(CORE, put if sender == "thread" else send, timeout=None)
        assert await reading == list(range(20))
        await writing
        await until(lambda: pool(brain).working == pool(brain).waiting == 0)


@pytest.mark.feature("CB-F5")
@pytest.mark.parametrize("kind", ["thread", "loop"])
async def test_work_that_waits_in_a_channel_heeds_its_cancellation(kind: str) -> None:
    """It stands in line no more, its thread is free, and the item goes to the next."""
    async with running(categories={"core": 1}) as brain:
        channel = brain.channel("quiet")

        def get() -> Any:
            return channel.get()

        task = brain.submit(CORE, get if kind == "thread" else channel.receive, timeout=None)
        await until(lambda: channel.status().receivers_waiting == 1)
        task.cancel("enough")
        with pytest.raises(TaskCancelledError):
            await task
        await until(lambda: channel.status().receivers_waiting == 0)
        await until(lambda: pool(brain).working == pool(brain).abandoned == 0)
        await channel.send(1)
        assert await brain.to_thread(channel.get) == 1


async def test_trying_once_keeps_the_place() -> None:
    """With a time limit of 0 nothing is waited for, so nothing is lent: who queues does not get in between."""
    async with running(categories={"core": 1}) as brain:
        channel, order, gate = brain.channel("quiet"), list[str](), Gate()

        def work() -> None:
            gate()
            with pytest.raises(TimeoutError):
                channel.get(timeout=0)
            order.append("first")

        first = brain.submit(CORE, work)
        await gate.holds(1)
        second = brain.submit(CORE, order.append, "second")
        gate.open()
        await asyncio.gather(first, second)
        assert order == ["first", "second"]


async def test_a_run_that_waits_longer_than_its_limit_takes_no_item() -> None:
    """The run's time limit holds while it waits in a channel."""
    clock = VirtualClock()
    async with running(clock) as brain:
        channel = brain.channel("quiet")
        task = brain.submit(CORE, lambda: channel.get(), timeout=3)
        await until(lambda: channel.status().receivers_waiting == 1)
        await clock.advance(3)
        assert ends(task) == ["timed_out"]
        await until(lambda: channel.status().receivers_waiting == 0)


async def test_the_time_limit_of_a_wait_in_work_is_the_brains_time() -> None:
    """A get of ten seconds gives up when the brain's clock says so."""
    clock = VirtualClock()
    async with running(clock) as brain:
        channel = brain.channel("quiet")
        task = brain.submit(CORE, lambda: channel.get(timeout=10), timeout=None)
        await until(lambda: channel.status().receivers_waiting == 1)
        await clock.advance(10)
        with pytest.raises(TimeoutError, match="holds no item after 10 s"):
            await task


@pytest.mark.feature("CB-F5")
async def test_channels_close_as_the_brain_begins_to_shut_down() -> None:
    """Work that would wait for ever ends with what is held, senders are told, and the shutdown is not held up."""
    brain = await Brain(BrainConfig(), clock=VirtualClock()).start()
    channel, full = brain.channel("in"), brain.channel("full", 1)
    await full.send(0)

    def get() -> list[Any]:
        return list(channel)

    async def receive() -> list[Any]:
        return [item async for item in channel]

    def put() -> None:
        full.put(1)

    readers = [brain.submit(CORE, work, timeout=None) for work in (get, receive)]
    writer = brain.submit(CORE, put, timeout=None)
    await until(lambda: channel.status().receivers_waiting == 2)
    await until(lambda: full.status().senders_waiting == 1)
    await channel.send("last")
    report = await brain.shutdown(timeout=60)
    assert (report.drained, report.cancelled, report.abandoned, report.seconds) == (3, 0, 0, 0.0)
    assert sorted([reader.result() for reader in readers]) == [[], ["last"]]
    assert isinstance(writer.exception(), ChannelClosedError)
    with pytest.raises(BrainClosedError):
        await channel.send("too late")
    with pytest.raises(BrainClosedError):
        brain.channel("new")


async def test_a_brain_that_was_not_started_has_no_channels() -> None:
    """It says so."""
    with pytest.raises(BrainClosedError, match="not started"):
        Brain().channel("c")


@pytest.mark.feature("CB-F5")
async def test_the_status_of_a_brain_shows_its_channels() -> None:
    """Capacity, what waits, who waits, and the totals, as plain JSON."""
    async with running() as brain:
        channel = brain.channel("perception->planning", 1)
        await channel.send({"seen": "a door"})
        sender = asyncio.create_task(channel.send({"seen": "a key"}))
        await settle()
        shown = brain.status().to_dict()["channels"]["perception->planning"]
        assert shown == {
            "name": "perception->planning",
            "capacity": 1,
            "overflow": "wait",
            "waiting": 1,
            "senders_waiting": 1,
            "receivers_waiting": 0,
            "sent": 1,
            "received": 0,
            "dropped": 0,
            "closed": False,
        }
        await channel.receive()
        await sender
