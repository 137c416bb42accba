"""A category that does not need its threads gives them up: they really go, and no running work is touched."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from companion_async import InvalidArgumentError
from companion_async.errors import CompanionError
from companion_async.events.kinds import CategoryResized
from companion_async.testing.clock import VirtualClock, settle, until
from tests.brain.rig import Gate, brain_on, fill, told, types


@pytest.mark.feature("CB-15")
async def test_low_utilization_for_a_minute_gives_back_limit_and_threads() -> None:
    """What had grown goes back to what was configured; the idle threads end, as the system sees them."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, categories={"core": 2}, scaling="plain") as brain:
        tasks = fill(brain, gate, 10)
        await gate.holds(2)
        for slots in (4, 6):
            await clock.advance(10)
            await gate.holds(slots)
        gate.open()
        await asyncio.gather(*tasks)
        await until(lambda: brain.status().categories["core"].active == 0)
        assert brain.status().categories["core"].total == 6
        await clock.advance(50)
        assert not types(brain, "scale_down")
        await clock.advance(140)
        await until(lambda: brain.status().categories["core"].total <= 2)
        core = brain.status().categories["core"]
        assert core.max == core.configured == 2
        assert brain.status().total_threads == len(core.workers) <= 2
        decision = types(brain, "scale_down")[0]
        assert (decision.context, decision.applied, decision.rule) == ("core", True, "scale.shrink")
        assert "Low utilization" in decision.reason
        await clock.advance(10)
        assert types(brain, "scale_down")[0].outcome.met is True
        assert await brain.to_thread(int) == 0


@pytest.mark.feature("CB-16", "CB-22")
async def test_a_thread_that_idled_five_minutes_goes() -> None:
    """Whatever the utilisation; the ones that work stay. The limit stays too, so that is no decision to scale."""
    clock, gate, held = VirtualClock(), Gate(), Gate()
    async with brain_on(clock, categories={"core": 4}, scale_down_after=100_000) as brain:
        tasks = fill(brain, gate, 4)
        await gate.holds(4)
        gate.open()
        await asyncio.gather(*tasks)
        running = fill(brain, held, 2)
        await held.holds(2)
        await clock.advance(290)
        assert brain.status().categories["core"].total == 4
        await clock.advance(20)
        await until(lambda: brain.status().categories["core"].total == 2)
        assert brain.status().categories["core"].max == 4
        assert not types(brain, "scale_down")
        assert held.inside == 2
        held.open()
        await asyncio.gather(*running)


@pytest.mark.feature("CB-15")
async def test_threads_that_a_burst_brought_go_home_when_it_is_over() -> None:
    """Those beyond the configured number, once they have been idle for two seconds; the limit goes later, and the first
    ones stay.
    """
    clock = VirtualClock()
    async with brain_on(clock, categories={"core": 2}) as brain:
        for _ in range(10):
            gate = Gate()
            tasks = fill(brain, gate, 12)
            for _ in range(3):
                await gate.holds(min(12, brain.status().categories["core"].max))
                await clock.advance(0.5)
            gate.open()
            await asyncio.gather(*tasks)
        await until(lambda: brain.status().categories["core"].active == 0)
        assert brain.status().categories["core"].total > 4
        decided = len(types(brain, "scale_down"))
        await clock.advance(4)
        await until(lambda: brain.status().categories["core"].total == 2)
        assert brain.status().categories["core"].max > 4
        assert len(types(brain, "scale_down")) == decided


@pytest.mark.feature("CB-15")
async def test_running_work_is_never_touched_when_a_category_shrinks() -> None:
    """SCA-05: the jobs finish, then their threads go; nothing that waits is lost."""
    gate = Gate()
    async with brain_on(categories={"core": 6}) as brain:
        running = fill(brain, gate, 6)
        await gate.holds(6)
        waiting = [brain.submit("category:core", int) for _ in range(5)]
        brain.resize("core", 1)
        await settle()
        assert gate.inside == 6
        assert brain.status().categories["core"].max == 1
        gate.open()
        assert await asyncio.gather(*running) == [None] * 6
        assert await asyncio.gather(*waiting) == [0] * 5
        await until(lambda: brain.status().categories["core"].total <= 1)


@pytest.mark.feature("CB-02")
@pytest.mark.parametrize("limit", [0, -1, 2.5, True, "3", None, 51, float("nan")])
async def test_a_size_that_could_not_be_meant_is_refused(limit: object) -> None:
    """SCA-06: and the category stays as it was."""
    async with brain_on() as brain:
        with pytest.raises(InvalidArgumentError, match="limit"):
            brain.resize("core", limit)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError, match="core"):
            brain.resize("nowhere", 3)
        assert brain.status().categories["core"].max == 10


async def test_a_square_wave_does_not_make_it_flap() -> None:
    """SCA-01: load that comes and goes in the rhythm of the decisions causes at most one resize per cooldown, and no
    chain of ups and downs.
    """
    clock = VirtualClock()
    async with brain_on(clock, categories={"core": 2}, scaling="plain") as brain:
        moments: list[float] = []
        async with brain.events.subscribe("category.resized") as stream:
            for _ in range(15):
                gate = Gate()
                wave = fill(brain, gate, 8)
                await gate.holds(min(8, brain.status().categories["core"].max))
                await clock.advance(10)
                gate.open()
                await asyncio.gather(*wave)
                await clock.advance(10)
            await settle()
            while True:
                try:
                    event = await asyncio.wait_for(told(stream, CategoryResized), 0.01)
                except TimeoutError:
                    break
                moments.append(event.timestamp.timestamp())
        assert all(after - before >= 5 for before, after in itertools.pairwise(moments))
        assert len(moments) <= 4
        assert not types(brain, "scale_down")


async def test_a_brain_has_one_monitor_and_one_decision_loop() -> None:
    """SCA-08: a second one is refused, and the first goes on."""
    clock = VirtualClock()
    async with brain_on(clock) as brain:
        await clock.advance(5)
        parts = brain._assembly("test")
        with pytest.raises(CompanionError, match="one brain has one"):
            await parts.decisions.run()
        with pytest.raises(CompanionError, match="one brain has one"):
            await parts.monitor.run()
        passes = parts.decisions.passes
        await clock.advance(10)
        assert parts.decisions.passes == passes + 1


@pytest.mark.feature("CB-20", "CB-21")
async def test_a_pass_every_ten_seconds_and_a_thousand_decisions_kept() -> None:
    """The interval is the brain's; the log is bounded, newest last, and each decision is plain JSON."""
    clock = VirtualClock()
    async with brain_on(clock, decision_interval=2) as brain:
        parts = brain._assembly("test")
        await clock.advance(20)
        assert parts.decisions.passes == 11
        for number in range(1200):
            parts.decisions.record("pause", "m", {"number": number}, f"number {number}")
        kept = brain.decisions(limit=5000)
        assert len(kept) == 1000
        assert [decision.data["number"] for decision in kept] == list(range(200, 1200))
        assert len(brain.decisions()) == 50
        assert brain.decisions(limit=1)[0].reason == "number 1199"
        plain = kept[-1].to_dict()
        assert plain.keys() >= {
            "decision_id", "type", "context", "data", "reason", "applied", "timestamp", "outcome",
        }  # fmt: skip
        assert isinstance(plain["timestamp"], str)
        for wrong in (0, -1, 2.5, "5"):
            with pytest.raises(InvalidArgumentError, match="limit"):
                brain.decisions(limit=wrong)  # type: ignore[arg-type]
