"""Reasoning as a module: exact, over what was read, and with a model server that speaks over HTTP."""

from __future__ import annotations

import asyncio
import importlib.util
import threading

import pytest

from companion_async import Brain, InvalidArgumentError
from companion_async.cognition.advanced_reasoning.module import MODULE, AdvancedReasoning, ModelMissingError
from companion_async.cognition.advanced_reasoning.settings import ReasoningSettings
from companion_async.cognition.corpus.document import Document
from companion_async.cognition.knowledge_retriever.module import KnowledgeRetriever
from companion_async.cognition.model_router.module import ModelRouter
from companion_async.cognition.model_router.settings import Endpoint, ModelSettings
from companion_async.testing.clock import until
from tests.cognition.model_router.model_server import serving

pytest.importorskip("sympy", reason="the extra reason is not installed")
needs_sdk = pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="the extra llm is not installed")

DOCUMENTS = [
    Document(
        id="a", title="Harbour", location="harbour.md", text="The old crane of the harbour was built by Ada Quist."
    ),
    Document(id="b", title="Ada Quist", location="quist.md", text="Ada Quist was an engineer, born in Malmo in 1871."),
    Document(id="c", title="Cheese", location="cheese.md", text="Cheese is made from milk by curdling."),
]


async def furnished(brain, server=None):
    endpoints: tuple[Endpoint, ...] = ()
    if server is not None:
        url = f"{server.url}/v1"
        endpoints = (Endpoint(name="test", model="m", provider="openai", base_url=url, retries=0),)
    settings = ModelSettings(endpoints=endpoints)
    await brain.register("model_router", ModelRouter, factory=lambda: ModelRouter(settings, env={}))
    await brain.register("knowledge_retriever", KnowledgeRetriever, category="phase1")
    await brain.register(MODULE, AdvancedReasoning, category="advanced")
    await brain.submit("knowledge_retriever", "index", DOCUMENTS)


@pytest.mark.feature("CB-47")
async def test_a_sum_is_worked_out_and_not_looked_up():
    """By itself, and refused as exact where it is none."""
    async with Brain() as brain:
        await furnished(brain)
        found = await brain.submit(MODULE, "reason", "What is 15% of 80?")
        assert (found.answer, found.strategy, found.responder) == ("12", "exact", "sympy")
        none = await brain.submit(MODULE, "reason", "who built the crane?", "exact")
        assert none.found is False


@pytest.mark.feature("CB-47")
async def test_a_question_is_followed_over_several_passages():
    """The name that the first search brings is looked for in the second, and both places are in the steps."""
    async with Brain() as brain:
        await furnished(brain)
        found = await brain.submit(MODULE, "reason", "In which city was the builder of the old harbour crane born?")
    assert (found.strategy, found.responder, found.exact) == ("hops", "retrieval", False)
    searches = [step for step in found.steps if step.kind == "search"]
    assert "harbour.md" in searches[0].sources
    assert any("Ada Quist" in step.text and "quist.md" in step.sources for step in searches[1:])
    assert "Malmo" in found.answer


@pytest.mark.feature("CB-47")
async def test_without_a_model_the_ways_that_want_one_say_so():
    """And name what to do."""
    async with Brain() as brain:
        await furnished(brain)
        for strategy in ("chain", "tree", "reflection", "react"):
            with pytest.raises(ModelMissingError, match="Configure an endpoint"):
                await brain.submit(MODULE, "reason", "why is the sky blue?", strategy)


@needs_sdk
@pytest.mark.feature("CB-47")
async def test_a_chain_of_thought_comes_back_in_steps():
    """What the model writes is taken apart; who wrote it is told."""
    with serving(words=("1. Cheese is milk.\n", "2. Milk is white.\n", "Answer: white")) as server:
        async with Brain() as brain:
            await furnished(brain, server)
            found = await brain.submit(MODULE, "reason", "what colour is cheese?", "chain")
        assert [step.text for step in found.steps] == ["Cheese is milk.", "Milk is white."]
        assert (found.answer, found.responder, found.exact) == ("white", "test", False)
        asked = server.requests[0]["body"]["messages"]
        assert "step by step" in asked[0]["content"]
        assert asked[-1]["content"] == "what colour is cheese?"


@needs_sdk
@pytest.mark.feature("CB-47")
async def test_a_tool_is_used_and_what_it_gives_is_told_to_the_model():
    """A model that always asks for the same tool is told the result, and stopped after so many uses."""
    with serving(words=("Action: calculate[6 * 7]",)) as server:
        async with Brain() as brain:
            await furnished(brain, server)
            found = await brain.submit(MODULE, "reason", "how old is the crane?", "react")
        assert [(step.kind, step.result) for step in found.steps] == [("tool", "42")] * 6
        assert found.found is False
        assert "Result: 42" in server.requests[1]["body"]["messages"][-1]["content"]


