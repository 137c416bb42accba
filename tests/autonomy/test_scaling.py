"""The scaling rules as tables: loads in, verdicts out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from companion_async.autonomy.decision import DecisionLog, replay
from companion_async.autonomy.scaling import (
    CategoryLoad,
    GainStep,
    ask,
    grow_adaptive,
    grow_plain,
    need,
    processor_limit,
    retire,
    shrink,
    take_back,
)
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.verdict import Verdict, settle
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
        ({"cpu_share": 1.0}, 7),  # the documents' rule does not know of the interpreter lock
    ],
)
def test_the_plain_rule_adds_two_when_every_slot_is_busy_and_work_waits(
    changes: dict[str, Any], expected: int | None
) -> None:
    """The documents' rule to the letter, within the house and with its vetoes."""
    assert new_limit(grow_plain(load(**changes), SETTINGS)) == expected


@pytest.mark.feature("CB-14")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 10),  # the need is 10 + 2 sqrt(10) + 10, bounded by doubling
        ({"limit": 2, "working": 2}, 6),  # small ones may grow by four
        ({"limit": 20, "working": 20}, 27),  # at the need itself
        ({"limit": 30, "working": 30}, None),  # enough already; the backlog is temporary
        ({"service": None}, 7),  # no run has ended: as the plain rule
        ({"working": 4}, None),
        ({"queued": 0, "oldest_wait": 0.0}, None),
        ({"room": 3}, 8),
        ({"room": 0}, None),
        ({"stuck": 5}, None),
        ({"memory_fraction": 0.9}, None),
        ({"since_resize": 1.0}, None),
        ({"barred_for": 10.0}, None),  # the last step brought nothing
        ({"loop_lag": 0.2}, 10),  # waiting work does not delay the loop
        ({"loop_lag": 0.2, "cpu_share": 0.06}, None),  # computing work does
        ({"loop_lag": 0.04, "cpu_share": 0.06}, 10),
        ({"cpu_share": 0.9}, None),  # never for CPU-bound work under the lock
        ({"cpu_share": 0.5}, None),
        ({"cpu_share": 0.9, "gil": False, "cores": 16}, 10),
        ({"cpu_share": 0.9, "gil": False, "cores": 6}, 7),
        ({"cpu_share": 0.3}, 7),  # 3.3 keep the lock busy, with slack for chance 7
    ],
)
def test_the_adaptive_rule_goes_to_the_need_within_what_can_carry_it(
    changes: dict[str, Any], expected: int | None
) -> None:
    """Little's law with square-root staffing and drain, bounded growth, vetoes, no threads that would only fight."""
    assert new_limit(grow_adaptive(load(**changes), SETTINGS)) == expected


def test_the_need_is_the_offered_load_its_spread_and_the_backlog() -> None:
    """10 arrivals of 1 s need 10 slots, 2 times the root of it for chance, and 20 waiting ones in 2 s need 10 more."""
    assert need(load(), SETTINGS) == pytest.approx(10 + 2 * 10**0.5 + 10)
    assert need(load(service=None), SETTINGS) is None
    assert need(load(service=30.0, arrival_rate=0.0), SETTINGS) == 20, "a task needs no more than one slot"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cpu_share": 0.0}, None),
        ({"cpu_share": 0.05}, None),
        ({"cpu_share": 0.1}, 17),
        ({"cpu_share": 0.5}, 2),
        ({"cpu_share": 1.0}, 1),
        ({"cpu_share": 1.0, "gil": False, "cores": 8}, 8),
    ],
)
def test_the_processor_carries_as_many_as_keep_it_busy(changes: dict[str, Any], expected: int | None) -> None:
    """With slack for chance while most of the time is waiting, and no bound where computing is no matter."""
    assert processor_limit(load(**changes), SETTINGS) == expected


QUIET: dict[str, Any] = {
    "limit": 20,
    "working": 2,
    "idle": 10,
    "queued": 0,
    "oldest_wait": 0.0,
    "low_for": 60.0,
    "peak_working": 3,
    "peak_need": 4.0,
}


@pytest.mark.feature("CB-15")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (5, 3)),  # back to what was configured; the peak's threads stay
        ({"configured": 12}, (12, 3)),  # never below what was configured
        ({"limit": 20, "peak_working": 14}, (14, 14)),  # never below what was used in the window
        ({"limit": 20, "peak_need": 12.4}, (13, 3)),
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


@pytest.mark.parametrize(
    ("completions", "seconds", "taken_back"),
    [
        (100, 10.0, True),  # 10/s before, 10/s after: nothing gained
        (80, 10.0, True),  # worse than before
        (120, 10.0, True),  # a fifth of what was hoped for
        (130, 10.0, False),  # enough
        (200, 10.0, False),
    ],
)
def test_a_step_that_brought_no_throughput_is_taken_back(completions: int, seconds: float, taken_back: bool) -> None:
    """From 5 to 10 slots a doubling is hoped for; less than a quarter of that gain is none."""
    step = GainStep(name="db", old=5, new=10, before=10.0, completions=completions, seconds=seconds)
    verdict = take_back(step, SETTINGS)
    assert (verdict is not None) is taken_back
    if verdict is not None:
        assert (verdict.type, verdict.data["old"], verdict.data["new"]) == ("scale_down", 10, 5)


def test_up_and_down_together_are_no_action() -> None:
    """SCA-02: of two verdicts that contradict each other neither is carried out; those on others are."""

    def verdict(type: str, context: str) -> Verdict:
        return Verdict(type=type, context=context, reason="", rule="")

    found = [verdict("scale_up", "a"), verdict("scale_down", "a"), verdict("scale_up", "b"), verdict("shed_load", "a")]
    assert [(v.type, v.context) for v in settle(found)] == [("scale_up", "b"), ("shed_load", "a")]


@pytest.mark.feature("X-19")
def test_what_the_adaptive_rule_decided_can_be_asked_of_the_plain_one() -> None:
    """The recorded inputs answer for both rules, also after a trip through JSON."""
    log = DecisionLog()
    for changes in ({}, {"limit": 20, "working": 20}, {"cpu_share": 0.3}):
        verdict = grow_adaptive(load(**changes), SETTINGS)
        assert verdict is not None
        assert verdict.inputs is not None
        inputs = msgspec.json.decode(msgspec.json.encode(verdict.inputs))
        data = {**verdict.data, "inputs": inputs}
        log.add(verdict.type, verdict.context, data, verdict.reason, True, utc(0), rule=verdict.rule)
    same = replay(log.recent(), lambda rule, inputs: ask(rule, inputs, SETTINGS))
    assert [row.same for row in same] == [True, True, True]
    plain = replay(log.recent(), lambda _, inputs: ask("scale.plain", inputs, SETTINGS))
    assert [(row.answer.data["new"], row.same) for row in plain] == [(7, False), (22, False), (7, True)]
    stricter = AutonomySettings(scale_up_wait=5.0)
    assert [row.answer.type for row in replay(log.recent(), lambda r, i: ask(r, i, stricter))] == [None, None, None]


@pytest.mark.feature("X-19")
def test_a_regret_can_be_asked_again_too() -> None:
    """The gain check's own inputs go to another bar."""
    step = GainStep(name="db", old=5, new=10, before=10.0, completions=120, seconds=10.0)
    verdict = take_back(step, SETTINGS)
    assert verdict is not None
    assert verdict.inputs is not None
    assert ask(verdict.rule, verdict.inputs, SETTINGS).type == "scale_down"
    assert ask(verdict.rule, verdict.inputs, AutonomySettings(gain_share=0.1)).type is None
