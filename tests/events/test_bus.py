"""The event bus: patterns, bounds, ends, and what it costs with nobody listening."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from typing import ClassVar

import anyio
import pytest

from companion_async.errors import BrainClosedError, InvalidArgumentError
from companion_async.events.bus import EventBus
from companion_async.events.kinds import Event
from companion_async.events.stream import EventStream
from companion_async.testing.clock import settle
from tests.events.facts import completed, failed, paused, taken


async def test_patterns_choose_exact_kinds_families_or_everything() -> None:
    """``task.completed``, ``task.*`` and ``*`` each get what they name and nothing else."""
    bus = EventBus()
    async with bus.subscribe("task.completed") as exact, bus.subscribe("task.*") as family, bus.subscribe() as all_:
        for event in (completed(), failed(), paused()):
            bus.publish(event)
        assert [len(exact), len(family), len(all_)] == [1, 2, 3]
        assert (await anext(exact)).kind == "task.completed"


@pytest.mark.parametrize("pattern", ["task.complete", "tasks.*", "task", "task.", "", ".*", "**", None, 3])
def test_a_pattern_that_can_match_nothing_is_refused(pattern: object) -> None:
    """A typing error is told at once, with the kinds there are, for streams and handlers alike."""
    bus = EventBus()
    with pytest.raises(InvalidArgumentError, match=r"task\.completed"):
        bus.subscribe(pattern)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match=r"task\.\*"):
        bus.add_handler(pattern, print)  # type: ignore[arg-type]


@pytest.mark.parametrize("capacity", [0, -1, 2.5, True, "9"])
def test_a_stream_needs_room_for_one_event_at_least(capacity: object) -> None:
    """The bound is a whole number from 1 on."""
    with pytest.raises(InvalidArgumentError, match="capacity"):
        EventBus().subscribe("*", capacity)  # type: ignore[arg-type]


async def test_a_topic_is_active_only_while_someone_listens_to_its_kind() -> None:
    """The flag that publishers ask follows exact, family and star subscriptions, and handlers, in and out."""
    async with EventBus() as bus:
        topic = bus.topic("task.completed")
        assert topic is bus.topic("task.completed")
        assert not topic.active
        async with bus.subscribe("module.*"):
            assert not topic.active
            assert bus.topic("module.paused").active
        async with bus.subscribe("task.*"), bus.subscribe("*"):
            assert (topic.active, topic.listeners) == (True, 2)
        assert (topic.active, topic.listeners) == (False, 0)
        bus.add_handler("task.completed", print)
        assert topic.active
        assert bus.remove_handler("task.completed", print)
        assert not topic.active
        bus.add_handler("*", print)
        assert bus.topic("custom.kind").active, "a topic that comes later knows who listens already"


async def test_a_reader_far_behind_loses_the_oldest_and_holds_nobody_up() -> None:
    """BUS-01: the slow stream keeps the newest of its capacity and counts the rest; the other one misses nothing."""
    async with EventBus() as bus:
        async with bus.subscribe("task.*", capacity=3) as slow, bus.subscribe("task.*", capacity=1000) as quick:
            for number in range(1000):
                bus.publish(completed(number))
            assert slow.dropped == 997
            assert bus.stats().dropped == 997
            assert await taken(slow) == ["997", "998", "999"]
            assert len(await taken(quick)) == 1000
            assert quick.dropped == 0
        assert bus.stats().dropped == 997, "the total remembers streams that have ended"


async def test_a_waiting_reader_is_woken_by_an_event() -> None:
    """A reader that came first gets the event when it comes."""
    async with EventBus() as bus, bus.subscribe("*") as stream:
        got: list[Event] = []

        async def read() -> None:
            got.append(await anext(stream))

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await settle()
            assert got == []
            bus.publish(completed())
        assert [event.kind for event in got] == ["task.completed"]


async def test_cancelling_a_reader_loses_no_event() -> None:
    """A reader that gives up while waiting leaves the stream whole for the next."""
    async with EventBus() as bus, bus.subscribe("*") as stream:
        with anyio.move_on_after(0):
            await anext(stream)
        bus.publish(completed("a"))
        assert await taken(stream) == ["a"]


async def test_leaving_the_block_ends_the_subscription() -> None:
    """After the block nothing is held, nothing is delivered, and iterating ends at once."""
    async with EventBus() as bus:
        async with bus.subscribe("*") as stream:
            bus.publish(completed())
        bus.publish(completed())
        assert len(stream) == 0
        assert [event async for event in stream] == []
        assert bus.stats().streams == 0


async def test_a_stream_can_be_entered_once() -> None:
    """Entering the same stream twice is refused; the first entry stands."""
    async with EventBus() as bus, bus.subscribe("*") as stream:
        with pytest.raises(InvalidArgumentError):
            await stream.__aenter__()
        bus.publish(completed())
        assert len(stream) == 1


async def test_closing_the_bus_ends_streams_after_what_they_hold() -> None:
    """A waiting reader ends cleanly; one with a backlog gets it first; later subscriptions are refused."""
    bus = EventBus()
    ended: list[list[str]] = []

    async def read(stream: EventStream) -> None:
        ended.append([event.kind async for event in stream])

    async with bus.subscribe("task.*") as waiting, bus.subscribe("module.*") as behind:
        async with anyio.create_task_group() as group:
            group.start_soon(read, waiting)
            await settle()
            bus.publish(paused())
            bus.close()
            bus.close()
            bus.publish(paused())
        await read(behind)
    assert ended == [[], ["module.paused"]]
    assert not bus.topic("module.paused").active
    with pytest.raises(BrainClosedError):
        bus.subscribe("*")
    with pytest.raises(BrainClosedError):
        bus.add_handler("*", print)


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_hundred_thousand_subscriptions_leave_the_memory_flat() -> None:
    """BUS-05: streams and handlers that came and went leave nothing behind in the bus."""
    bus = EventBus()

    async def churn(rounds: int) -> None:
        for _ in range(rounds):
            async with bus.subscribe("task.completed", capacity=4):
                pass

            def handler(event: Event) -> None: ...

            bus.add_handler("task.*", handler)
            assert bus.remove_handler("task.*", handler)

    await churn(1000)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    await churn(2000)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    await churn(47_000)
    assert grown < 20_000
    assert (bus.stats().streams, bus.stats().handlers) == (0, 0)


async def test_draining_a_long_backlog_lets_the_loop_turn() -> None:
    """BUS-08: a reader that never has to wait still yields often, so other tasks stay prompt."""
    async with EventBus() as bus, bus.subscribe("*", capacity=10_000) as stream:
        for number in range(10_000):
            bus.publish(completed(number))
        turns = 0

        async def other() -> None:
            nonlocal turns
            while len(stream):
                turns += 1
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as group:
            group.start_soon(other)
            assert len(await taken(stream)) == 10_000
        assert 100 < turns < 1000, "and it does not pay for a turn with every event"


async def test_other_threads_publish_through_the_loop() -> None:
    """`publish_threadsafe` delivers on the loop's thread; unheard, unentered or too late it does nothing."""
    bus = EventBus()
    bus.publish_threadsafe(completed())
    async with bus, bus.subscribe("*") as stream:
        where: list[int] = []
        bus.add_handler("*", lambda event: where.append(threading.get_ident()))
        thread = threading.Thread(target=bus.publish_threadsafe, args=(completed("far"),))
        thread.start()
        with anyio.fail_after(30):
            assert (await anext(stream)).kind == "task.completed"
        thread.join()
        assert where == [threading.get_ident()]
    bus.publish_threadsafe(completed())


class _Rang(Event, frozen=True, tag="door.rang"):
    kind: ClassVar[str] = "door.rang"


async def test_a_kind_that_nobody_has_heard_of_reaches_those_who_hear_everything() -> None:
    """An application's own event needs no registration."""
    async with EventBus() as bus, bus.subscribe("*") as stream:
        bus.publish(_Rang())
        assert await taken(stream) == ["door.rang"]


async def test_a_flood_of_one_kind_costs_the_listeners_of_another_nothing() -> None:
    """BUS-09: what must not be missed has a stream of its own, or a plain handler, which misses nothing at all."""
    heard: list[str] = []
    async with EventBus() as bus:
        bus.add_handler("*", lambda event: heard.append(event.kind))
        async with bus.subscribe("task.*", capacity=2) as flooded, bus.subscribe("module.*", capacity=3) as calm:
            for number in range(999):
                bus.publish(completed(number))
                if number % 333 == 0:
                    bus.publish(paused())
            assert flooded.dropped == 997
            assert (calm.dropped, len(calm)) == (0, 3)
        assert len(heard) == 999 + 3
