"""What a companion does with a question beside looking it up: works it out, runs it, follows it, learns from it."""

from __future__ import annotations

import asyncio
import importlib.util
import threading

import pytest

from companion_async.cognition.advanced_reasoning import module as reasoning
from companion_async.cognition.advanced_reasoning.step import Reasoned, Step
from companion_async.cognition.model_router.reply import Piece
from companion_async.cognition.model_router.settings import EMBEDDED, Endpoint, ModelSettings
from companion_async.cognition.personality_engine.settings import PersonalitySettings
from companion_async.cognition.personality_engine.traits import Traits
from companion_async.cognition.self_learning import module as learning
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import AnsweringSettings, CompanionConfig, KnowledgeSettings
from companion_async.errors import BrainClosedError, InvalidArgumentError, QueueFullError
from companion_async.priority import Priority
from tests.cognition.model_router.model_server import serving

pytestmark = pytest.mark.feature("CB-53", "CB-57")


def needs(package, extra):
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"the extra {extra} is not installed")


GREEN_TEA = "How hot should the water for green tea be?"
HARBOUR = "# Crane\n\nThe old crane of the harbour was built by Ada Quist.\n"
QUIST = "# Ada Quist\n\nAda Quist was an engineer, born in Malmo in 1871.\n"


def knowing(folder, **more):
    return CompanionConfig(knowledge=KnowledgeSettings(documents=(str(folder),)), **more)


@needs("sympy", "reason")
async def test_a_sum_is_worked_out_and_says_how(companion):
    """It needs nothing read, has no source, and names who worked it out and by which steps."""
    answer = await companion.ask("What is 15% of 80?")
    assert (answer.text, answer.responder, answer.found, answer.sources) == ("12", "sympy", True, ())
    assert (answer.decision.way, answer.decision.modules) == ("exact", ("advanced_reasoning",))
    assert answer.steps
    assert "sympy" in str(answer)
    assert "read" not in answer.timings
    assert answer.to_dict()["decision"]["way"] == "exact"


@needs("sympy", "reason")
async def test_a_sum_that_cannot_be_worked_out_is_looked_up_and_says_so(companion):
    """The note has the reason; what was read is searched all the same."""
    for question, why in {
        "What is 2^(10^9)?": "advanced_reasoning could not help",
        "What date is 9999999 days after 1 January 2024?": "The calendar has no such date.",
    }.items():
        answer = await companion.ask(question)
        assert (answer.decision.way, answer.found, answer.responder) == ("exact", False, EMBEDDED)
        assert answer.note.startswith(why)


@needs("pydantic_monty", "sandbox")
@pytest.mark.feature("CB-45")
async def test_a_program_is_run_where_that_is_asked(companion):
    """What it prints and the value of its end are the answer; the steps name the sandbox."""
    answer = await companion.chat("What does this print?\n```python\nprint(6 * 7)\n'done'\n```")
    assert answer.text == "42\n'done'"
    assert (answer.responder, answer.decision.way) == ("code_executor", "run")
    assert "python in " in answer.steps[0].text
    failed = await companion.ask("Run this:\n```python\n1 / 0\n```")
    assert "failed" in failed.text
    assert "ZeroDivisionError" in failed.text


@needs("sympy", "reason")
@pytest.mark.parametrize("question", ["What is 1 + 1?", "Who built the old crane and where was she born?"])
async def test_a_module_that_fails_fails_no_question(companion, monkeypatch, question):
    """Whatever it raises, the question is looked up, and the note names the kind of error and no more."""

    def broken(*args):
        raise RuntimeError("a secret")

    monkeypatch.setattr(reasoning, "worked_out", broken)
    monkeypatch.setattr(reasoning, "leads", broken)
    monkeypatch.setattr(reasoning, "Step", broken)
    answer = await companion.ask(question)
    assert answer.decision.way in ("exact", "hops")
    assert answer.responder == EMBEDDED
    assert "RuntimeError" in answer.note
    assert "secret" not in answer.note


async def test_what_is_left_out_is_not_used(documents):
    """A module named in the settings is as good as off for questions, and goes on working for others."""
    config = knowing(documents, answering=AnsweringSettings(left_out=("code_executor", "advanced_reasoning")))
    async with CompanionBrain(config) as companion:
        for question in ("Run this:\n```python\nprint(1)\n```", "What is 1 + 1?"):
            answer = await companion.ask(question)
            assert answer.decision.way == "retrieve"
            assert answer.decision.off
    with pytest.raises(InvalidArgumentError, match="left_out"):
        AnsweringSettings(left_out=("model_router",))


@needs("sympy", "reason")
async def test_a_module_that_stands_still_is_not_waited_for(companion):
    """While it is paused a question goes another way, and says so."""
    companion.pause("advanced_reasoning")
    answer = await companion.ask("What is 1 + 1?")
    assert (answer.decision.way, answer.decision.off) == ("retrieve", ("advanced_reasoning",))
    companion.resume("advanced_reasoning")
    assert (await companion.ask("What is 1 + 1?")).text == "2"


