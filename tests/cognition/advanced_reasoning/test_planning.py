"""Plans over small worlds."""

from __future__ import annotations

import pytest

from companion_async.cognition.advanced_reasoning.planning import Action, cheapest_plan
from companion_async.errors import InvalidArgumentError


def carry(name, place, other, cost=1.0):
    return Action(name, frozenset({place}), frozenset({other}), frozenset({place}), cost)


@pytest.mark.feature("CB-47", "PP-07")
def test_the_cheapest_plan_is_found():
    """Not the shortest: two cheap ways beat a dear one."""
    actions = [carry("fly", "home", "sea", 10.0), carry("walk", "home", "town"), carry("ride", "town", "sea", 2.0)]
    plan = cheapest_plan({"home"}, {"sea"}, actions)
    assert (plan.found, plan.actions, plan.cost, plan.proved) == (True, ("walk", "ride"), 3.0, True)
    assert cheapest_plan({"sea"}, {"sea"}, actions).actions == ()


@pytest.mark.feature("CB-47")
def test_a_goal_is_part_of_a_state_and_what_an_action_adds_stands():
    """More may be true than is asked for; what is taken away and added at once is there."""
    spin = Action("spin", frozenset({"still"}), frozenset({"still", "dizzy"}), frozenset({"still"}))
    assert cheapest_plan({"still", "home"}, {"dizzy", "still"}, [spin]).actions == ("spin",)


@pytest.mark.feature("CB-47")
def test_a_state_is_looked_at_once():
    """Eight switches have 256 states, in however many orders they are thrown."""
    switches = [Action(f"set{n}", adds=frozenset({f"b{n}"})) for n in range(8)]
    plan = cheapest_plan(set(), {"moon"}, switches)
    assert (plan.found, plan.proved, plan.looked_at) == (False, True, 256)
    # Without the look at what is done, these would be gone on from once for every order: 109,601 times.
    gone_on_from = []

    class Counted(list[Action]):
        def __iter__(self):
            gone_on_from.append(1)
            return super().__iter__()

    cheapest_plan(set(), {"moon"}, Counted(switches))
    assert len(gone_on_from) == 256


@pytest.mark.feature("CB-47")
def test_what_cannot_be_reached_is_proved_or_left_open():
    """A small world is searched whole; of an endless one it is said that the search ended."""
    assert cheapest_plan({"home"}, {"moon"}, [carry("walk", "home", "town")]).proved
    bits = [Action(f"set{n}", adds=frozenset({f"b{n}"})) for n in range(20)]
    plan = cheapest_plan(set(), {"moon"}, bits, most=500)
    assert (plan.found, plan.proved, plan.looked_at) == (False, False, 500)


@pytest.mark.parametrize("cost", [0.0, -1.0, float("inf"), float("nan")])
def test_an_action_costs_something(cost):
    """Free actions would make endless plans."""
    with pytest.raises(InvalidArgumentError):
        Action("x", cost=cost)
