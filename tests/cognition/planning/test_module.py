"""Planning as a module: over the shared state, several planners at once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from companion_async import Brain, BrainConfig, InvalidArgumentError
from companion_async.cognition.advanced_reasoning.planning import Action
from companion_async.cognition.execution.module import Execution
from companion_async.cognition.mind import Mind
from companion_async.cognition.planning.goals import COMPANY_PAUSE, HORIZON
from companion_async.cognition.planning.module import MOST_GOALS, Planning
from companion_async.state.change import StateChangeType
from companion_async.state.coordinator import StateCoordinator


@pytest.fixture
def planning(virtual_clock):
    module = Planning(Mind("ann", clock=virtual_clock))
    module.brain = SimpleNamespace(state=StateCoordinator())
    return module


@pytest.mark.feature("PP-07", "PF-1")
def test_a_fresh_planner_goes_on_where_the_last_one_was(planning):
    """All that it knows is in the state."""
    planning.add_goal("make tea", 0.8, steps=["boil", "pour"])
    assert planning.run().step == "boil"
    assert planning.report("boil", True).step == "pour"
    fresh = Planning(planning.mind)
    fresh.brain = planning.brain
    assert fresh.run().step == "pour"
    assert fresh.report("pour", True).goal is None
    assert [goal.status for goal in fresh.goals()] == ["done"]


@pytest.mark.feature("PP-07")
def test_what_execution_did_is_taken_in_once(planning):
    """A step that failed is planned around by the next run."""
    planning.mind.actions = (
        Action("knock", adds=frozenset({"inside"})),
        Action("climb", adds=frozenset({"inside"}), cost=3.0),
    )
    planning.add_goal("get in", wants=["inside"])
    assert planning.run().step == "knock"
    planning.brain.state.propose(
        "ann", "agents.ann.action", {"number": 1, "step": "knock", "ok": False, "observed": ["dark"]}
    )
    assert planning.run().step == "climb"
    assert planning.run().step == "climb"
    assert planning.brain.state.get("agents.ann.facts") == ["dark"]


@pytest.mark.feature("PP-07", "PP-20")
def test_a_planner_slower_than_the_hands_misses_nothing(planning):
    """What became of its step is among all that was done since it last looked, and not only the last of that."""
    planning.add_goal("make tea", steps=["boil", "pour"])
    assert planning.run().step == "boil"
    execution = Execution(planning.mind)
    execution.brain = planning.brain
    execution.start()
    execution.mind.skills["boil"] = lambda _: True
    for step in ("boil", "greet bo", "wait"):
        execution.do(step)
    assert planning.run().step == "pour"
    execution.do("greet bo")
    assert planning.run().step == "pour"
    execution.stop()


@pytest.mark.feature("PP-07")
def test_a_round_at_which_nothing_is_another_commits_nothing_and_changes_nothing(planning, virtual_clock):
    """Until a goal, a need, an action of the domain, another's claim or the time makes a difference."""
    now = virtual_clock.time()
    planning.add_goal("dig", 0.5)
    planning.add_goal("draw water", 0.4, deadline=now + 2 * HORIZON, claims=["well"])
    state = planning.brain.state
    assert (planning.run().step, planning.run().step) == ("dig", "dig")
    counted = state.get_metrics().transactions
    assert planning.run().step == "dig"
    assert state.get_metrics().transactions == counted
    virtual_clock._now += 2 * HORIZON - 1
    assert planning.run().step == "draw water"
    other = Planning(Mind("bo", clock=virtual_clock))
    other.brain = planning.brain
    other.add_goal("water the garden", 1.0, claims=["well"])
    planning.run()
    state.propose("bo", "claims.well", {"by": "bo/goal-1", "urgency": 1.0})
    assert planning.run().step == "dig"
    planning.mind.actions = (Action("eat", adds=frozenset({"no hunger"})),)
    state.propose("ann", "agents.ann.needs", {"hunger": 0.9})
    assert planning.run().step == "eat"