@needs("sympy", "reason")
async def test_a_question_by_way_of_another_follows_what_it_found(tmp_path):
    """Both passages are cited, each under the number that the text has."""
    (tmp_path / "harbour.md").write_text(HARBOUR, encoding="utf-8")
    (tmp_path / "quist.md").write_text(QUIST, encoding="utf-8")
    async with CompanionBrain(knowing(tmp_path)) as companion:
        answer = await companion.ask("Who built the old crane of the harbour and where was she born?")
        assert answer.decision.way == "hops"
        assert "Malmo" in answer.text
        assert {source.title for source in answer.sources} == {"Crane", "Ada Quist"}
        for number, source in enumerate(answer.sources, 1):
            assert f"[{number}]" in answer.text
            assert source.excerpt
        short = await companion.ask("Who built the old crane of the harbour and where was she born?", limit=1)
        assert len(short.sources) == 1


@needs("sympy", "reason")
@needs("openai", "llm")
async def test_a_model_is_given_each_passage_once(tmp_path):
    """Those that several searches came by, and of those of one what is not among them."""
    (tmp_path / "harbour.md").write_text(HARBOUR, encoding="utf-8")
    (tmp_path / "quist.md").write_text(QUIST, encoding="utf-8")
    with serving(words=("In Malmo ", "[2].")) as server:
        models = ModelSettings(endpoints=(Endpoint(name="here", model="m", base_url=f"{server.url}/v1"),))
        async with CompanionBrain(knowing(tmp_path, models=models)) as companion:
            question = "Who built the old crane of the harbour and where was she born?"
            answers = [await companion.ask(question, limit=limit) for limit in (5, 1)]
    told = [request["body"]["messages"][-1]["content"] for request in server.requests]
    passages = ("was built by Ada Quist", "born in Malmo in 1871")
    assert [sum(each.count(passage) for passage in passages) for each in told] == [2, 1]
    assert all(passage in told[0] for passage in passages)
    assert (answers[0].text, answers[0].responder) == ("In Malmo [2].", "here")


async def test_an_answer_says_why_it_went_its_way(companion):
    """Of an ordinary question too."""
    answer = await companion.ask(GREEN_TEA)
    assert answer.decision.way == "retrieve"
    assert {"knowledge_retriever", "model_router"} <= set(answer.decision.modules)
    assert answer.decision.reason.endswith(".")


@needs("vaderSentiment", "persona")
@pytest.mark.feature("CB-49")
async def test_a_manner_is_given_to_answers_where_it_is_turned_on(documents):
    """The opening is the companion's, the rest the answer as it was; streamed it is one piece, and remembered so."""
    personality = PersonalitySettings(enabled=True, traits=Traits(warmth=0.9, formality=0.5))
    async with CompanionBrain(knowing(documents, personality=personality)) as companion:
        answer = await companion.chat(GREEN_TEA, conversation="ada")
        assert answer.text.startswith("Happy to help. ")
        assert "70 degrees" in answer.text
        assert (await companion.history("ada"))[-1].text == answer.text
        items = [item async for item in companion.stream(GREEN_TEA, conversation="bob")]
        assert [type(item) for item in items[:-1]] == [Piece]
        assert items[0].text == items[-1].text


@needs("vaderSentiment", "persona")
@pytest.mark.feature("CB-49")
async def test_a_mood_is_perceived_even_where_no_manner_is_given(companion):
    """The message moves the mood that is known of its user, and the answer is as it was."""
    answer = await companion.chat("I am so angry, this is horrible! How hot is green tea?", conversation="ada")
    await companion.drain()
    profile = await companion.submit("personality_engine", "profile", "ada")
    assert profile.messages == 1
    assert profile.user.valence < 0
    assert not answer.text.startswith("That sounds")


@needs("river", "learn")
@pytest.mark.feature("CB-51")
async def test_learning_never_delays_an_answer(companion, monkeypatch):
    """While what is to be learnt is stuck, questions are answered; afterwards it is all remembered."""
    go, begun = threading.Event(), threading.Event()

    def slow(reward, name):
        begun.set()
        go.wait()
        return reward

    monkeypatch.setattr(learning, "check_fraction", slow)
    try:
        async with asyncio.timeout(60):
            answers = [await companion.ask(GREEN_TEA) for _ in range(20)]
            assert await asyncio.to_thread(begun.wait, 10)
    finally:
        go.set()
    assert all("70 degrees" in answer.text for answer in answers)
    assert {task.priority for task in companion.tasks(module="self_learning")} == {Priority.IDLE}
    await companion.drain()
    known = await companion.submit("self_learning", "recall", "green tea water", 50)
    assert len(known) == 20
    assert known[0].context["way"] == "retrieve"


