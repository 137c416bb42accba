"""One round of planning."""

from __future__ import annotations

import pytest

from companion_async.cognition.advanced_reasoning.planning import Action
from companion_async.cognition.planning.goals import Goal
from companion_async.cognition.planning.pursuit import Claim, Course, Report, pursue

pytestmark = pytest.mark.feature("PP-07")

DOMAIN = (
    Action("walk to the door", adds=frozenset({"at door"}), removes=frozenset({"at desk"})),
    Action("open the door", needs=frozenset({"at door"}), adds=frozenset({"open"})),
    Action("break the door", needs=frozenset({"at door"}), adds=frozenset({"open"}), cost=9.0),
)
OUT = Goal("out", "get out", wants=("open",))
DESK = frozenset({"at desk"})


def go(goals, course=None, facts=DESK, claims=(), report=None, now=0.0):
    return pursue("ann", {goal.id: goal for goal in goals}, course, facts, dict(claims), DOMAIN, now, report)


def test_a_goal_is_taken_apart_into_the_cheapest_steps():
    """By the domain; by the goal's own steps; without either it is the one step itself."""
    assert go([OUT]).course == Course("out", ("walk to the door", "open the door"))
    assert go([Goal("a", "make tea", steps=("boil", "pour"))]).course.steps == ("boil", "pour")
    assert go([Goal("a", "make tea")]).course.steps == ("make tea",)


def test_step_by_step_a_goal_is_reached():
    """The facts follow the steps, and with the last the goal is done."""
    first = go([OUT])
    second = go([OUT], first.course, report=Report("walk to the door", True))
    assert (second.course.step, second.facts) == ("open the door", {"at door"})
    last = go([OUT], second.course, second.facts, report=Report("open the door", True))
    assert (last.goals["out"].status, last.course) == ("done", None)


def test_when_a_step_fails_another_way_is_found_and_at_last_none():
    """What was tried in vain is not tried again."""
    at_door = frozenset({"at door"})
    other = go([OUT], Course("out", ("open the door",)), at_door, report=Report("open the door", False))
    assert other.course.steps == ("break the door",)
    goals = list(other.goals.values())
    none = go(goals, other.course, at_door, report=Report("break the door", False))
    assert (none.course, none.goals["out"].status) == (None, "failed")
    assert "tried" in none.goals["out"].reason


def test_a_report_of_another_step_changes_nothing():
    """It was of a plan that is no more."""
    course = Course("out", ("open the door",))
    assert go([OUT], course, report=Report("walk", False)).course == course


def test_only_a_clearly_more_urgent_goal_takes_over():
    """The one under way is kept among those about as urgent."""
    course = Course("a", ("a",))
    assert go([Goal("a", "a", 0.5), Goal("b", "b", 0.55)], course).course == course
    assert go([Goal("a", "a", 0.5), Goal("b", "b", 0.8)], course).course == Course("b", ("b",))


def test_a_deadline_that_has_passed_is_missed():
    """And the next goal is pursued."""
    done = go([Goal("a", "a", 0.9, deadline=5.0), Goal("b", "b", 0.1)], now=6.0)
    assert (done.goals["a"].status, done.course.goal) == ("missed", "b")


def test_what_was_done_in_time_is_not_missed_later():
    """Nor is what has failed."""
    over = [Goal("a", "a", deadline=5.0, status="done"), Goal("b", "b", deadline=5.0, status="failed", reason="no way")]
    after = go(over, now=6.0).goals
    assert [(goal.status, goal.reason) for goal in after.values()] == [("done", ""), ("failed", "no way")]


def test_a_goal_is_done_when_what_it_wants_is_so_and_not_when_its_steps_are_over():
    """Steps of its own that did not bring it about are taken again, until it is so."""
    push = Goal("push", "get out", wants=("open",), steps=("push",))
    course = Course("push", ("push",))
    again = go([push], course, report=Report("push", True))
    assert (again.goals["push"].status, again.course) == ("open", course)
    done = go([push], course, report=Report("push", True, facts=("open",)))
    assert (done.goals["push"].status, done.course) == ("done", None)


def test_what_another_holds_more_urgently_is_waited_for():
    """And taken from one who holds it less urgently; what is not needed any more is free again."""
    well = Goal("drink", "drink", 0.6, claims=("well",))
    waits = go([well], claims=[("well", Claim("bo/x", 0.7))])
    assert (waits.course, waits.goals["drink"].status, waits.claims) == (None, "waiting", {})
    takes = go([well], claims=[("well", Claim("bo/x", 0.5))])
    assert takes.claims == {"well": Claim("ann/drink", 0.6)}
    assert go([well], takes.course, claims=[("well", Claim("ann/drink", 0.6))]).claims == {}
    assert go([], claims=[("well", Claim("ann/drink", 0.6))]).claims == {"well": None}
