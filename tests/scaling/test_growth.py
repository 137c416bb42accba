"""A category that is full and has work waiting grows, within the house, with a reason and a measured effect."""

from __future__ import annotations

import asyncio

import pytest

from companion_async import replay
from companion_async.events.kinds import CategoryResized
from companion_async.testing.clock import VirtualClock, settle
from tests.brain.rig import Gate, brain_on, fill, told, types


@pytest.mark.feature("CB-14", "CB-20")
async def test_plain_adds_two_when_every_slot_is_busy_and_work_waits() -> None:
    """The documents' rule, every ten seconds; the slots are really there, and running work is not touched."""
    clock, gate = VirtualClock(), Gate()
    async with (
        brain_on(clock, categories={"core": 2}, scaling="plain") as brain,
        brain.events.subscribe("category.resized") as stream,
    ):
        fill(brain, gate, 10)
        await gate.holds(2)
        await clock.advance(10)
        await gate.holds(4)
        core = brain.status().categories["core"]
        assert (core.max, core.configured, core.active, core.queued) == (4, 2, 4, 6)
        (decision,) = types(brain, "scale_up")
        assert (decision.context, decision.applied, decision.rule) == ("core", True, "scale.plain")
        assert (decision.data["old"], decision.data["new"]) == (2, 4)
        assert "All threads busy: 8 tasks wait for 2 slots" in decision.reason
        event = await told(stream, CategoryResized)
        assert (event.category, event.old, event.new) == ("core", 2, 4)
        await clock.advance(10)
        await gate.holds(6)
        assert brain.status().stats.threads_auto_scaled == 2
        gate.open()


@pytest.mark.feature("CB-14", "X-19")
async def test_the_effect_is_measured_afterwards_and_the_log_can_be_replayed() -> None:
    """The outcome stands beside what was expected; another rule is asked the same question."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, categories={"core": 2}, scaling="plain") as brain:
        tasks = fill(brain, gate, 4)
        await gate.holds(2)
        await clock.advance(10)
        await gate.holds(4)
        (before,) = types(brain, "scale_up")
        assert before.outcome is None
        assert before.expectation.metric == "oldest_wait"
        gate.open()
        await asyncio.gather(*tasks)
        await clock.advance(10)
        (decision,) = types(brain, "scale_up")
        assert decision.outcome.metric == "oldest_wait"
        assert (decision.outcome.before, decision.outcome.after) == (pytest.approx(10), 0)
        assert decision.outcome.met is True
        (same,) = replay(brain.decisions(), "scale.plain")
        assert same.same
        (other,) = replay(brain.decisions(), "scale.adaptive")
        assert (other.answer.type, other.answer.data["old"]) == ("scale_up", 2)


@pytest.mark.feature("CB-14")
async def test_adaptive_grows_to_the_need_and_not_by_a_fixed_step() -> None:
    """The default: by what Little's law finds for the work that came, at most doubling, within a second; each
    step with the figures that it rests on. What is no longer needed goes back within half a minute.
    """
    clock = VirtualClock()
    gates = [Gate() for _ in range(2)]
    async with brain_on(clock, categories={"core": 4}) as brain:
        first = fill(brain, gates[0], 4)
        await gates[0].holds(4)
        await clock.advance(2)
        gates[0].open()
        await asyncio.gather(*first)
        await clock.advance(2)
        later = fill(brain, gates[1], 20)
        await gates[1].holds(4)
        for wanted in (8, 16):
            for _ in range(10):  # a busy machine's threads come late, in time that is not the clock's
                await clock.advance(0.1)
                if brain.status().categories["core"].max >= wanted:
                    break
            await gates[1].holds(wanted)
        steps = types(brain, "scale_up")
        assert [step.rule for step in steps] == ["scale.adaptive"] * len(steps)
        assert (steps[0].data["old"], steps[0].data["new"]) == (4, 8)
        assert "Little's law" in steps[0].reason
        assert steps[0].data["inputs"]["service"] == pytest.approx(2.0)
        assert 16 <= brain.status().categories["core"].max <= 32
        await gates[1].holds(min(20, brain.status().categories["core"].max))
        gates[1].open()
        await asyncio.gather(*later)
        await clock.advance(30)
        assert brain.status().categories["core"].max == 4
        assert {down.data["cause"] for down in types(brain, "scale_down")} == {"decline"}


async def test_nobody_grows_without_need() -> None:
    """Full without a queue, or a queue of a paused module: the limit stays."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, categories={"core": 2, "phase1": 2}, scaling="plain") as brain:
        fill(brain, gate, 2)
        await brain.register("held", int.bit_length, category="phase1")
        brain.pause("held")
        for _ in range(20):
            brain.submit("held", "run", 3, timeout=None)
        await gate.holds(2)
        await clock.advance(60)
        assert not types(brain, "scale_up")
        gate.open()


@pytest.mark.feature("CB-14")
async def test_auto_scaling_can_be_turned_off() -> None:
    """The config's word; healing goes on."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, categories={"core": 2}, auto_scaling=False) as brain:
        fill(brain, gate, 10)
        await gate.holds(2)
        await clock.advance(60)
        assert brain.status().categories["core"].max == 2
        assert brain.status().auto_scaling is False
        gate.open()


@pytest.mark.feature("CB-02")
async def test_all_categories_together_stay_under_the_cap_at_every_instant() -> None:
    """SCA-03: everyone asks at once, and again and again; the house never holds more than it may."""
    clock, gate = VirtualClock(), Gate()
    names = ("core", "phase1", "phase2", "phase3")
    async with brain_on(clock, categories=dict.fromkeys(names, 4), max_threads=10, scaling="plain") as brain:
        for name in names:
            fill(brain, gate, 30, name)
        for _ in range(12):
            await clock.advance(5)
            await settle()
            status = brain.status()
            assert status.total_threads <= 10
            assert gate.inside <= 10
            assert sum(len(category.workers) for category in status.categories.values()) <= 10
        await gate.holds(10)
        gate.open()


@pytest.mark.feature("CB-14")
async def test_hung_slots_are_not_load() -> None:
    """SCA-04: where every slot holds a run that is stuck, more of the same would hang as well; it is said instead."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, categories={"core": 2}, abandoned_budget=0, scaling="plain") as brain:
        stuck = [brain.submit("category:core", gate, timeout=3) for _ in range(2)]
        await gate.holds(2)
        await clock.advance(3)
        assert all(task.done() for task in stuck)
        waiting = [brain.submit("category:core", int, timeout=None) for _ in range(5)]
        await clock.advance(60)
        assert not types(brain, "scale_up")
        core = brain.status().categories["core"]
        assert (core.max, core.overloaded, core.queued) == (2, True, 5)
        gate.open()
        assert await asyncio.gather(*waiting) == [0] * 5


async def test_the_totals_of_a_category_outlive_its_modules() -> None:
    """Rates are differences of totals: a module that is taken out takes nothing with it that was done."""
    async with brain_on() as brain:
        controls = brain._assembly("test").controls

        def totals() -> tuple[int, int]:
            core = controls.situation().category("core")
            assert core is not None
            return core.arrivals, core.completions

        await brain.register("m", int.bit_length)
        for _ in range(20):
            await brain.submit("m", "run", 5)
        before = totals()
        assert before == (20, 20)
        await brain.unregister("m")
        assert totals() == before
