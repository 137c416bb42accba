"""The suites on depth and start, and the settings of throughput and latency, measure what they say."""

from __future__ import annotations

import asyncio
import time

from benchmarks.goals import GOALS
from benchmarks.suites import depth, latency, start, throughput


def test_a_queue_is_filled_to_its_depth_and_emptied(monkeypatch):
    """Ours and the bare pool each at every depth, and what one task weighs where there are enough to tell."""
    monkeypatch.setattr(depth, "DEPTHS_QUICK", (100, 1_000, 2_000))
    shares: list[float] = []
    report = depth.measure("asyncio", quick=True, progress=shares.append)
    assert shares[-1] == 1.0
    found = {(one.contender, one.setting) for one in report.measurements}
    deep = {f"{size:,} queued" for size in (100, 1_000, 2_000)}
    assert found >= {(name, one) for name in depth.CONTENDERS for one in deep}
    assert {verdict.goal.split(" at ")[1] for verdict in report.verdicts} == {
        "2,000 queued >= 0.8 x 100 queued",
        "2,000 queued, one of them <= 1000 bytes",
    }


def test_a_start_is_timed_in_fresh_processes_with_and_without_caches(monkeypatch):
    """Compiling every module anew takes longer than reading what was compiled."""
    report = start.measure("asyncio", quick=True, progress=lambda share: None)
    taken = {(one.contender, one.setting): min(one.rounds) for one in report.measurements}
    assert {setting for _, setting in taken} == {
        *("import", "Brain ready", "import CompanionBrain", "CompanionBrain ready"),
    }
    assert taken[start.CACHED, "import"] < taken[start.UNCACHED, "import"]


def test_the_work_of_fifty_microseconds_is_measured_to_be_that():
    """Within what a busy machine allows, and long enough for hashlib to let go of the interpreter lock."""
    work, size = throughput.hashing(throughput.BUSY)
    assert size > 2048
    taken = []
    for _ in range(50):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    assert 5e-6 < min(taken) < 5e-4


async def test_every_client_has_its_turn_however_short_the_time_is():
    """So a rate is never nothing, even where all clients together take longer to begin than the time given."""
    calls: list[int] = []

    def call_of(client: int):
        async def call() -> None:
            calls.append(client)
            await asyncio.sleep(0)

        return call

    assert await throughput.rate(call_of, 50, 0.0) > 0
    assert sorted(set(calls)) == list(range(50))


def test_every_goal_names_a_setting_that_is_measured():
    """Otherwise it would never be judged."""
    settings = {throughput.setting(clients) for clients in throughput.CLIENTS} | {"p50", "p99"}
    mine = [goal for goal in GOALS if goal.suite in ("throughput", "latency")]
    assert mine
    assert {goal.setting for goal in mine} <= settings
    assert latency.TWO_QUEUES in {goal.peer for goal in mine}