@pytest.mark.feature("PP-07", "PF-5")
def test_what_was_waited_for_is_taken_as_soon_as_it_is_free(planning):
    """Though nothing of the agent's own is another by then."""
    state = planning.brain.state
    state.propose("bo", "claims.well", {"by": "bo/goal-1", "urgency": 1.0})
    planning.add_goal("draw water", claims=["well"])
    for _ in range(3):
        assert planning.run().laid_aside == {"goal-1": "well is held by bo/goal-1"}
    state.propose("bo", "claims.well", change_type=StateChangeType.DELETE)
    assert planning.run().step == "draw water"


@pytest.mark.feature("PP-07")
def test_an_id_is_no_other_goals_ever(planning):
    """Not even when that one was given up: what was asked of it must not be done to another."""
    first, second = planning.add_goal("dig"), planning.add_goal("draw water")
    planning.drop_goal(first)
    third = planning.add_goal("rest")
    assert len({first, second, third}) == 3
    assert {goal.text for goal in planning.goals()} == {"draw water", "rest"}


@pytest.mark.feature("PP-18")
def test_company_for_its_own_sake_is_sought_now_and_then(planning, virtual_clock):
    """Once in five minutes, however long somebody stays."""
    planning.brain.state.propose("ann", "agents.ann.perceived", {"others": ["bo"]})
    assert planning.run().step == "talk to bo"
    assert planning.report("talk to bo", True).goal is None
    assert planning.run().goal is None
    virtual_clock._now += COMPANY_PAUSE
    assert planning.run().step == "talk to bo"


@pytest.mark.feature("PP-18")
def test_a_need_that_comes_back_is_a_goal_again(planning):
    """That it was met once says nothing of now."""
    planning.mind.actions = (Action("eat", adds=frozenset({"no hunger"})),)
    state = planning.brain.state
    for _ in range(2):
        state.propose("ann", "agents.ann.needs", {"hunger": 0.9})
        assert planning.run().step == "eat"
        state.propose("ann", "agents.ann.needs", {"hunger": 0.1})
        assert planning.report("eat", True).goal is None


@pytest.mark.feature("PP-07", "PF-5")
async def test_of_many_planners_at_once_one_holds_what_there_is_one_of():
    """Their rounds are transactions: the most urgent goal has the well, the others wait, nobody else's plan is torn."""
    async with Brain(BrainConfig(categories={"core": 8})) as brain:
        for number in range(8):
            await brain.register(f"p{number}", Planning(Mind(f"a{number}")))
            await brain.submit(f"p{number}", "add_goal", "drink", 0.1 * (number + 1), kwargs={"claims": ["well"]})
        for _ in range(2):
            await asyncio.gather(*(brain.submit(f"p{number}") for number in range(8)))
        assert brain.state.get("claims.well.by") == "a7/goal-1"
        plans = [brain.state.get(f"agents.a{number}.plan") for number in range(8)]
        assert [plan is not None for plan in plans] == [False] * 7 + [True]
        await brain.submit("p7", "drop_goal", "goal-1")
        await brain.submit("p7")
        assert brain.state.get("claims.well") is None


def test_goals_have_a_bound(planning):
    """Those that are over make room."""
    for number in range(MOST_GOALS):
        planning.add_goal(f"g{number}")
    with pytest.raises(InvalidArgumentError, match="at most 100"):
        planning.add_goal("one more")
    planning.brain.state.propose("ann", "agents.ann.needs", {"hunger": 0.9})
    planning.report(planning.run().step, True)  # for a goal of one's own there is no room either, and that is no error
    planning.brain.state.propose("ann", "agents.ann.needs", {})
    planning.drop_goal("need-hunger")
    planning.add_goal("one more")
    assert len(planning.goals()) == MOST_GOALS
    assert planning.drop_goal("nobody") is False
    with pytest.raises(InvalidArgumentError):
        planning.add_goal("x", steps="boil")
