"""The controller as a module: one decision for all, broadcast, and what that is worth."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from companion_async import Brain, InvalidArgumentError
from companion_async.cognition.controller.module import Controller
from companion_async.cognition.controller.social import MOST
from companion_async.cognition.converse.module import Converse
from companion_async.cognition.execution.module import Execution
from companion_async.cognition.mind import Mind
from companion_async.cognition.planning.module import Planning
from companion_async.state.coordinator import StateCoordinator

pytestmark = pytest.mark.feature("PP-19")

ROUNDS = 60


@pytest.fixture
def controller(virtual_clock):
    module = Controller(Mind("ann", clock=virtual_clock))
    state = StateCoordinator()
    sent: list[object] = []
    channel = SimpleNamespace(put=sent.append)
    module.brain = SimpleNamespace(state=state, channel=lambda name, capacity, overflow: channel, sent=sent)
    return module


def put(controller, name, value):
    controller.brain.state.propose("test", f"agents.ann.{name}", value)


async def living(brain, *, voice=True):
    """The modules of ann, who can dig."""
    mind = Mind("ann", skills={"dig": lambda what: True})
    for module in (Planning(mind), Controller(mind), Execution(mind), *([Converse(mind)] if voice else [])):
        await brain.register(type(module).__name__.lower(), module)


async def coherence(broadcast, seed=7):
    """The share of rounds in which the agent does what it said, while the world goes on in between."""
    chance = random.Random(seed)
    mind = Mind("ann", skills={name: lambda target: True for name in ("dig", "drink", "rest")})
    alike = 0
    async with Brain() as brain:
        for name, module in {
            "planning": Planning(mind),
            "controller": Controller(mind, broadcast=broadcast),
            "converse": Converse(mind),
            "execution": Execution(mind),
        }.items():
            await brain.register(name, module)
        for _ in range(ROUNDS):
            await stir(brain, chance)
            await brain.submit("planning")
            await brain.submit("controller")
            said = (await brain.submit("converse", "say"))[-1]
            await stir(brain, chance)
            await brain.submit("planning")
            done = await brain.submit("execution")
            alike += done is not None and done.step == said.step
    return alike / ROUNDS


async def stir(brain, chance):
    if chance.random() < 0.4:
        await brain.submit("converse", "hear", chance.choice(["bo", "al"]), "hello")
    if chance.random() < 0.6:
        await brain.submit("planning", "add_goal", chance.choice(["dig", "drink", "rest"]), chance.random())


async def test_with_the_broadcast_it_says_what_it_does_and_without_often_not():
    """Talk and acting follow the decision in every round; each by itself, they part in most of them."""
    assert await coherence(broadcast=True) == 1.0
    assert await coherence(broadcast=False) < 0.5


async def test_the_decision_is_told_in_the_state_the_channel_and_on_the_bus():
    """To whoever listens, at the moment it is made."""
    async with Brain() as brain:
        await brain.register("controller", Controller(Mind("ann")))
        channel = brain.channel("ann.decisions", 16, overflow="drop_oldest")
        async with brain.events.subscribe("state.changed") as stream:
            decision = await brain.submit("controller")
            event = await anext(stream)
        assert event.kind == "state.changed"
        assert brain.state.get("agents.ann.decision.number") == decision.number == 1
        assert await channel.receive() == decision


def test_a_decision_stands_until_it_is_acted_on_or_another_is_better(controller):
    """The same number, and nothing is told twice."""
    put(controller, "heard", {"by": "bo", "text": "hello"})
    assert [controller.run().number for _ in range(3)] == [1, 1, 1]
    put(controller, "acting", {"decision": 1})
    assert (controller.run().number, controller.run().number) == (2, 2)
    put(controller, "heard", None)
    assert (controller.run().step, len(controller.brain.sent)) == ("wait", 3)
    put(controller, "acting", {"decision": 3})
    assert controller.run().number == 3


def test_a_step_that_was_done_is_not_decided_on_again_before_planning_looks(controller):
    """It would be done twice."""
    put(controller, "goals", {"g": {"id": "g", "text": "dig", "priority": 0.9}})
    put(controller, "plan", {"goal": "g", "steps": ["dig"], "at": 0})
    assert controller.run().step == "dig"
    put(controller, "acting", {"decision": 1, "number": 1})
    assert controller.run().step == "wait"
    put(controller, "acted_on", 1)
    assert controller.run().step == "dig"


@pytest.mark.feature("PP-18")
async def test_whoever_comes_is_greeted_when_that_is_said():
    """Not when it was decided; once, and again after having been away."""
    async with Brain() as brain:
        await living(brain)
        brain.state.propose("test", "agents.ann.perceived", {"others": ["bo"]})
        assert (await brain.submit("controller")).step == "greet bo"
        assert brain.state.get("agents.ann.relations.bo.greeted") is False
        assert (await brain.submit("execution")).step == "greet bo"  # the hands are quicker than the mouth
        decision = await brain.submit("controller")
        assert (decision.step, decision.number) == ("greet bo", 1)
        assert (await brain.submit("converse", "say"))[-1].text == "Hello, bo."
        assert brain.state.get("agents.ann.relations.bo.greeted") is True
        assert (await brain.submit("controller")).step == "wait"
        brain.state.propose("test", "agents.ann.perceived", {"others": []})
        await brain.submit("converse", "hear", "al", "hm")
        await brain.submit("controller")
        await brain.submit("converse", "say")
        brain.state.propose("test", "agents.ann.perceived", {"others": ["bo"]})
        assert (await brain.submit("controller")).step == "greet bo"


@pytest.mark.feature("PP-18")
async def test_a_greeting_that_something_better_went_before_comes_after_it():
    """Bo was not greeted, so bo is greeted still."""
    async with Brain() as brain:
        await living(brain)
        brain.state.propose("test", "agents.ann.perceived", {"others": ["bo"]})
        assert (await brain.submit("controller")).step == "greet bo"
        await brain.submit("planning", "add_goal", "dig", 0.9)
        await brain.submit("planning")
        assert (await brain.submit("controller")).step == "dig"
        await brain.submit("execution")
        await brain.submit("planning")
        assert (await brain.submit("controller")).step == "greet bo"


@pytest.mark.feature("PP-18")
async def test_without_a_voice_to_turn_to_somebody_is_to_greet():
    """Nothing would ever be said."""
    async with Brain() as brain:
        await living(brain, voice=False)
        brain.state.propose("test", "agents.ann.perceived", {"others": ["bo"]})
        assert (await brain.submit("controller")).step == "greet bo"
        await brain.submit("execution")
        assert (await brain.submit("controller")).step == "wait"


async def test_what_is_to_be_told_stands_until_it_is_said():
    """Though the hands have turned to somebody by then, and the surprise is not their last doing any more."""
    async with Brain() as brain:
        await living(brain)
        brain.state.propose("test", "agents.ann.relations", {"bo": {"greeted": True}})
        brain.state.propose("test", "agents.ann.perceived", {"others": ["bo"]})
        await brain.submit("execution", "do", "fly")  # which it cannot
        told = await brain.submit("controller")
        assert told.step == "talk to bo"
        await brain.submit("execution")
        assert await brain.submit("controller") == told
        assert (await brain.submit("converse", "say"))[-1].decision == told.number
        assert (await brain.submit("controller")).step == "wait"
        await brain.submit("execution", "do", "fly")
        assert (await brain.submit("controller")).step == "talk to bo"
        await brain.submit("execution")
        brain.state.propose("test", "agents.ann.perceived", {"others": []})
        assert (await brain.submit("controller")).step == "wait"


def test_how_it_felt_changes_how_the_other_is_liked(controller):
    """By a fifth of the way, and by numbers from -1 to 1 alone."""
    assert controller.feel("bo", 1.0).liking == pytest.approx(0.2)
    for other, valence in (("bo", 2), ("bo", "good"), (None, 1.0)):
        with pytest.raises(InvalidArgumentError):
            controller.feel(other, valence)
    assert controller.run().step == "wait"


def test_whatever_a_decision_is_made_of_makes_another(controller):
    """A need alone, or how somebody is liked, though nothing else has come."""
    put(controller, "goals", {"g": {"id": "g", "text": "dig", "priority": 0.55}})
    put(controller, "plan", {"goal": "g", "steps": ["dig"], "at": 0})
    put(controller, "heard", {"by": "bo", "text": "hello"})
    put(controller, "perceived", {"others": ["bo"]})
    assert [controller.run().step for _ in range(2)] == ["answer bo"] * 2
    put(controller, "needs", {"hunger": 0.9})
    assert [controller.run().step for _ in range(2)] == ["dig"] * 2
    put(controller, "needs", {})
    assert [controller.run().step for _ in range(2)] == ["answer bo"] * 2
    controller.feel("bo", -1.0)
    assert controller.run().step == "dig"


def test_of_all_whom_it_ever_met_it_keeps_the_most_familiar(controller):
    """The state does not grow with the town."""
    put(controller, "relations", {f"p{n}": {"familiarity": n / 1_000} for n in range(MOST + 9)})
    controller.run()
    relations = controller.brain.state.get("agents.ann.relations")
    assert len(relations) == MOST
    assert "p0" not in relations


def test_a_long_step_is_decided_on_whole(controller):
    """Though the digest has it cut."""
    step = "dig " + "deeper " * 20
    put(controller, "goals", {"g": {"id": "g", "text": step, "priority": 0.9}})
    put(controller, "plan", {"goal": "g", "steps": [step], "at": 0})
    assert len(controller.digest().step) == 80
    assert controller.run().step == step


def test_a_look_at_which_nothing_is_another_decides_nothing(controller, virtual_clock):
    """The decision stands without a transaction, until what it is made of, or the time, makes another."""
    put(
        controller, "goals", {"g": {"id": "g", "text": "dig", "priority": 0.2, "deadline": virtual_clock.time() + 7200}}
    )
    put(controller, "plan", {"goal": "g", "steps": ["dig"], "at": 0})
    put(controller, "heard", {"by": "al", "text": "hello", "at": 0.0})
    state = controller.brain.state
    assert [controller.run().step for _ in range(2)] == ["answer al"] * 2
    counted = state.get_metrics().transactions
    put(controller, "facing", "of no matter to it")
    assert controller.run().step == "answer al"
    assert state.get_metrics().transactions == counted
    virtual_clock._now += 7190
    assert controller.run().step == "dig"
    put(controller, "plan", None)
    assert controller.run().step == "answer al"
