"""Owners: who lets go, what becomes of locks whose owner cannot, leases, and cancelled waits."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
from typing import Any

import pytest

from companion_async import (
    InvalidArgumentError,
    LockNotHeldError,
    LockTimeoutError,
)
from companion_async.testing.clock import VirtualClock, settle, until
from tests.locks.clients import EXCLUSIVE, READ, WRITE, Client, coordinator, in_thread


@pytest.mark.feature("PR-03", "PR-13")
async def test_only_the_owner_releases_and_only_once():
    """Another's release is an error and changes nothing; a second one says False; a lock is for one block."""
    made = coordinator()
    lock = await made.acquire_resource("memory", WRITE, holder="me")

    async def other() -> None:
        made.release_resource(lock)

    with pytest.raises(LockNotHeldError, match="'memory' belongs to coroutine"):
        await asyncio.create_task(other())
    assert lock.held
    with pytest.raises(InvalidArgumentError, match="for one block"):  # nor does anybody take it over
        await asyncio.create_task(lock.__aenter__())
    assert made.release_resource(lock) is True
    assert made.release_resource(lock) is False
    with pytest.raises(InvalidArgumentError, match="for one block"):
        await lock.__aenter__()
    strangers: list[Any] = [None, "memory", coordinator().acquire_context("memory", READ)]
    for wrong in strangers:
        with pytest.raises(InvalidArgumentError):
            made.release_resource(wrong)
    stale = await made.acquire_resource("memory", WRITE)
    assert stale.fence > lock.fence
    assert made.release_resource(lock) is False
    assert stale.held


@pytest.mark.feature("PR-13")
@pytest.mark.parametrize("end", ["returns", "raises", "is cancelled"])
async def test_a_coroutine_that_ends_lets_go(end):
    """However it ends, with a lock it never released: the next has it, and knows that the resource is suspect."""
    made = coordinator()
    acquired = asyncio.Event()

    async def forgetful() -> None:
        await made.acquire_resource("memory", WRITE)
        acquired.set()
        if end == "raises":
            raise LookupError
        if end == "is cancelled":
            await asyncio.Event().wait()

    task = asyncio.create_task(forgetful())
    await acquired.wait()
    if end == "is cancelled":
        task.cancel()
    await asyncio.wait([task])
    async with made.acquire_context("memory", WRITE):
        pass
    assert task.exception() if end == "raises" else True
    assert made.get_resource_status("memory").suspect
    made.clear_suspect("memory")
    assert not made.get_resource_status("memory").suspect


@pytest.mark.feature("PR-13")
async def test_what_a_thread_held_that_has_ended_goes_to_the_next_who_asks():
    """A thread cannot say that it ends: it is noticed when somebody wants the lock."""
    made = coordinator()
    thread = in_thread(lambda: made.acquire_context("memory", WRITE).__enter__())
    thread.join()
    assert len(made.get_resource_status("memory").holders) == 1
    async with made.acquire_context("memory", WRITE, timeout=0) as value:
        assert value == {"a": 1}
    assert made.get_resource_status("memory").suspect


@pytest.mark.feature("PR-11")
async def test_a_lock_without_a_lease_is_never_lost_in_use():
    """Used for a day, far beyond every timeout: still held, and still alone."""
    clock = VirtualClock()
    made = coordinator(clock)
    lock = await made.acquire_resource("memory", WRITE, timeout=1)
    await clock.advance(86_400)
    with pytest.raises(LockTimeoutError):
        await asyncio.create_task(made.acquire_resource("memory", READ, timeout=0))
    assert made.release_resource(lock) is True


