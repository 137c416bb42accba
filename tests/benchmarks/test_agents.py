"""The scale run, small: that it tells what it saw, and that what it saw holds here too."""

from __future__ import annotations

import pytest

from benchmarks.suites import agents
from benchmarks.suites.agents import companion, coroutines, slow, turn
from benchmarks.villages.course import PERIOD, Course


def test_one_agent_in_a_hundred_has_one_slow_module():
    """Of a thousand with ten modules each, ten modules in all."""
    assert sum(slow(agent, module) for agent in range(1000) for module in range(10)) == 10


@pytest.mark.slow
@pytest.mark.feature("U-7", "X-15", "PP-20")
async def test_agents_run_at_their_pace_beside_one_that_is_slow(monkeypatch):
    """Of a hundred modules at 1 Hz beside one of two seconds every run is made, and each tells how late it was."""
    monkeypatch.setattr(agents, "_START", 0.2)
    course: Course = await turn(companion, 10, 3.0)
    assert course.due == 10 * 10 * 3.0
    assert 0.97 * (course.due - 3) <= len(course.late) <= course.due + 100
    assert 0 <= course.p99 < PERIOD
    assert course.cpu > 0


@pytest.mark.slow
@pytest.mark.feature("U-7")
def test_the_report_tells_of_both_ways_and_of_how_far_ours_goes(monkeypatch):
    """Runs made, p99 lateness, processor, memory for each, and the pace at which it was still in time."""
    monkeypatch.setattr(agents, "AGENTS", 5)
    monkeypatch.setattr(agents, "_START", 0.2)
    monkeypatch.setattr(agents, "STEPS", (2, 3))
    shares: list[float] = []
    report = agents.measure("asyncio", quick=True, progress=shares.append)
    assert shares[-1] == pytest.approx(1.0)
    assert {one.contender for one in report.measurements} == {"companion", "coroutines with to_thread"}
    settings = {one.setting for one in report.measurements}
    light = {"runs made", "p99 late", "processor", "resident", "as many in time"}
    real = {"agents in time", "p99 late", "processor", "resident"}
    assert settings in (
        light | {f"real modules, {name}" for name in real},
        light | {"real modules, agents in time"},  # on a machine that is too busy even for two
    )
    assert {verdict.goal for verdict in report.verdicts} == {
        "agents at p99 late <= 50 ms",
        "agents at runs made >= 99.9 %",
    }
    chart, of_living = report.charts
    assert of_living.curves[0].x[0] == 2.0
    assert chart.curves[0].x == (50.0, 100.0)
    assert coroutines in agents.WAYS.values()
