"""The decision loop: what it does with verdicts, with failures, with time, and how it says so."""

from __future__ import annotations

from typing import Any

import anyio
import msgspec
import pytest

from companion_async.errors import CompanionError
from companion_async.events.bus import EventBus
from companion_async.events.kinds import DecisionMade
from companion_async.testing.clock import settle
from tests.autonomy.loop_rig import BUSY, PLAIN, QUIET, SICK, STUCK, Bench


@pytest.mark.feature("CB-20")
async def test_a_pass_every_ten_seconds_and_one_at_the_start() -> None:
    """The first reading is the base of all differences; the heartbeat counts."""
    bench = Bench()
    async with bench.running():
        assert (bench.loop.passes, bench.loop.last_pass) == (1, 0.0)
        await bench.clock.advance(9.9)
        assert bench.loop.passes == 1
        await bench.clock.advance(0.1)
        assert bench.loop.passes == 2
        await bench.clock.advance(100.0)
        assert (bench.loop.passes, bench.loop.last_pass) == (12, 110.0)
        assert [situation.now for situation in bench.loop.situations] == [10.0 * n for n in range(12)]


@pytest.mark.feature("CB-14", "CB-20", "CB-21")
async def test_a_verdict_is_carried_out_recorded_and_told() -> None:
    """The decision has its number, its grounds, its inputs, and an event of its own."""
    async with EventBus() as bus, bus.subscribe("decision.made") as stream:
        bench = Bench(PLAIN, bus=bus)
        bench.set(BUSY)
        async with bench.running():
            assert bench.controls.asked == [("resize", "core", 6)]
            (decision,) = bench.loop.log.recent()
            assert (decision.decision_id, decision.type, decision.context) == (1, "scale_up", "core")
            assert (decision.data["old"], decision.data["new"]) == (4, 6)
            assert decision.data["inputs"]["oldest_wait"] == 3.0
            assert decision.applied
            assert "All threads busy" in decision.reason
            event = await anext(stream)
            assert isinstance(event, DecisionMade)
            assert (event.decision_id, event.type, event.applied) == (1, "scale_up", True)
            assert event.timestamp == decision.timestamp


@pytest.mark.feature("X-19")
async def test_the_effect_is_measured_when_its_time_has_come() -> None:
    """After one interval the wait is read again and laid beside what was hoped for."""
    bench = Bench(PLAIN)
    bench.set(BUSY)
    async with bench.running():
        assert bench.loop.log.recent()[0].outcome is None
        bench.set(msgspec.structs.replace(BUSY, limit=6, working=6, oldest_wait=1.0, queued=0))
        await bench.clock.advance(10.0)
        outcome = bench.loop.log.recent()[0].outcome
        assert outcome is not None
        assert (outcome.metric, outcome.before, outcome.expected, outcome.after) == ("oldest_wait", 3.0, 2.0, 1.0)
        assert (outcome.met, outcome.seconds) == (True, 10.0)


@pytest.mark.feature("X-19")
async def test_an_effect_that_failed_to_come_is_recorded_as_well() -> None:
    """And one whose subject is gone is neither met nor missed."""
    bench = Bench(PLAIN)
    bench.set(BUSY)
    async with bench.running():
        bench.set(msgspec.structs.replace(BUSY, limit=8, working=7, oldest_wait=5.0))
        await bench.clock.advance(10.0)
        bench.set(BUSY)
        await bench.clock.advance(10.0)
        bench.set()
        await bench.clock.advance(10.0)
        outcomes = [decision.outcome.met for decision in bench.loop.log.recent() if decision.outcome]
        assert outcomes == [False, None]


async def test_an_action_that_fails_harms_nothing_else() -> None:
    """It is recorded as not applied with the error's type; the other verdicts of the pass are carried out."""
    bench = Bench(PLAIN)
    bench.controls.answers["resize"] = RuntimeError("no")
    bench.set(BUSY, stuck=(STUCK,))
    async with bench.running():
        assert bench.types() == [("replace_worker", True), ("scale_up", False)]
        failed = bench.loop.log.recent()[-1]
        assert (failed.error, failed.outcome) == ("RuntimeError", None)
        bench.controls.answers.clear()
        await bench.clock.advance(10.0)
        assert bench.types()[-1] == ("scale_up", True)


