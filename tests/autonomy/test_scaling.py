"""The scaling rules as tables: loads in, verdicts out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from companion_async.autonomy.answer import RuleAnswer
from companion_async.autonomy.decision import DecisionLog
from companion_async.autonomy.replay import replay
from companion_async.autonomy.scaling import CategoryLoad, ask, grow_plain, retire, shrink
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.sizes import sized
from companion_async.autonomy.sizing import Size, SizeFigures, adaptive
from companion_async.autonomy.verdict import Action, Verdict, settle
from companion_async.errors import InvalidArgumentError
from companion_async.events.kinds import utc

SETTINGS = AutonomySettings()
FULL: dict[str, Any] = {
    "name": "phase2",
    "limit": 5,
    "configured": 5,
    "working": 5,
    "queued": 20,
    "oldest_wait": 2.0,
    "room": 40,
    "arrival_rate": 10.0,
    "throughput": 5.0,
    "service": 1.0,
}


def load(**changes: Any) -> CategoryLoad:
    return CategoryLoad(**{**FULL, **changes})


def new_limit(verdict: Verdict | None) -> int | None:
    return None if verdict is None else verdict.data["new"]


@pytest.mark.feature("CB-14")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 7),  # all busy and work waits: plus 2
        ({"working": 4}, None),  # a slot is free
        ({"queued": 0, "oldest_wait": 0.0}, None),  # nothing waits
        ({"oldest_wait": 0.05}, None),  # it has only just come
        ({"room": 1}, 6),  # the house has one thread left
        ({"room": 0}, None),
        ({"memory_fraction": 0.81}, None),
        ({"memory_fraction": 0.79}, 7),
        ({"since_resize": 4.9}, None),  # the last resize must show first
        ({"stuck": 5}, None),  # SCA-04: hung slots are not load
        ({"stuck": 2}, 7),  # three sound slots, all busy
        ({"stuck": 2, "working": 4}, None),
    ],
)
def test_the_plain_rule_adds_two_when_every_slot_is_busy_and_work_waits(
    changes: dict[str, Any], expected: int | None
) -> None:
    """The documents' rule to the letter, within the house and with its vetoes."""
    assert new_limit(grow_plain(load(**changes), SETTINGS)) == expected


QUIET: dict[str, Any] = {
    "limit": 20,
    "working": 2,
    "idle": 10,
    "queued": 0,
    "oldest_wait": 0.0,
    "low_for": 60.0,
    "peak_working": 3,
}


@pytest.mark.feature("CB-15")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (5, 3)),  # back to what was configured; the peak's threads stay
        ({"configured": 12}, (12, 3)),  # never below what was configured
        ({"limit": 20, "peak_working": 14}, (14, 14)),  # never below what was used in the window
        ({"low_for": 59.0}, None),  # not long enough
        ({"since_resize": 2.0}, None),
        ({"limit": 5, "idle": 4, "peak_working": 1, "working": 1}, (5, 1)),  # only threads go
        ({"limit": 5, "idle": 1, "peak_working": 3}, None),  # nothing to give
        ({"limit": 5, "idle": 0, "working": 0}, None),  # an idle brain decides nothing
    ],
)
def test_low_utilisation_through_the_window_sends_threads_home(
    changes: dict[str, Any], expected: tuple[int, int] | None
) -> None:
    """The limit goes back toward what was configured, and idle threads really go."""
    verdict = shrink(load(**{**QUIET, **changes}), SETTINGS)
    found = None if verdict is None else (verdict.data["new"], verdict.data["keep"])
    assert found == expected


@pytest.mark.feature("CB-16", "CB-22")
@pytest.mark.parametrize(
    ("idle", "longest_idle", "acts"), [(3, 301.0, True), (3, 300.0, False), (0, 0.0, False), (0, 999.0, False)]
)
def test_a_thread_idle_for_five_minutes_goes_whatever_the_utilisation(
    idle: int, longest_idle: float, acts: bool
) -> None:
    """Busy ones are kept, and of the idle ones only those that have idled that long go."""
    verdict = retire(load(working=4, idle=idle, longest_idle=longest_idle), SETTINGS)
    assert (verdict is not None) is acts
    if verdict is not None:
        assert verdict.data == {"old": 5, "new": 5, "keep": 4, "idle_for": 300.0}


def test_up_and_down_together_are_no_action() -> None:
    """SCA-02: of two verdicts that contradict each other neither is carried out; those on others are."""

    def verdict(type: Action, context: str) -> Verdict:
        return Verdict(type=type, context=context, reason="", rule="")

    found = [verdict("scale_up", "a"), verdict("scale_down", "a"), verdict("scale_up", "b"), verdict("shed_load", "a")]
    assert [(v.type, v.context) for v in settle(found)] == [("scale_up", "b"), ("shed_load", "a")]


@pytest.mark.feature("X-19")
@pytest.mark.parametrize("made_by", ["scale.plain", "scale.adaptive"])
def test_what_one_rule_decided_can_be_asked_of_another(made_by: str) -> None:
    """By its name, about decisions of either, under other settings, and after a trip through JSON."""
    log = DecisionLog()
    for changes in ({}, {"limit": 20, "working": 20}):
        verdict = grow_plain(load(**changes), SETTINGS)
        if made_by == "scale.adaptive":
            figures = SizeFigures(
                name="phase2", limit=20 if changes else 5, configured=5, most=50, running=20, queued=20,
                full_for=2.0, arrival_rate=10.0, service=1.0,
            )  # fmt: skip
            verdict = sized(figures, adaptive(figures, SETTINGS) or Size(0, "demand"), SETTINGS)
        assert verdict is not None
        inputs = msgspec.json.decode(msgspec.json.encode(verdict.inputs))
        data = {**verdict.data, "inputs": inputs}
        log.add(verdict.type, verdict.context, data, verdict.reason, True, utc(0), rule=verdict.rule)
    log.add("restart_module", "m", {}, "", True, utc(0), rule="heal.restart")
    adaptive_says = replay(log.recent(), "scale.adaptive")
    assert [row.answer.data["new"] for row in adaptive_says] == [10, 37]
    plain_says = replay(log.recent(), "scale.plain")
    assert [row.answer.data["new"] for row in plain_says] == [7, 22]
    agreed = adaptive_says if made_by == "scale.adaptive" else plain_says
    assert [row.same for row in agreed] == [True, True]
    stricter = AutonomySettings(scale_up_wait=5.0)
    assert [row.answer.type for row in replay(log.recent(), "scale.plain", settings=stricter)] == [None, None]
    own = replay(log.recent(), lambda rule, inputs: RuleAnswer("scale_up", {"new": inputs["limit"] + 1}))
    assert [row.answer.data["new"] for row in own] == [6, 21]


@pytest.mark.feature("X-19")
def test_a_rule_that_does_not_exist_is_refused() -> None:
    """With the names of those that do."""
    verdict = grow_plain(load(), SETTINGS)
    assert verdict is not None
    assert verdict.inputs is not None
    with pytest.raises(InvalidArgumentError, match=r"scale\.adaptive"):
        ask("scale.best", verdict.inputs, SETTINGS)
