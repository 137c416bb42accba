"""Execution as a module: each decision once, outcomes told to planning."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from companion_async import Brain, TaskCrashedError
from companion_async.cognition.advanced_reasoning.planning import Action
from companion_async.cognition.execution.module import Execution
from companion_async.cognition.mind import Mind
from companion_async.cognition.planning.module import Planning
from companion_async.state.coordinator import StateCoordinator

pytestmark = pytest.mark.feature("PP-10")

DOORS = (
    Action("open door", adds=frozenset({"inside"})),
    Action("climb window", adds=frozenset({"inside"}), cost=4.0),
)


@pytest.fixture
def execution(virtual_clock):
    module = Execution(Mind("ann", clock=virtual_clock))
    module.brain = SimpleNamespace(state=StateCoordinator())
    module.start()
    yield module
    module.stop()


def decide(execution, number, step):
    execution.brain.state.propose("ann", "agents.ann.decision", {"number": number, "step": step})


def test_a_decision_is_done_once(execution):
    """With the skill that its words name, and the rest of them."""
    done: list[str] = []
    execution.mind.skills["walk to"] = done.append
    decide(execution, 1, "walk to well")
    assert execution.run().decision == 1
    assert execution.run() is None
    decide(execution, 2, "walk to field")
    assert execution.run().number == 2
    assert done == ["well", "field"]
    assert execution.skills()["walk to"].done == 2


def test_without_a_controller_a_step_of_the_plan_is_done_once(execution):
    """It waits for planning to see what came of it."""
    state = execution.brain.state
    state.propose("ann", "agents.ann.plan", {"goal": "g", "steps": ["wait", "greet bo"], "at": 0})
    assert (execution.run().step, execution.run()) == ("wait", None)
    state.propose("ann", "agents.ann.acted_on", 1)
    assert (execution.run().step, execution.run()) == ("wait", None)


def test_of_two_runs_that_look_at_once_one_does_it(execution, monkeypatch):
    """Both have seen a decision that nobody had taken."""
    done: list[str] = []
    execution.mind.skills["walk to"] = done.append
    decide(execution, 1, "walk to well")
    monkeypatch.setattr(execution, "_get", lambda name, default=None: default)
    assert execution.run().decision == 1
    assert execution.run() is None
    assert done == ["well"]


def test_outcomes_wait_for_planning_and_not_without_end(execution):
    """The last twenty that it has not seen."""
    for _ in range(30):
        execution.do("wait")
    state = execution.brain.state
    assert [each["number"] for each in state.get("agents.ann.outcomes")] == list(range(11, 31))
    state.propose("ann", "agents.ann.acted_on", 30)
    execution.do("wait")
    assert [each["number"] for each in state.get("agents.ann.outcomes")] == [31]


@pytest.mark.feature("PP-18")
def test_what_is_not_as_expected_is_noticed_and_remembered(execution):
    """A skill that fails, raises or is not there is a surprise in memory and no error."""
    execution.mind.actions = DOORS
    execution.mind.skills |= {"open": lambda target: ["dark"], "climb": lambda target: 1 / 0}
    for step, reason in (("open door", "inside"), ("climb window", "ZeroDivisionError"), ("fly home", "no skill")):
        outcome = execution.do(step)
        assert not outcome.ok
        assert reason in outcome.surprise
        assert execution.mind.memory.working.get_recent(1)[0].content == outcome.surprise
    assert {name: skill.failed for name, skill in execution.skills().items()} == {"open": 1, "climb": 1}
    assert execution.do("wait").ok
    assert execution.mind.memory.working.get_recent(1)[0].type == "surprise"


async def test_a_skill_that_ends_its_run_holds_nothing_up():
    """The task says what happened, and planning has an outcome to go on from."""
    mind = Mind("ann", skills={"dig": lambda target: exit(3)})
    async with Brain() as brain:
        await brain.register("execution", Execution(mind))
        await brain.register("planning", Planning(mind))
        await brain.submit("planning", "add_goal", "dig")
        await brain.submit("planning")
        with pytest.raises(TaskCrashedError):
            await brain.submit("execution")
        assert (await brain.submit("planning")).laid_aside == {"goal-1": "every way that was known was tried"}


def test_to_talk_is_to_turn_to_somebody(execution):
    """The words are another module's."""
    execution.do("talk to bo")
    assert execution.brain.state.get("agents.ann.facing") == "bo"


@pytest.mark.feature("PP-07")
async def test_planning_and_execution_reach_a_goal_around_what_fails():
    """Over the state alone: the locked door is tried once, then the window."""
    tried: list[str] = []

    def skill(name, succeeds):
        def use(target):
            tried.append(name)
            return succeeds

        return use

    mind = Mind("ann", actions=DOORS, skills={"open": skill("door", False), "climb": skill("window", True)})
    async with Brain() as brain:
        await brain.register("planning", Planning(mind))
        await brain.register("execution", Execution(mind))
        await brain.submit("planning", "add_goal", "get in", kwargs={"wants": ["inside"]})
        for _ in range(4):
            await brain.submit("planning")
            await brain.submit("execution")
        assert tried == ["door", "window"]
        (goal,) = await brain.submit("planning", "goals")
        assert goal.status == "done"
