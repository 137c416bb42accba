"""Agents with the built-in modules at one run a second: they live, and tell how late they are."""

from __future__ import annotations

import pytest

from benchmarks.villages import living
from benchmarks.villages.living import Reached, climb, live


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.feature("U-7", "PP-20", "PF-5")
async def test_agents_with_real_modules_run_ten_activities_a_second(monkeypatch):
    """Their runs are made, and each notes how late it was."""
    monkeypatch.setattr(living, "_SETTLED", 0.5)
    reached = await live(3, 2.0)
    assert reached.agents == 3
    assert reached.made > 0.6  # of twenty instants two may lie on either side of what is counted
    assert 0.0 <= reached.p99 < 1.0
    assert reached.cpu > 0


async def test_the_climb_ends_with_the_first_number_that_is_too_many(monkeypatch):
    """Which is among what was found, so that it is seen how it breaks."""

    async def so_many(agents, seconds):
        return Reached(agents, 0.04 if agents < 3 else 0.06, 1.0, 0.5, 1e6)

    monkeypatch.setattr(living, "live", so_many)
    shares: list[float] = []
    found = await climb(1.0, (1, 2, 3, 4), shares.append)
    assert [(one.agents, one.in_time) for one in found] == [(1, True), (2, True), (3, False)]
    assert shares == [0.25, 0.5, 0.75]
