"""From goals and figures to proposals, and which of these need no person's word."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from companion_async import InvalidArgumentError
from companion_async.cognition.autonomous_system.rules import Goal, Proposal, needs_no_word, unmet

HEALTHY = Goal("healthy", "success_rate", "m", "at least", 0.9)
UP = Goal("up", "state", "m")
CALM = Goal("calm", "queued", "core", "at most", 10.0)
USED = Goal("used", "utilization", "core", "at least", 0.5)


def proposed(goal, **figures):
    known = {
        "state": "running",
        "tasks_completed": 0,
        "tasks_failed": 0,
        "max": 8,
        "queued": 0,
        "utilization": 1.0,
        **figures,
    }
    of_one = SimpleNamespace(**known)
    return [(each.operation, each.value, each.risk) for each in unmet([goal], {"m": of_one}, {"core": of_one})]


@pytest.mark.feature("CB-52")
@pytest.mark.parametrize(
    ("risk", "benefit", "alone"),
    [(0.69, 0.61, True), (0.7, 0.61, False), (0.69, 0.6, False), (0.9, 0.1, False), (0.0, 0.0, False)],
)
def test_what_needs_no_word_is_below_the_risk_and_above_the_benefit(risk, benefit, alone):
    """At either bound, or beyond it, a person is asked."""
    proposal = Proposal(
        goal="g", operation="restart", subject="m", value=None, risk=risk, benefit=benefit, why="", figures={}
    )
    assert needs_no_word(proposal, 0.7, 0.6) is alone


@pytest.mark.feature("CB-52")
@pytest.mark.parametrize(
    ("goal", "figures", "expected"),
    [
        (HEALTHY, {"tasks_completed": 90, "tasks_failed": 10}, []),
        (HEALTHY, {"tasks_failed": 4}, [("restart", None, 0.4), ("pause", None, 0.75)]),
        (HEALTHY, {"tasks_failed": 3}, []),
        (HEALTHY, {"tasks_failed": 9, "state": "paused"}, []),
        (UP, {}, []),
        (UP, {"state": "error"}, [("restart", None, 0.3)]),
        (UP, {"state": "stopped"}, [("resume", None, 0.8)]),
        (UP, {"state": "paused"}, [("resume", None, 0.8)]),
        (CALM, {"queued": 10}, []),
        (CALM, {"queued": 11}, [("resize", 12, 0.3)]),
        (CALM, {"queued": 11, "max": 1}, [("resize", 2, 0.3)]),
        (USED, {"utilization": 0.5}, []),
        (USED, {"utilization": 0.4}, [("resize", 4, 0.5)]),
        (USED, {"utilization": 0.4, "max": 1}, []),
        (Goal("ghost", "state", "nobody"), {"state": "error"}, []),
        (Goal("ghost", "queued", "nowhere", "at most", 0.0), {"queued": 9}, []),
    ],
)
def test_each_goal_that_is_missed_has_its_operations(goal, figures, expected):
    """What somebody has paused or stopped is risky to start; a few failures, one slot and strangers are left alone."""
    assert proposed(goal, **figures) == expected


@pytest.mark.feature("CB-52")
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_goal_that_nothing_can_meet_is_refused(value):
    """Its value is a finite number."""
    with pytest.raises(InvalidArgumentError, match="finite"):
        Goal("g", "queued", "core", "at most", value)