@needs("river", "learn")
@pytest.mark.feature("CB-51")
async def test_what_was_answered_in_vain_is_learnt_as_such(companion):
    """A sum that was worked out is worth all there is, an answer that nobody has rated half, and none nothing."""
    worth = {"What is 2 + 3?": 1.0, GREEN_TEA: 0.5, "Who won the football world championship in Brazil?": 0.0}
    for question in worth:
        await companion.ask(question)
    await companion.drain()
    known = [(await companion.submit("self_learning", "recall", question, 1))[0] for question in worth]
    assert [each.context["reward"] for each in known] == list(worth.values())


def refusing(companion, monkeypatch, module, error):
    """The companion takes no work for this module."""
    submit = companion.submit

    def refuse(name, *args, **more):
        if name == module:
            raise error
        return submit(name, *args, **more)

    monkeypatch.setattr(companion, "submit", refuse)


@needs("sympy", "reason")
@pytest.mark.parametrize("settled", [True, False])
async def test_what_several_searches_have_settled_is_not_searched_for_once_more(companion, monkeypatch, settled):
    """Where no further search would find it, one that shares words with it is no answer; else that one is tried."""
    reasoned = Reasoned("", "hops", (Step("search", "the brewer", "nothing"),), found=False, settled=settled)
    submit = companion.submit
    told = asyncio.get_running_loop().create_future()
    told.set_result(reasoned)
    monkeypatch.setattr(
        companion, "submit", lambda name, *args, **more: told if args[0] == "reason" else submit(name, *args, **more)
    )
    answer = await companion.ask("Who brewed the green tea with water of 70 degrees and where was she born?")
    assert answer.decision.way == "hops"
    assert ("retrieve" in answer.timings) is not settled
    if settled:
        assert (answer.found, answer.sources, [step.text for step in answer.steps]) == (False, (), ["the brewer"])


@needs("river", "learn")
@needs("vaderSentiment", "persona")
@pytest.mark.parametrize("module", ["self_learning", "personality_engine"])
async def test_a_queue_that_is_full_costs_what_need_not_be_done(companion, monkeypatch, module):
    """Neither what would be learnt nor what mood it was is worth an answer."""
    refusing(companion, monkeypatch, module, QueueFullError("agi", 10, 1.0))
    answer = await companion.ask(GREEN_TEA)
    assert "70 degrees" in answer.text
    assert answer.note == ""


@needs("sympy", "reason")
@pytest.mark.parametrize("question", ["What is 1 + 1?", "Who built the old crane and where was she born?"])
async def test_a_brain_that_is_shut_down_meanwhile_is_told(companion, monkeypatch, question):
    """It is no trouble of the module that is asked: nothing else could answer either."""
    refusing(companion, monkeypatch, "advanced_reasoning", BrainClosedError("shutting down"))
    with pytest.raises(BrainClosedError):
        await companion.ask(question)


@needs("river", "learn")
@pytest.mark.feature("CB-51")
async def test_learning_that_fails_fails_no_answer(companion, monkeypatch):
    """An error there stays there, and shows in the module's figures."""

    def broken(reward, name):
        raise OSError("the disk is full")

    monkeypatch.setattr(learning, "check_fraction", broken)
    assert "70 degrees" in (await companion.ask(GREEN_TEA)).text
    await companion.drain()
    assert companion.status().module_threads["self_learning"].tasks_failed == 1


async def test_a_kind_that_is_none_is_refused_whoever_answers(companion):
    """Also of a question that no model would have seen."""
    with pytest.raises(InvalidArgumentError):
        await companion.ask("What is 1 + 1?", kind="poetry")


@pytest.mark.feature("CB-43")
async def test_words_in_quotes_come_first(tmp_path):
    """The passage that has them as they stand is the first source, though another one has the words more often."""
    (tmp_path / "a.md").write_text("# A\n\nThe harbour master of the harbour masters the harbour.\n", encoding="utf-8")
    (tmp_path / "b.md").write_text("# B\n\nWe say safe harbour for a calm place by the sea.\n", encoding="utf-8")
    async with CompanionBrain(knowing(tmp_path)) as companion:
        answer = await companion.ask('What is a "safe harbour" by the sea?')
        assert "search_engine" in answer.decision.modules
        assert "b.md" in answer.sources[0].location
        assert companion.status().module_threads["search_engine"].tasks_completed == 1


@pytest.mark.feature("CB-43")
async def test_words_in_quotes_are_searched_for_meanwhile(companion, monkeypatch):
    """The search does not begin when the other one is over."""
    submit, begun = companion.submit, []

    async def afterwards(task):
        begun.append("waited")
        return await task

    def noted(name, *args, **more):
        begun.append(args[0])
        task = submit(name, *args, **more)
        return afterwards(task) if args[0] == "retrieve" else task

    await companion.learn()
    monkeypatch.setattr(companion, "submit", noted)
    answer = await companion.ask('Where does it say "cold water for sixteen hours"?')
    assert "coffee.md" in answer.sources[0].location
    assert begun.index("search") < begun.index("waited")
