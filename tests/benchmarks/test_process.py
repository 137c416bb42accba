"""The work of the suite crosses the border, and the probe beside it sees a loop that is held up."""

from __future__ import annotations

import asyncio
import time

import pytest

from benchmarks.suites.gil import beside_computing, compute
from benchmarks.suites.process import CONTENDERS, SMALL


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_our_contender_makes_both_kinds_of_calls():
    """The computing one gives its result, the small one none, from another process."""
    async with CONTENDERS["companion"](compute) as call_of:
        assert await call_of(0)() == compute()
        assert await call_of(SMALL)() is None
        assert call_of(SMALL) is not call_of(0)


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_the_probe_sees_how_late_the_loop_is():
    """Calls that hold the loop up for 20 ms show as that, and are counted."""

    async def hold_up() -> None:
        until = time.perf_counter() + 0.02
        while time.perf_counter() < until:
            pass
        await asyncio.sleep(0)

    late, done = await beside_computing(lambda client: hold_up, 0.3)
    assert max(late) >= 0.02
    assert 0 < done <= 50
