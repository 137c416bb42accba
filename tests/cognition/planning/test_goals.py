"""Which goals there are, and which comes first."""

from __future__ import annotations

import pytest

from companion_async import InvalidArgumentError
from companion_async.cognition.planning.goals import HORIZON, Goal, by_urgency, checked, urgency, wishes


@pytest.mark.feature("PP-07")
def test_a_goal_grows_urgent_towards_its_deadline():
    """Its priority while there is time, 1 at the deadline, half way in between."""
    goal = Goal("a", "pack", 0.4, deadline=10_000.0)
    assert [urgency(goal, 10_000.0 - left) for left in (2 * HORIZON, HORIZON / 2, 0.0)] == pytest.approx(
        [0.4, 0.7, 1.0]
    )


@pytest.mark.feature("PP-07")
def test_the_most_urgent_comes_first_and_of_equals_the_older():
    """What is over is left out."""
    goals = [Goal("a", "x", 0.5), Goal("b", "x", 0.9), Goal("c", "x", 0.5), Goal("d", "x", 1.0, status="done")]
    assert [goal.id for goal in by_urgency(goals, 0.0)] == ["b", "a", "c"]


@pytest.mark.feature("PP-18")
def test_an_agent_sets_itself_goals():
    """By strong needs, by low spirits, and for company when there is nothing else; none twice."""
    needs = {"hunger": 0.8, "rest": 0.3}
    assert [(goal.id, goal.priority) for goal in wishes(needs, 0.5, (), ())] == [("need-hunger", 0.8)]
    assert [goal.text for goal in wishes({}, 0.2, (), ())] == ["find someone to talk to"]
    assert [goal.text for goal in wishes({}, 0.5, ("bo", "al"), ())] == ["talk to al"]
    assert wishes({}, 0.5, ("bo",), (), sociable=False) == []
    assert wishes({}, 0.5, ("bo",), (Goal("g", "dig"),)) == []
    assert wishes(needs, 0.5, (), wishes(needs, 0.5, (), ())) == []
    assert wishes({}, 0.5, (), ()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        Goal("", ""),
        Goal("", "x", 1.5),
        Goal("", "x", deadline=float("nan")),
        Goal("", "x", claims=("a.b",)),
        Goal("", "x", steps=("y",) * 101),
    ],
)
def test_what_cannot_be_pursued_is_refused(wrong):
    """Each with its reason."""
    with pytest.raises(InvalidArgumentError):
        checked(wrong)
