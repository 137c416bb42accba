"""Resources by name: registration, time limits, both kinds of `with`, bounds, status, closing; without a brain."""

from __future__ import annotations

import asyncio
import math
import threading
from typing import Any

import msgspec
import pytest

from companion_async import (
    BrainClosedError,
    InvalidArgumentError,
    LockSettings,
    LockTimeoutError,
    ResourceCoordinator,
    TooManyLocksError,
    UnknownResourceError,
    WrongThreadError,
)
from companion_async.testing.clock import VirtualClock, settle, until
from tests.locks.clients import READ, WRITE, Client, coordinator, in_thread


@pytest.mark.feature("PR-01")
async def test_a_resource_is_registered_once_under_a_name_and_a_type():
    """Wrong names, wrong types and names that are taken are refused, and unknown ones are named."""
    made = coordinator()
    wrong: Any
    for wrong in ("", "a b", None, "x" * 65):
        with pytest.raises(InvalidArgumentError):
            made.register_resource(wrong, 1, "network")
    with pytest.raises(InvalidArgumentError, match="resource_type must be one of episodic_memory"):
        made.register_resource("other", 1, "toaster")
    with pytest.raises(InvalidArgumentError, match="registered already"):
        made.register_resource("memory", 1, "network")
    made.register_resource("other", None, "file_io")
    for wrong in ("unknown", None, ["memory"]):
        with pytest.raises(UnknownResourceError):
            made.acquire_context(wrong, READ)
    async with made.acquire_context("other", "read") as value:
        assert value is None
    assert made.get_resource_status("other").resource_type == "file_io"


@pytest.mark.feature("PR-01")
async def test_a_resource_that_is_unregistered_is_gone_for_those_who_wait():
    """Who waits is told, who holds goes on, and the name is free."""
    made = coordinator()
    async with made.acquire_context("memory", WRITE):
        waiting = Client(made, READ)
        await settle()
        made.unregister_resource("memory")
        with pytest.raises(UnknownResourceError):
            await waiting.task
        made.register_resource("memory", "new", "network")
        async with made.acquire_context("memory", WRITE, timeout=0) as value:
            assert value == "new"
    assert made.get_coordinator_metrics().held == 0


@pytest.mark.feature("PR-06", "PR-11")
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1, True, "1", 10**400])
async def test_times_that_could_not_be_meant_are_refused(wrong):
    """As a timeout or a lease, at the door."""
    made = coordinator()
    with pytest.raises(InvalidArgumentError):
        made.acquire_context("memory", READ, timeout=wrong)
    with pytest.raises(InvalidArgumentError):
        made.acquire_context("memory", READ, lease=wrong)
    with pytest.raises(InvalidArgumentError):
        made.acquire_context("memory", "append")
    with pytest.raises(InvalidArgumentError):
        made.acquire_context("memory", READ, priority="hurry")


@pytest.mark.feature("PR-06")
@pytest.mark.parametrize("timeout", [0, 0.0])
async def test_a_timeout_of_zero_tries_once(timeout):
    """Free: it is had. Taken: `LockTimeoutError` without a turn of the loop."""
    made = coordinator()
    async with made.acquire_context("memory", WRITE, timeout=timeout):
        client = Client(made, WRITE, timeout=timeout)
        await asyncio.sleep(0)
        assert client.task.done()
        with pytest.raises(LockTimeoutError):
            await client.task
    status = made.get_resource_status("memory")
    assert (status.timeouts, status.contention, status.acquisitions) == (1, 1, 1)


@pytest.mark.feature("PR-06")
async def test_without_a_timeout_of_its_own_a_wait_has_the_default_and_none_means_no_end():
    """After `default_timeout` it is over; with None it goes on."""
    clock = VirtualClock()
    made = coordinator(clock, default_timeout=3.0)
    holder = await made.acquire_resource("memory", WRITE)
    usual, patient = Client(made, READ), Client(made, READ, timeout=None)
    await clock.advance(2.9)
    assert not usual.task.done()
    await clock.advance(0.2)
    with pytest.raises(LockTimeoutError):
        await usual.task
    await clock.advance(1000)
    assert not patient.task.done()
    made.release_resource(holder)
    await patient.end()


@pytest.mark.feature("PR-07")
async def test_threads_and_coroutines_wait_for_each_other():
    """A thread's `with` and a coroutine's `async with` take turns on one resource, and wake each other."""
    made = coordinator()
    leave, order = threading.Event(), []

    def hold() -> None:
        with made.acquire_context("memory", WRITE) as value:
            order.append(value)
            leave.wait(30)
            order.append("thread leaves")

    thread = in_thread(hold)
    await until(lambda: len(order) == 1)
    client = Client(made, READ)
    await settle()
    assert not client.inside
    leave.set()
    await until(lambda: client.inside)
    order.append("coroutine inside")
    leave.clear()
    second = in_thread(hold)
    await until(lambda: len(made.get_resource_status("memory").waiters) == 1)
    leave.set()
    await client.end()
    await until(lambda: len(order) == 5)
    assert order == [{"a": 1}, "thread leaves", "coroutine inside", {"a": 1}, "thread leaves"]
    thread.join()
    second.join()


