"""The decision log: numbered, bounded, unchanged but for the outcome; and the replay of what it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from companion_async.autonomy.answer import RuleAnswer
from companion_async.autonomy.decision import Decision, DecisionLog, Outcome
from companion_async.autonomy.replay import replay

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OUTCOME = Outcome("throughput", 10.0, 12.0, 13.0, True, 10.0)


def fill(log: DecisionLog, count: int) -> list[Decision]:
    return [
        log.add(
            "scale_up", "core", {"old": n, "new": n + 2, "inputs": {"limit": n}}, "full", True, NOW, rule="scale.plain"
        )
        for n in range(1, count + 1)
    ]


@pytest.mark.feature("CB-21", "U-4")
def test_a_decision_has_the_documented_fields_and_is_plain_json() -> None:
    """decision_id, type, context, data, reason, applied, timestamp, outcome; a timestamp in UTC with its offset."""
    (decision,) = fill(DecisionLog(), 1)
    plain = decision.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert list(plain)[:8] == [*("decision_id", "type", "context", "data", "reason", "applied", "timestamp", "outcome")]
    assert (plain["decision_id"], plain["timestamp"], plain["outcome"]) == (1, "2026-11-22T12:00:00Z", None)


@pytest.mark.feature("CB-33")
def test_a_decision_cannot_be_changed() -> None:
    """Neither its fields nor its data; and the log keeps no hold on the dictionary it was given."""
    log, data = DecisionLog(), {"old": 1}
    decision = log.add("scale_up", "core", data, "full", True, NOW)
    data["old"] = 99
    assert decision.data == {"old": 1}
    with pytest.raises(AttributeError):
        decision.applied = False  # type: ignore[misc]
    with pytest.raises(TypeError):
        decision.data["old"] = 2  # type: ignore[index]


@pytest.mark.feature("CB-21")
def test_the_log_keeps_the_last_thousand_newest_last() -> None:
    """Older ones go, numbers go on, and `recent` cuts from the end."""
    log = DecisionLog()
    fill(log, 1003)
    assert (len(log), log.made) == (1000, 1003)
    assert [decision.decision_id for decision in log.recent(3)] == [1001, 1002, 1003]
    assert log.recent()[0].decision_id == 4
    assert log.recent(0) == log.recent(-1) == []
    assert log.get(3) is None
    assert log.get(1004) is None
    assert [log.get(number).decision_id for number in (4, 500, 1003)] == [4, 500, 1003]  # type: ignore[union-attr]


@pytest.mark.feature("X-19")
def test_an_outcome_comes_later_as_a_new_decision_in_the_same_place() -> None:
    """Whoever holds the old one still has what was known then; one that has left the log gets none."""
    log = DecisionLog(2)
    first, second, third = fill(log, 3)
    attached = log.attach(2, OUTCOME)
    assert attached is not None
    assert (attached.outcome, second.outcome) == (OUTCOME, None)
    assert log.recent() == [attached, third]
    assert log.attach(first.decision_id, OUTCOME) is None
    assert log.attach(4, OUTCOME) is None


@pytest.mark.feature("X-19")
def test_recorded_inputs_can_be_put_to_another_rule() -> None:
    """Same type and same figures agree; a rule that would have done otherwise is seen; the rest is left out."""
    log = DecisionLog()
    fill(log, 3)
    log.add("pause", "planner", {"by": "a person"}, "maintenance", True, NOW)
    log.add("restart_module", "planner", {"inputs": {"limit": 9}}, "failed", True, NOW, rule="heal")

    def other(rule: str, inputs: Mapping[str, Any]) -> RuleAnswer:
        if inputs["limit"] == 1:
            return RuleAnswer(None)
        return RuleAnswer("scale_up", {"new": min(inputs["limit"] + 2, 4)})

    compared = replay(log.recent(), other, only="scale")
    assert [(row.decision.decision_id, row.answer.type, row.same) for row in compared] == [
        (1, None, False),
        (2, "scale_up", True),
        (3, "scale_up", False),
    ]
    assert len(replay(log.recent(), other, only="")) == 4