@pytest.mark.parametrize(
    ("situation", "asked", "decided"),
    [
        (
            {"categories": (msgspec.structs.replace(QUIET, idle=3, longest_idle=400.0),)},
            [("retire_idle", "core", 0, 300.0)],
            None,
        ),
        (
            {"categories": (msgspec.structs.replace(BUSY, queued_by_level=(0, 0, 0, 50, 0)),), "memory_fraction": 0.97},
            [("shed", "core", 50, 4)],
            ("shed_load", True),
        ),
        (
            {
                "stuck": (STUCK,),
                "categories": (msgspec.structs.replace(BUSY, oldest_wait=0.0),),
            },
            [("replace_worker", "t1")],
            ("replace_worker", True),
        ),
    ],
)
@pytest.mark.feature("CB-20")
async def test_every_kind_of_verdict_has_its_action(
    situation: dict[str, Any], asked: list[tuple[Any, ...]], decided: tuple[str, bool] | None
) -> None:
    """What the rule says is what the controls are asked for. Idle threads that go from under a limit that stays are no
    decision.
    """
    bench = Bench()
    others = {key: value for key, value in situation.items() if key != "categories"}
    bench.set(*situation["categories"], **others)
    async with bench.running():
        assert (bench.controls.asked, bench.types()) == (asked, [decided] if decided else [])


@pytest.mark.feature("CB-15")
async def test_low_utilisation_lowers_the_limit_and_retires_threads() -> None:
    """Both at once, after the stabilisation window, and the decision says how many went."""
    bench = Bench()
    bench.set(msgspec.structs.replace(QUIET, limit=20, working=1, idle=9))
    async with bench.running():
        await bench.clock.advance(50.0)
        assert bench.controls.asked == []
        await bench.clock.advance(10.0)
        assert bench.controls.asked == [("resize", "core", 4), ("retire_idle", "core", 1, 0.0)]
        assert bench.loop.log.recent()[-1].data["done"] == 2


@pytest.mark.feature("CB-F2")
async def test_raised_priorities_go_through_the_controls() -> None:
    """`adjust_priority` says how many it raised."""
    bench = Bench()
    waiting = msgspec.structs.replace(BUSY, oldest_wait=40.0, queued_by_level=(10, 0, 0, 40, 0))
    bench.set(waiting, max_threads=4)
    async with bench.running():
        bench.set(msgspec.structs.replace(waiting, completions=50, run_seconds=50.0), max_threads=4)
        await bench.clock.advance(10.0)
        assert ("adjust_priority", "core", 30.0) in bench.controls.asked
        assert bench.types()[-1] == ("adjust_priority", True)
        assert bench.loop.log.recent()[-1].data["done"] == 5


async def test_an_action_that_finds_nothing_to_do_counts_as_not_applied() -> None:
    """The run had ended by itself: the decision stands in the log as what it was."""
    bench = Bench()
    bench.controls.answers["replace_worker"] = False
    bench.set(msgspec.structs.replace(BUSY, oldest_wait=0.0), stuck=(STUCK,))
    async with bench.running():
        assert bench.types() == [("replace_worker", False)]
        assert bench.loop.log.recent()[0].error is None


async def test_priorities_that_found_nothing_to_raise_are_asked_for_again() -> None:
    """What was not applied leaves no waiting time behind."""
    bench = Bench()
    bench.controls.answers["adjust_priority"] = 0
    waiting = msgspec.structs.replace(BUSY, oldest_wait=40.0, queued_by_level=(10, 0, 0, 40, 0))
    bench.set(waiting, max_threads=4)
    async with bench.running():
        for passes in (1, 2, 3):
            bench.set(msgspec.structs.replace(waiting, completions=10 + passes), max_threads=4)
            await bench.clock.advance(10.0)
    assert bench.controls.asked == [("adjust_priority", "core", 30.0)] * 3


@pytest.mark.feature("CB-17")
async def test_a_restart_may_take_its_time_while_the_passes_go_on() -> None:
    """One restart per module is under way at most; it is recorded when it has ended, and its effect is measured."""
    bench = Bench()
    gate = anyio.Event()
    bench.controls.answers["restart_module"] = gate
    bench.set(QUIET, modules=(SICK,))
    async with bench.running():
        await bench.clock.advance(30.0)
        assert bench.loop.passes == 4
        assert bench.controls.asked == [("restart_module", "m", 3)]
        assert bench.types() == []
        gate.set()
        bench.set(QUIET, modules=(msgspec.structs.replace(SICK, state="running", generation=4),))
        await settle()
        assert bench.types() == [("restart_module", True)]
        await bench.clock.advance(10.0)
        outcome = bench.loop.log.recent()[0].outcome
        assert outcome is not None
        assert (outcome.before, outcome.after, outcome.met) == ("error", "running", True)


