"""Overload as it is offered, and the bound on waiting that follows from ageing."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.overload import offer
from benchmarks.suites.priority import latest_start
from companion_async import Priority, QueueFullError
from companion_async.testing.clock import until


@pytest.mark.feature("X-06")
def test_the_bound_is_the_ageing_and_the_run_of_what_then_stands_before():
    """Four spans for idle work, and eight threads less one work off queue, urgent room, line and one another's rest."""
    assert latest_start(Priority.IDLE, 100, 0.01, 0.1) == pytest.approx(0.4 + 0.01 * 18)
    assert latest_start(Priority.HIGH, 10, 0.01, 10.0) == pytest.approx(10 + 0.01 * 4)


async def test_calls_come_at_their_pace_however_few_come_back():
    """What is in flight is bounded; what is refused, by the callee or by the bound, is counted."""
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    going, calls = {1}, list[int]()

    async def forever() -> None:
        await never

    def call() -> asyncio.Future[None]:
        calls.append(1)
        if len(calls) > 4:
            raise QueueFullError("core", 4, 0.1)
        return asyncio.ensure_future(forever())

    offered = asyncio.ensure_future(offer(call, 1e5, 6, going))
    await until(lambda: len(calls) >= 50)
    going.clear()
    made, refused = await offered
    assert made == len(calls)
    assert refused == made - 4
    assert never.cancelled()