@needs_sdk
@pytest.mark.feature("CB-47")
@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("calculate[hello]", "InvalidArgumentError: 'hello' is no sum"),
        ("search[zebra]", "nothing"),
        ("search[cheese]", "Cheese (cheese.md): Cheese is made"),
        ("logic[a. b :- a.]", "a b"),
        ("logic[a :- not a.]", "satisfiable: False"),
        ("logic[a :- b]", "InvalidArgumentError: The program is not understood"),
    ],
)
async def test_a_tool_tells_the_model_also_what_went_wrong(action, told):
    """What was found, that nothing was, or why it could not be done, in our own words."""
    with serving(words=(f"Action: {action}",)) as server:
        async with Brain() as brain:
            await furnished(brain, server)
            found = await brain.submit(MODULE, "reason", "how old is the crane?", "react")
        assert found.steps[0].result.startswith(told)
        assert f"Result: {told}" in server.requests[1]["body"]["messages"][-1]["content"]


@needs_sdk
@pytest.mark.feature("CB-47")
async def test_with_a_model_a_question_is_thought_about_with_tools():
    """Of itself, where it is no exercise."""
    with serving(words=("Answer: Ada Quist",)) as server:
        async with Brain() as brain:
            await furnished(brain, server)
            found = await brain.submit(MODULE, "reason", "who built the crane?")
        assert (found.answer, found.strategy, found.responder) == ("Ada Quist", "react", "test")


@pytest.mark.feature("CB-47")
async def test_what_cannot_be_worked_out_is_looked_up():
    """Also where no model can be asked; only who wants it exact is told why it is not."""
    async with Brain() as brain:
        await brain.register("knowledge_retriever", KnowledgeRetriever, category="phase1")
        await brain.register(MODULE, AdvancedReasoning, category="advanced")
        await brain.submit("knowledge_retriever", "index", DOCUMENTS)
        assert (await brain.submit(MODULE, "reason", "x^9 = 1")).strategy == "hops"
        exact = await brain.submit(MODULE, "reason", "x^9 = 1", "exact")
        assert (exact.found, exact.strategy) == (False, "exact")


@pytest.mark.feature("CB-47")
async def test_no_more_is_cited_than_was_asked_for():
    """Of two places that answer together, the first."""
    async with Brain() as brain:
        await furnished(brain)
        question = "In which city was the builder of the old harbour crane born?"
        both = await brain.submit(MODULE, "reason", question)
        one = await brain.submit(MODULE, "reason", question, "hops", 1)
    assert [each.location for each in both.passages] == ["harbour.md", "quist.md"]
    assert [each.location for each in one.passages] == ["harbour.md"]
    assert "[2]" in both.answer
    assert "[2]" not in one.answer


@needs_sdk
@pytest.mark.feature("CB-47")
async def test_a_critic_that_agrees_ends_the_reflection():
    """A model that says OK to everything needs one round."""
    with serving(words=("OK",)) as server:
        async with Brain() as brain:
            await furnished(brain, server)
            found = await brain.submit(MODULE, "reason", "is it so?", "reflection")
        assert (found.answer, found.confidence, len(server.requests)) == ("OK", 1.0, 2)


@needs_sdk
@pytest.mark.feature("CB-47")
async def test_a_tree_of_thoughts_keeps_the_best_rated():
    """As many thoughts as its width, at each depth, each with its rating."""
    with serving(words=("8 is lucky",)) as server:
        async with Brain() as brain:
            await furnished(brain, server)
            found = await brain.submit(MODULE, "reason", "which number?", "tree")
        assert {step.result for step in found.steps} == {"rated 0.8"}
        assert (found.confidence, found.answer) == (0.8, "8 is lucky")


async def test_a_sum_that_takes_too_long_is_given_up_and_its_thread_comes_back(monkeypatch):
    """The question has its answer in time, the thread is stopped and does not compute on, and the next sum is done."""
    ended = threading.Event()

    def endless(text):
        try:
            while True:
                pass
        finally:
            ended.set()

    async with Brain() as brain:
        settings = ReasoningSettings(solver_seconds=0.1)
        await brain.register(MODULE, AdvancedReasoning(settings), category="advanced")
        with monkeypatch.context() as patched:
            patched.setattr("companion_async.cognition.advanced_reasoning.module.worked_out", endless)
            found = await brain.submit(MODULE, "reason", "What is 2 + 2?", "exact")
        assert (found.found, found.answer) == (False, "This was not worked out within 0.1 s.")
        assert await asyncio.to_thread(ended.wait, 30.0)
        assert (await brain.submit(MODULE, "calculate", "2 + 2")).answer == "4"
        await until(lambda: brain.status().categories["advanced"].abandoned == 0)  # its thread has yet to go home


async def test_what_is_wrong_is_refused():
    """At the door of each handler."""
    async with Brain() as brain:
        await brain.register(MODULE, AdvancedReasoning, category="advanced")
        for target, args in (
            ("reason", ("",)),
            ("reason", ("x" * 5_000,)),
            ("reason", ("why?", "magic")),
            ("reason", ("why?", "auto", 0)),
            ("calculate", ("hello",)),
            ("calculate", (None,)),
            ("satisfy", ("a.", 0)),
            ("plan", ((), (), [{"nam": "x"}])),
        ):
            with pytest.raises(InvalidArgumentError):
                await brain.submit(MODULE, target, *args)
        plan = await brain.submit(
            MODULE, "plan", ["home"], ["town"], [{"name": "walk", "needs": ["home"], "adds": ["town"]}]
        )
        assert plan.actions == ("walk",)
