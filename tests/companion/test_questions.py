"""Questions of every kind, asked of a whole companion without a model."""

from __future__ import annotations

import importlib.util

import pytest

from benchmarks.suites.answers import CORPUS, DOCUMENTS, Question, ask_all, questions
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig, KnowledgeSettings

pytestmark = [pytest.mark.feature("CB-53", "CB-57"), pytest.mark.asyncio(loop_factories=["asyncio"])]
KINDS = questions()


def needs(package, extra):
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"the extra {extra} is not installed")


@needs("sympy", "reason")
async def test_sums_are_right_or_not_claimed(companion):
    """Most are worked out; what is called exact is never wrong."""
    told = await ask_all(KINDS["exact"], companion)
    exact = [(question, answer) for question, answer in told if answer.responder == "sympy"]
    assert len(exact) >= 24
    assert [question.text for question, answer in exact if not question.is_right(answer)] == []


@needs("sympy", "reason")
async def test_measures_and_dates_are_right(companion):
    """Units are converted and dates reckoned, all of them without an error."""
    told = await ask_all(KINDS["measure"], companion)
    assert [question.text for question, answer in told if not question.is_right(answer)] == []


@needs("pydantic_monty", "sandbox")
async def test_programs_do_what_they_do(companion):
    """Each prints and returns what Python makes of it."""
    told = await ask_all(KINDS["code"], companion)
    assert [question.text for question, answer in told if not question.is_right(answer)] == []


# A little below what is reached, so that a step back fails: right answers and right first sources, as shares of all
# questions of the kind, held-out ones included. `python -m benchmarks answers` has the figures.
LEAST = {
    "fact": (0.84, 0.8),
    "hops": (0.75, 0.57),
    "unanswerable": (0.84, 0.0),
    "follow_up": (0.69, 0.6),
    "quoted": (0.7, 0.7),
}


@needs("sympy", "reason")
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_facts_are_found_followed_and_missed():
    """Over the standard library, this project's documents and a folder together."""
    async with CompanionBrain() as companion:
        await companion.learn()
        await companion.learn(DOCUMENTS, CORPUS)
        told = {kind: await ask_all(KINDS[kind], companion) for kind in LEAST}
    for kind, (right, sourced) in LEAST.items():
        asked = told[kind]
        assert sum(question.is_right(answer) for question, answer in asked) >= right * len(asked), kind
        with_source = [(question, answer) for question, answer in asked if question.sources]
        assert sum(question.has_source(answer, 1) for question, answer in with_source) >= sourced * len(with_source)


async def test_every_answer_has_its_sources_or_its_steps_or_says_that_it_found_none():
    """Whatever the kind of question, over the small folder."""
    async with CompanionBrain(CompanionConfig(knowledge=KnowledgeSettings(documents=(str(CORPUS),)))) as companion:
        asked: list[Question] = [question for kind in ("exact", "fact", "hops") for question in KINDS[kind]]
        for question, answer in await ask_all(asked, companion):
            assert answer.sources or answer.steps or not answer.found, question.text
            assert answer.decision.reason