@pytest.mark.feature("PR-11")
@pytest.mark.parametrize("waiter", ["coroutine", "thread", "one who comes later"])
async def test_a_lease_that_was_asked_for_ends(waiter):
    """Whoever waits has the lock at that instant; the late release changes nothing; the resource is suspect."""
    clock = VirtualClock()
    made = coordinator(clock)
    first = await made.acquire_resource("memory", READ)
    leased = Client(made, WRITE, timeout=None, lease=5)
    await settle()
    inside, leave = threading.Event(), threading.Event()

    def enter() -> None:
        with made.acquire_context("memory", WRITE, timeout=None):
            inside.set()
            leave.wait(30)

    client = thread = None
    if waiter == "coroutine":  # it stood in line before the lease began
        client = Client(made, WRITE, timeout=None)
    elif waiter == "thread":
        thread = in_thread(enter)
    await until(lambda: len(made.get_resource_status("memory").waiters) == (1 if waiter.startswith("one") else 2))
    made.release_resource(first)
    await settle()
    assert leased.inside
    await clock.advance(4.9)
    assert not made.get_resource_status("memory").suspect
    await clock.advance(0.2)
    if client is None and thread is None:
        client = Client(made, WRITE, timeout=0)
    await until(lambda: client.inside if client is not None else inside.is_set())
    assert made.get_resource_status("memory").suspect
    await leased.end()
    assert len(made.get_resource_status("memory").holders) == 1
    leave.set()
    if client is not None:
        await client.end()
    if thread is not None:
        await until(lambda: not thread.is_alive())


@pytest.mark.feature("PR-13")
async def test_cancelling_at_every_await_of_an_acquire_loses_nothing():
    """A writer that is cancelled after each number of turns, before and after its grant: the lock always goes on."""
    for turns, granted_after in itertools.product(range(6), range(6)):
        made = coordinator()
        holder = await made.acquire_resource("memory", WRITE)
        client, behind = Client(made, WRITE), Client(made, WRITE)
        for turn in range(6):
            if turn == granted_after:
                made.release_resource(holder)
            if turn == turns:
                client.task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([client.task])
        await until(lambda: behind.inside)  # noqa: B023
        await behind.end()
        metrics = made.get_coordinator_metrics()
        assert (metrics.held, metrics.waiting) == (0, 0)
        assert metrics.requests == metrics.acquisitions + metrics.cancelled
        async with made.acquire_context("memory", EXCLUSIVE, timeout=0):
            pass


@pytest.mark.feature("PR-13")
async def test_owners_that_have_ended_are_forgotten():
    """A thousand coroutines that took a lock leave nothing behind."""
    made = coordinator()

    async def once() -> None:
        async with made.acquire_context("memory", READ):
            await asyncio.sleep(0)

    await asyncio.gather(*(once() for _ in range(1000)))
    await asyncio.sleep(0)
    gc.collect()
    assert made._ledger.owners == {}
    assert made._ledger.graph.waiting == {}


@pytest.mark.feature("PR-13")
def test_threads_that_have_ended_are_forgotten():
    """A hundred threads, one after the other, with a lock that nobody else wants: no more than the last is kept."""
    made = coordinator()

    def once() -> None:
        with made.acquire_context("memory", WRITE):
            pass

    for _ in range(100):
        in_thread(once).join()
    assert len(made._ledger.owners) == 1


@pytest.mark.feature("PR-05", "PR-11")
async def test_whose_turn_it_is_when_a_lease_ends_is_woken_by_whoever_notices():
    """The one that notices asks for more than it can have: it is refused, and the next in line goes on all the same."""
    clock = VirtualClock()
    made = coordinator(clock)
    mine = await made.acquire_resource("memory", READ)
    leased = asyncio.create_task(_keep(made))
    await settle()
    writer = Client(made, WRITE, timeout=None)
    await settle()
    made.release_resource(mine)
    clock._now += 6  # later, and no timer has fired yet
    with pytest.raises(LockTimeoutError):
        await made.acquire_resource("memory", READ, timeout=0)
    await settle()
    assert writer.inside
    await writer.end()
    leased.cancel()
    await asyncio.wait([leased])


async def _keep(made: Any) -> None:
    await made.acquire_resource("memory", READ, lease=5)
    await asyncio.Event().wait()
