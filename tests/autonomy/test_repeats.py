"""Decisions that say again what one has said a moment ago."""

from __future__ import annotations

from typing import Any, cast

from companion_async.autonomy.decision import Decision
from companion_async.autonomy.loop import DecisionLoop
from companion_async.autonomy.settings import AutonomySettings
from companion_async.events.bus import EventBus
from companion_async.events.kinds import DecisionMade
from companion_async.testing.clock import VirtualClock

NO_CONTROLS = cast("Any", None)


async def test_a_decision_that_repeats_another_is_counted_in_it() -> None:
    """Within an interval, and of the same module and effect only: a module that hangs all the time has a line every ten
    seconds with their number, and does not push everything else out of the log. The event comes once for each line.
    """
    async with EventBus() as bus, bus.subscribe("decision.made") as stream:
        clock = VirtualClock()
        loop = DecisionLoop(NO_CONTROLS, clock, None, bus.topic("decision.made"))

        def hung(module: str, *, applied: bool = True) -> Decision:
            return loop.record("replace_worker", module, {"task_id": "t"}, "hangs", applied, repeats=True)

        for _ in range(5000):
            hung("m")
        other, held = hung("other"), hung("m", applied=False)
        assert [decision.data.get("count", 1) for decision in loop.log.recent()] == [5000, 1, 1]
        await clock.advance(10.0)
        later = hung("m")
        assert [decision.decision_id for decision in (other, held, later)] == [2, 3, 4]
        told = [cast("DecisionMade", await anext(stream)).decision_id for _ in range(4)]
        assert told == [1, 2, 3, 4]


async def test_a_decision_is_not_counted_in_one_that_has_left_the_log() -> None:
    """It is entered anew."""
    loop = DecisionLoop(NO_CONTROLS, VirtualClock(), AutonomySettings(log_size=2))
    for module in ("m", "n", "o", "m"):
        loop.record("replace_worker", module, {}, "hangs", repeats=True)
    assert [(decision.context, dict(decision.data)) for decision in loop.log.recent()] == [("o", {}), ("m", {})]
