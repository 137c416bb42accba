"""Many agents in one brain: apart where they are their own, together where they share, none slowed by another."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import partial

import pytest

from companion_async import Brain, BrainConfig, InvalidArgumentError
from companion_async.cognition.advanced_reasoning.planning import Action
from companion_async.cognition.planning.module import Planning
from companion_async.companion.agents import SCALES, Agents
from companion_async.companion.companion import CompanionBrain
from companion_async.modules.spec import ModuleSpec
from companion_async.testing.clock import until

pytestmark = pytest.mark.feature("PF-5", "PF-4")


@pytest.fixture
async def agents(virtual_clock):
    """Agents of a brain on a virtual clock; nothing that they do takes time."""
    async with Brain(BrainConfig(), clock=virtual_clock) as brain:
        yield Agents(brain, clock=virtual_clock)


async def test_each_agent_has_a_state_a_memory_and_modules_of_its_own(agents):
    """What one is told, plans and remembers, no other does."""
    ann, bo = await agents.add("ann"), await agents.add("bo", only=["planning", "converse"])
    await ann.submit("planning", "add_goal", "dig")
    await ann.submit("converse", "hear", "cy", "hello")
    assert (await ann.submit("planning")).step == "dig"
    assert (await bo.submit("planning")).step == ""
    assert (ann.get("heard.by"), bo.get("heard.by")) == ("cy", None)
    assert (len(ann.mind.memory.working), len(bo.mind.memory.working)) == (1, 0)
    assert bo.modules == ("converse", "planning")
    assert [agent.name for agent in agents] == ["ann", "bo"]


async def test_they_talk_through_channels(agents):
    """What one says to another, the other hears, remembers and answers."""
    ann, bo = await agents.add("ann"), await agents.add("bo")
    await ann.tell("bo", "where is the well?")
    assert await bo.submit("converse", "listen") == 1
    assert (await bo.submit("controller")).step == "answer ann"
    said = (await bo.submit("converse", "say"))[-1]
    assert said.to == "ann"
    assert await ann.submit("converse", "listen") == 1
    assert ann.mind.memory.working.get_recent(1)[0].content == f"bo said: {said.text}"
    assert ann.get("heard") is None  # an answer to an answer would have no end
    with pytest.raises(InvalidArgumentError, match="no agent 'di'"):
        await ann.tell("di", "hello")


async def settled(agent):
    """What its tickers have begun is over."""
    await until(lambda: all(ticker.task is None or ticker.task.done() for ticker in agent._tickers))


async def test_they_live_by_themselves_each_activity_at_its_own_pace(agents):
    """Planned, decided, done: the goal of each is reached with nobody asking; at rest nothing is done."""
    eaten = []
    for name in ("ann", "bo"):
        actions = (Action("eat", adds=frozenset({"no hunger"})),)
        agent = await agents.add(name, actions=actions, skills={"eat": lambda _, name=name: eaten.append(name)})
        agent.set("needs", {"hunger": 0.9})
        agent.live()
    for _ in range(24):
        await agents["ann"].mind.clock.advance(0.25)
        for agent in agents:
            await settled(agent)
    assert set(eaten) == {"ann", "bo"}
    ann = agents["ann"]
    paces = {(ticker.period, ticker.runs) for ticker in ann._tickers}
    assert {period for period, _ in paces} == set(SCALES.values())
    assert (
        min(runs for period, runs in paces if period == 0.5) > max(runs for period, runs in paces if period == 1.0) > 5
    )
    count = len(ann._tickers)
    ann.live({"reflection": 0.0})
    assert len(ann._tickers) == count - 1
    await settled(ann)
    ann.rest()
    before = ann.get("acting.number")
    await ann.mind.clock.advance(5)
    assert ann.get("acting.number") == before


@pytest.mark.slow
@pytest.mark.feature("PP-20")
async def test_what_is_slow_never_delays_what_is_fast(agents):
    """While a module of each of ten agents wants to hang in its thread, more than its category has places, every run of
    the fast ones is made in its instant, and the slow ones have theirs skipped.
    """
    gate = threading.Event()
    slow: list[str] = []
    seen: list[str] = []

    def own(mind):
        def dream():
            slow.append(mind.name)
            gate.wait(30)

        return (
            ModuleSpec("dream", dream, "phase5", "low", timeout=None),
            ModuleSpec("reflex", lambda: seen.append(mind.name), "core", "high"),
        )

    for number in range(10):
        agent = await agents.add(f"a{number}", only=["perception"], own=own)
        agent.live({"perception": 0.5, "dream": 1.0, "reflex": 0.1})
    clock = agents["a0"].mind.clock
    try:
        await until(lambda: len(slow) >= 4 and fast_done(agents))
        for _ in range(100):
            await clock.advance(0.1)
            await until(partial(fast_done, agents))
        tickers = {agent.name: {ticker.period: ticker for ticker in agent._tickers} for agent in agents}
        for each in tickers.values():
            assert (each[0.1].skipped, each[0.5].skipped) == (0, 0)
            assert each[0.1].runs >= 100
            assert each[0.5].runs >= 20
            assert (each[1.0].runs, each[1.0].skipped) == (1, pytest.approx(10, abs=1))
        assert len(seen) >= 1_000
        assert len(set(slow)) == len(slow)
    finally:
        gate.set()


def fast_done(agents):
    return all(
        ticker.task.done() for agent in agents for ticker in agent._tickers if ticker.period < 1.0 and ticker.task
    )


async def test_an_agent_is_taken_out_with_what_it_held(agents):
    """Its modules, its state, its claims and its tickers; its name is free again."""
    ann = await agents.add("ann")
    ann.live({"planning": 0.0})
    tickers = list(ann._tickers)
    await ann.submit("planning", "add_goal", "drink", kwargs={"claims": ["well"]})
    await ann.submit("planning")
    brain = agents._brain
    assert brain.state.get("claims.well.by") == "ann/goal-1"
    await agents.remove("ann")
    assert all(ticker.stopped for ticker in tickers)
    assert brain.state.get("claims.well") is None
    assert brain.state.get("agents.ann") is None
    assert not [name for name in brain.status().module_threads if name.startswith("ann.")]
    await agents.add("ann")


async def test_what_others_hold_is_theirs_when_an_agent_is_taken_out(agents):
    """Also those whose names begin as its own."""
    for name in ("ann", "anna"):
        agent = await agents.add(name, only=["planning"])
        await agent.submit("planning", "add_goal", "drink", kwargs={"claims": [f"well_of_{name}"]})
        await agent.submit("planning")
    await agents.remove("ann")
    assert list(agents._brain.state.get("claims")) == ["well_of_anna"]


async def test_an_agent_that_could_not_be_made_leaves_its_name_free(agents):
    """Whatever of it could not: a module of its own that has the name of another, or no category."""
    doubled = ModuleSpec("planning", lambda: None, "core")
    nowhere = ModuleSpec("dream", lambda: None, "nowhere")
    for spec, why in ((doubled, "already"), (nowhere, "nowhere")):
        with pytest.raises(ValueError, match=why):
            await agents.add("ann", own=lambda mind, spec=spec: [spec])
        assert "ann" not in agents
    assert not [name for name in agents._brain.status().module_threads if name.startswith("ann.")]
    await agents.add("ann")


async def test_a_decision_to_talk_is_said_once(agents):
    """However often the mouth has its turn."""
    ann = await agents.add("ann")
    ann.set("decision", {"step": "greet bo", "skill": "greet", "reason": "bo has come", "number": 1})
    assert (await ann._speak()).text == "Hello, bo."
    assert await ann._speak() is None
    ann.set("decision", {"step": "dig", "skill": "dig", "reason": "of hunger", "number": 2})
    assert await ann._speak() is None


async def test_a_taking_out_that_was_cancelled_can_be_done_again(agents):
    """At whatever moment it was broken off; then the name is free."""
    for turns in (1, 2, 5, 10, 20):
        await agents.add("bo")
        taking_out = asyncio.ensure_future(agents.remove("bo"))
        for _ in range(turns):
            await asyncio.sleep(0)
        taking_out.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await taking_out
        if "bo" in agents:
            await agents.remove("bo")
        assert "bo" not in agents


async def test_what_is_told_is_text_and_not_without_end(agents):
    """What the other could not take in is refused to the one who says it."""
    ann, _ = await agents.add("ann"), await agents.add("bo")
    for text in (None, b"hello", "a" * 10_001):
        with pytest.raises(InvalidArgumentError):
            await ann.tell("bo", text)
    assert await agents["bo"].submit("converse", "listen") == 0


async def test_what_cannot_be_an_agent_is_refused_and_leaves_nothing(agents):
    """A taken name, modules that there are none of, scales for what is not there."""
    ann = await agents.add("ann")
    for wrong in (agents.add("ann"), agents.add("b.c"), agents.add("bo", only=["dancing"])):
        with pytest.raises(ValueError, match=r"taken|path|dots|no module"):
            await wrong
    assert [agent.name for agent in agents] == ["ann"]
    for scales in ({"dancing": 1.0}, {"planning": -1.0}, {"planning": float("nan")}):
        with pytest.raises(InvalidArgumentError):
            ann.live(scales)
    assert ann._tickers == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"actions": ("eat",)},
        {"actions": "eat"},
        {"skills": ["eat"]},
        {"skills": {"eat": "eat"}},
        {"own": (ModuleSpec("mine", len),)},
        {"own": lambda mind: [Planning]},
        {"own": lambda mind: [ModuleSpec("planning", len)]},
    ],
)
async def test_what_no_agent_can_be_made_of_is_refused_by_its_name(wrong, agents):
    """At the call, and not when the agent first does something; the name is free afterwards."""
    with pytest.raises(InvalidArgumentError, match=rf"^{next(iter(wrong))} must|^An agent has a module"):
        await agents.add("ann", **wrong)
    await agents.add("ann")


async def test_a_companion_has_agents_beside_itself():
    """Its own name is taken."""
    async with CompanionBrain() as companion:
        await companion.agents.add("ann", only=["planning"])
        with pytest.raises(InvalidArgumentError, match="taken"):
            await companion.agents.add("companion")
        assert "ann.planning" in companion.status().module_threads
