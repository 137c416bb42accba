"""The lock itself: who shares, who is alone, who goes first, and who is let in when somebody leaves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from companion_async import (
    LockTimeoutError,
    LockUpgradeError,
)
from companion_async.locks.line import Line
from companion_async.testing.clock import VirtualClock, settle
from tests.locks.clients import EXCLUSIVE, READ, WRITE, Client, coordinator


@pytest.mark.feature("PR-02", "PR-03", "PR-04")
async def test_readers_share_a_writer_and_the_exclusive_are_alone():
    """Two readers are inside at once; a writer and an exclusive holder only without anybody else."""
    made = coordinator()
    one, two = Client(made, READ), Client(made, READ)
    await settle()
    assert one.inside
    assert two.inside
    writer, alone = Client(made, WRITE), Client(made, EXCLUSIVE)
    await settle()
    assert (writer.inside, alone.inside) == (False, False)
    await one.end()
    await two.end()
    await settle()
    assert (writer.inside, alone.inside) == (True, False)
    await writer.end()
    await settle()
    assert alone.inside
    late = Client(made, READ)
    await settle()
    assert not late.inside
    await alone.end()
    await late.end()


@pytest.mark.feature("PR-05")
async def test_a_writer_may_write_again_and_read_and_a_reader_read_again():
    """Re-entrant where waiting would be for oneself, with somebody else in line too; upgrades are refused."""
    made = coordinator()
    async with made.acquire_context("memory", WRITE):
        other = Client(made, WRITE)
        await settle()
        async with made.acquire_context("memory", WRITE), made.acquire_context("memory", READ):
            assert not other.inside
        await settle()
        assert not other.inside
    await settle()
    assert other.inside
    await other.end()
    async with made.acquire_context("memory", READ):
        other = Client(made, WRITE)
        await settle()
        async with made.acquire_context("memory", READ):
            with pytest.raises(LockUpgradeError):
                await made.acquire_resource("memory", WRITE)
    await settle()
    await other.end()


@pytest.mark.feature("PR-05")
async def test_a_downgrade_lets_nobody_in_between():
    """Read inside the write, let go of the write: readers come in, a writer that stood in line before does not."""
    made = coordinator()
    writing = await made.acquire_resource("memory", WRITE)
    writer, reader = Client(made, WRITE), Client(made, READ)
    await settle()
    reading = await made.acquire_resource("memory", READ)
    assert made.release_resource(writing)
    await settle()
    assert not writer.inside
    assert not reader.inside  # it came after the writer
    assert made.release_resource(reading)
    await settle()
    assert writer.inside
    await writer.end()
    await reader.end()


@pytest.mark.feature("PR-05", "PR-03")
async def test_two_that_were_readers_never_write_together():
    """Both let go and ask to write: one after the other."""
    made = coordinator()
    readers = [Client(made, READ) for _ in range(2)]
    await settle()
    for reader in readers:
        await reader.end()
    writers = [Client(made, WRITE) for _ in range(2)]
    await settle()
    assert [writer.inside for writer in writers] == [True, False]
    for writer in writers:
        await writer.end()


@pytest.mark.feature("PR-08")
@pytest.mark.parametrize("how", ["cancelled", "timed out"])
async def test_readers_behind_a_writer_that_leaves_are_let_in_at_once(how):
    """A queued writer keeps readers waiting only as long as it waits itself."""
    clock = VirtualClock()
    made = coordinator(clock)
    reader = Client(made, READ)
    await settle()
    writer = Client(made, WRITE, timeout=5)
    behind = [Client(made, READ) for _ in range(3)]
    await settle()
    assert not any(one.inside for one in behind)
    if how == "cancelled":
        writer.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writer.task
    else:
        await clock.advance(5)
        with pytest.raises(LockTimeoutError, match=r"'memory' was not free within 5 s"):
            await writer.task
    await settle()
    assert all(one.inside for one in behind)
    for one in (reader, *behind):
        await one.end()


@pytest.mark.feature("PR-08")
@pytest.mark.parametrize("flood", [READ, WRITE])
async def test_nobody_waits_for_those_who_come_later(flood):
    """However many readers, or writers, keep coming: who stood in line before them is served before them."""
    made = coordinator()
    first = Client(made, flood)
    await settle()
    other = Client(made, WRITE if flood is READ else READ)
    await settle()
    later = [Client(made, flood) for _ in range(20)]
    await settle()
    assert not other.inside
    await first.end()
    await settle()
    assert other.inside
    assert not any(one.inside for one in later)
    for one in (other, *later):
        await one.end()


@pytest.mark.feature("PR-08")
async def test_urgent_requests_go_first_and_others_age():
    """A critical request passes those of a lower level, but not one that has waited for longer than its lead."""
    clock = VirtualClock()
    made = coordinator(clock, ageing_span=10.0)
    order: list[str] = []

    async def client(name: str, priority: str) -> None:
        async with made.acquire_context("memory", WRITE, timeout=None, priority=priority):
            order.append(name)

    holder = await made.acquire_resource("memory", WRITE)
    tasks = [asyncio.create_task(client("old idle", "idle"))]
    await clock.advance(41)
    tasks += [asyncio.create_task(client(name, name)) for name in ("low", "medium", "critical", "high")]
    await settle()
    made.release_resource(holder)
    await asyncio.gather(*tasks)
    assert order == ["old idle", "critical", "high", "medium", "low"]


@pytest.mark.feature("PR-08", "PR-10")
async def test_ten_thousand_wait_and_each_release_looks_at_the_first_alone(monkeypatch):
    """Writers in line, ten thousand of them: served in order, with a bounded number of steps for each."""
    asyncio.get_running_loop().set_debug(False)  # it looks at each of their creations
    made = coordinator(max_concurrent_locks=20_000)
    looks = 0
    rank = Line._rank

    def counted(line: Any, request: Any) -> Any:
        nonlocal looks
        looks += 1
        return rank(line, request)

    monkeypatch.setattr(Line, "_rank", counted)
    order: list[int] = []

    async def client(number: int) -> None:
        async with made.acquire_context("memory", WRITE, timeout=None):
            order.append(number)

    holder = await made.acquire_resource("memory", WRITE)
    tasks = [asyncio.create_task(client(number)) for number in range(10_000)]
    await asyncio.sleep(0)
    assert made.get_coordinator_metrics().waiting == 10_000
    made.release_resource(holder)
    await asyncio.gather(*tasks)
    assert order == list(range(10_000))
    assert looks <= 2 * 10_001


@pytest.mark.feature("PR-08")
async def test_nobody_takes_a_lock_between_its_grant_and_the_wake_up_of_its_owner():
    """The next in line owns the lock from the release on: who tries at once, in the same turn, does not get it."""
    made = coordinator()
    holder = await made.acquire_resource("memory", WRITE)
    client = Client(made, WRITE)
    await settle()
    made.release_resource(holder)
    assert not client.inside
    with pytest.raises(LockTimeoutError):
        await made.acquire_resource("memory", READ, timeout=0)
    await settle()
    assert client.inside
    await client.end()