@pytest.mark.parametrize(
    ("answer", "applied", "error"), [(True, True, None), (False, False, None), (OSError("no"), False, "OSError")]
)
async def test_a_restart_that_fails_or_comes_too_late_says_so(answer: object, applied: bool, error: str | None) -> None:
    """Too late: another one has acted on that generation. The next pass looks again."""
    bench = Bench()
    bench.controls.answers["restart_module"] = answer
    bench.set(QUIET, modules=(SICK,))
    async with bench.running():
        (decision,) = bench.loop.log.recent()
        assert (decision.applied, decision.error) == (applied, error)
        await bench.clock.advance(10.0)
        assert len(bench.controls.asked) == 2


async def test_a_module_without_restarts_left_is_quarantined() -> None:
    """The decision says why, and that a person has to act."""
    bench = Bench()
    bench.set(QUIET, modules=(msgspec.structs.replace(SICK, restarts_left=False),))
    async with bench.running():
        assert bench.controls.asked == [("quarantine", "m")]
        (decision,) = bench.loop.log.recent()
        assert decision.type == "quarantine"
        assert "until a person resumes it" in decision.reason


async def test_a_pass_that_raises_is_begun_again_and_says_so() -> None:
    """HEA-07: the loop survives, records it, waits longer each time, and leaves a restart that is under way alone."""
    bench = Bench()
    gate = anyio.Event()
    bench.controls.answers["restart_module"] = gate
    bench.set(QUIET, modules=(SICK,))
    async with bench.running():

        def broken() -> None:
            raise ZeroDivisionError

        bench.controls.before_reading = broken
        await bench.clock.advance(10.0 + 0.5 + 1.0)
        assert [(d.type, d.error, d.data["delay"]) for d in bench.loop.log.recent()] == [
            ("restart_loop", "ZeroDivisionError", 0.5),
            ("restart_loop", "ZeroDivisionError", 1.0),
            ("restart_loop", "ZeroDivisionError", 2.0),
        ]
        bench.controls.before_reading = lambda: None
        passes = bench.loop.passes
        await bench.clock.advance(2.0)
        assert bench.loop.passes == passes + 1
        gate.set()
        await settle()
        assert bench.types()[-1] == ("restart_module", True)


async def test_decisions_that_others_take_enter_the_same_log() -> None:
    """A pool's replacement or a person's pause: numbered in turn, told as an event, with the reason given."""
    async with EventBus() as bus, bus.subscribe("decision.made") as stream:
        bench = Bench(bus=bus)
        first = bench.loop.record("replace_worker", "m", {"task_id": "t1"}, "passed its limit")
        second = bench.loop.record("pause", "m", {"by": "operator"}, "maintenance", applied=False)
        assert [first.decision_id, second.decision_id] == [1, 2]
        assert bench.loop.log.recent() == [first, second]
        assert [(await anext(stream)).to_dict()["reason"] for _ in range(2)] == ["passed its limit", "maintenance"]


async def test_a_nudge_brings_the_next_pass_forward_but_not_more_than_one_a_second() -> None:
    """A queue that begins to wait need not wait for the interval; nudges in between are one."""
    bench = Bench()
    bench.loop.nudge()
    async with bench.running():
        await bench.clock.advance(3.0)
        bench.loop.nudge()
        bench.loop.nudge()
        await settle()
        await bench.clock.advance(0.0)
        assert (bench.loop.passes, bench.loop.last_pass) == (2, 3.0)
        bench.loop.nudge()
        await bench.clock.advance(0.9)
        assert bench.loop.passes == 2
        await bench.clock.advance(0.1)
        assert (bench.loop.passes, bench.loop.last_pass) == (3, 4.0)
        await bench.clock.advance(10.0)
        assert bench.loop.passes == 4
        bench.loop.nudge()
    assert bench.clock.pending == 0, "cancelled, it leaves no timer behind"


async def test_there_is_one_decision_loop() -> None:
    """SCA-08: a second run is refused while the first goes on; after it, it may start again."""
    bench = Bench()
    async with bench.running():
        with pytest.raises(CompanionError, match="runs already"):
            await bench.loop.run()
        assert bench.loop.passes == 1
    async with bench.running():
        assert bench.loop.passes == 2
