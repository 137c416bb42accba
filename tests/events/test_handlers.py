"""Handlers of events: isolated, in order, bounded, and never set off by themselves."""

from __future__ import annotations

import asyncio
import threading

import anyio
import pytest
from loguru import logger

from companion_async.errors import InvalidArgumentError
from companion_async.events.bus import EventBus
from companion_async.events.kinds import Event, TaskCompleted
from companion_async.testing.clock import settle
from tests.events.facts import completed, failed, paused, taken


@pytest.mark.parametrize(
    "error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, StopIteration]
)
@pytest.mark.feature("PM-09")
async def test_whatever_a_handler_raises_ends_with_it(error: type[BaseException]) -> None:
    """BUS-02: the others are told, the publisher sees nothing, the error is counted; async handlers likewise."""
    told: list[str] = []

    def bad(event: Event) -> None:
        raise error

    async def bad_async(event: Event) -> None:
        raise error

    async with EventBus() as bus:
        entry = bus.add_handler("*", bad)
        entry_async = bus.add_handler("*", bad_async)
        bus.add_handler("*", lambda event: told.append(event.kind))
        bus.publish(completed())
        bus.publish(failed())
        await settle()
        assert told == ["task.completed", "task.failed"]
        assert (entry.calls, entry.errors) == (2, 2)
        assert (entry_async.calls, entry_async.errors) == (2, 2)
        assert bus.stats().handler_errors == 4
        bus.remove_handler("*", bad)
        assert bus.stats().handler_errors == 4


async def test_a_handler_that_publishes_to_its_own_kind_neither_hangs_nor_recurses() -> None:
    """BUS-03: with a full stream beside it, the handler's own event goes to the others and not back to it."""
    async with EventBus() as bus, bus.subscribe("task.*", capacity=1) as full:
        bus.publish(completed("old"))
        seen: list[str] = []

        def echo(event: Event) -> None:
            seen.append(event.kind)
            bus.publish(completed("echo"))

        entry = bus.add_handler("task.completed", echo)
        bus.publish(completed("new"))
        assert seen == ["task.completed"]
        assert entry.suppressed == 1
        assert full.dropped == 2
        assert await taken(full) == ["echo"]


async def test_everyone_sees_the_same_order_when_a_handler_publishes() -> None:
    """An event made by a handler comes after the one it answers, also for those told later than the handler."""
    async with EventBus() as bus:
        bus.add_handler("task.failed", lambda event: bus.publish(paused()))
        async with bus.subscribe("*") as stream:
            bus.publish(failed("f"))
            assert await taken(stream) == ["f", "module.paused"]


async def test_unsubscribing_and_subscribing_during_a_delivery_concern_the_next_event() -> None:
    """BUS-04: whoever listened when the event was published is told once, whoever came during it is not."""
    told: list[str] = []
    bus = EventBus()

    def second(event: Event) -> None:
        told.append("second")

    def late(event: Event) -> None:
        told.append("late")

    def first(event: Event) -> None:
        told.append("first")
        bus.remove_handler("*", first)
        bus.remove_handler("*", second)
        bus.add_handler("*", late)

    bus.add_handler("*", first)
    bus.add_handler("*", second)
    bus.publish(completed())
    assert told == ["first", "second"]
    bus.publish(completed())
    assert told == ["first", "second", "late"]


async def test_slow_async_handlers_use_no_threads_and_one_task_each() -> None:
    """BUS-06: 5,000 events for a handler that has not come back leave one task, no thread, and a bounded backlog."""
    gate, seen = anyio.Event(), list[str]()

    async def slow(event: Event) -> None:
        await gate.wait()
        assert isinstance(event, TaskCompleted)
        seen.append(event.task_id)

    async with EventBus() as bus:
        entry = bus.add_handler("task.*", slow)
        bus.publish(completed("first"))
        await settle()
        threads, tasks = threading.active_count(), len(asyncio.all_tasks())
        for number in range(5000):
            bus.publish(completed(number))
        await settle()
        assert (threading.active_count(), len(asyncio.all_tasks())) == (threads, tasks)
        gate.set()
        await settle()
        assert entry.stream is not None
        assert entry.stream.dropped == bus.stats().dropped == 4000
        assert seen == ["first", *map(str, range(4000, 5000))]


async def test_a_handler_of_failures_that_fails_does_not_set_itself_off() -> None:
    """BUS-07: a failing failure handler that also publishes a failure is called once per failure from elsewhere."""
    calls: list[str] = []

    def worse(event: Event) -> None:
        calls.append("worse")
        bus.publish(failed("again"))
        raise RuntimeError("the handler fails too")

    def mirror(event: Event) -> None:
        calls.append("mirror")
        bus.publish(failed("mirrored"))

    bus = EventBus()
    bus.add_handler("task.failed", worse)
    bus.add_handler("task.failed", mirror)
    bus.publish(failed())
    # Both are told of the first; each is told of what the other made, and the chain ends there.
    assert sorted(calls) == ["mirror", "mirror", "worse", "worse"]


async def test_closing_cancels_an_async_handler_in_the_middle() -> None:
    """The bus owns the tasks of its handlers: leaving it ends them, and they can clean up."""
    told: list[str] = []

    async def endless(event: Event) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            told.append("cleaned up")

    async with EventBus() as bus:
        entry = bus.add_handler("*", endless)
        bus.publish(completed())
        await settle()
    assert told == ["cleaned up"]
    assert entry.errors == 0, "being cancelled is no failure of the handler's"


async def test_async_handlers_added_before_the_bus_is_entered_run_from_then_on() -> None:
    """What was published in between is waiting for them; one that was removed hears nothing."""
    told: list[str] = []

    async def hear(event: Event) -> None:
        told.append(event.kind)

    bus = EventBus()
    bus.add_handler("task.*", hear)
    bus.publish(completed())
    async with bus:
        await settle()
        assert told == ["task.completed"]
        assert bus.remove_handler("task.*", hear)
        bus.publish(completed())
        await settle()
        assert not bus.remove_handler("task.*", hear)
    assert told == ["task.completed"]


def test_a_handler_that_always_fails_does_not_flood_the_log() -> None:
    """The 1st, 2nd, 4th, 8th ... failure is logged, by its name and the error's; a broken sink hurts nobody."""
    lines: list[str] = []
    logger.enable("companion_async")
    logger.add(lambda message: lines.append(message.record["message"]), format="{message}")

    def sink_that_fails(message: object) -> None:
        raise OSError

    logger.add(sink_that_fails, catch=False)

    def bad(event: Event) -> None:
        raise ValueError

    bus = EventBus()
    entry = bus.add_handler("*", bad)
    for _ in range(100):
        bus.publish(completed())
    assert entry.errors == 100
    assert len(lines) == 7
    assert "bad raised ValueError at task.completed (64 so far)" in lines[-1]


def test_handlers_must_be_callable() -> None:
    """A thing that cannot be called is refused when it is added."""
    with pytest.raises(InvalidArgumentError, match="callable"):
        EventBus().add_handler("*", "print")  # type: ignore[arg-type]