@pytest.mark.feature("PR-07", "PR-06")
async def test_each_side_is_told_which_with_is_its_own():
    """`with` on a loop names `async with`; `async with` without a loop names `with`; a thread's wait has its limit."""
    made = coordinator()
    with pytest.raises(WrongThreadError, match="async with"), made.acquire_context("memory", READ):
        pass
    outcome: list[Any] = []

    def other() -> None:
        lock = made.acquire_context("memory", READ)
        try:
            lock.__aenter__().send(None)
        except InvalidArgumentError as error:
            outcome.append(str(error))
        try:
            with made.acquire_context("memory", READ, timeout=0.01):
                outcome.append("got in")
        except LockTimeoutError as error:
            outcome.append(error.timeout)

    async with made.acquire_context("memory", WRITE):
        thread = in_thread(other)
        await until(lambda: len(outcome) == 2)
    thread.join()
    assert "in a thread use 'with'" in outcome[0]
    assert outcome[1] == 0.01


@pytest.mark.feature("PR-10")
async def test_no_more_locks_than_allowed_are_held_or_waited_for():
    """The one too many is refused at once and leaves nothing behind; with one less there is room again."""
    made = coordinator(max_concurrent_locks=3)
    readers = [Client(made, READ) for _ in range(2)]
    await settle()
    waiting = Client(made, WRITE)
    await settle()
    with pytest.raises(TooManyLocksError, match="3 locks are held or waited for"):
        await made.acquire_resource("memory", READ)
    await readers[0].end()
    third = Client(made, READ)
    await settle()
    metrics = made.get_coordinator_metrics()
    assert (metrics.held, metrics.waiting, metrics.peak_locks) == (1, 2, 3)
    for client in (readers[1], waiting, third):
        await client.end()
    mine = [await made.acquire_resource("memory", READ) for _ in range(3)]
    with pytest.raises(TooManyLocksError):
        await made.acquire_resource("memory", READ)
    assert made.release_resource(mine[0])
    await made.acquire_resource("memory", READ)


@pytest.mark.feature("PR-12")
async def test_status_and_metrics_say_who_holds_who_waits_and_how_long_it_took():
    """Counts, waits and times are those that were, as frozen structs that encode to JSON."""
    clock = VirtualClock()
    made = coordinator(clock)
    made.register_resource("other", None, "network")
    first = Client(made, WRITE, holder="planner", priority="high")
    await settle()
    second = Client(made, READ, holder="reader")
    await clock.advance(2)
    status = made.get_resource_status("memory")
    [holder], [waiter] = status.holders, status.waiters
    assert (holder.holder, holder.mode, holder.priority, holder.seconds) == ("planner", "write", "high", 2)
    assert (waiter.holder, waiter.mode, waiter.priority, waiter.seconds) == ("reader", "read", "medium", 2)
    await first.end()
    await second.end()
    async with made.acquire_context("other", READ):
        pass
    status = made.get_resource_status("memory")
    assert (status.requests, status.acquisitions, status.contention) == (2, 2, 1)
    assert status.average_wait == 2
    assert status.p99_wait == pytest.approx(2, rel=0.02)
    metrics = made.get_coordinator_metrics()
    assert (metrics.resources, metrics.requests, metrics.acquisitions, metrics.contention) == (2, 3, 3, 1)
    assert msgspec.json.decode(msgspec.json.encode(metrics))["max_concurrent_locks"] == 10_000
    assert msgspec.json.decode(msgspec.json.encode(status))["resource_id"] == "memory"
    with pytest.raises(AttributeError):
        status.requests = 0  # type: ignore[misc]


@pytest.mark.feature("PR-06", "PR-13")
async def test_after_closing_everybody_is_told_and_what_is_held_can_be_let_go():
    """Waits end with `BrainClosedError`, and so does asking."""
    made = coordinator()
    holder = await made.acquire_resource("memory", WRITE)
    client = Client(made, WRITE)
    await settle()
    made.close()
    with pytest.raises(BrainClosedError):
        await client.task
    with pytest.raises(BrainClosedError):
        await made.acquire_resource("memory", READ)
    assert made.release_resource(holder)


@pytest.mark.feature("PR-10")
@pytest.mark.parametrize(
    "wrong", [{"max_concurrent_locks": 0}, {"default_timeout": math.nan}, {"ageing_span": -1}, {"default_timeout": 0}]
)
def test_settings_that_could_not_be_meant_are_refused(wrong):
    """At the constructor, before anything is shared."""
    with pytest.raises(InvalidArgumentError):
        ResourceCoordinator(LockSettings(**wrong))
