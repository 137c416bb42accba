"""Questions that newcomers ask find the right module of the running interpreter's own documentation."""

from __future__ import annotations

import pytest

from benchmarks.suites.retrieval import (
    GOALS,
    answered,
    hit_rates,
    question_sets,
    questions,
    read_corpus,
    unanswerable,
)
from companion_async.cognition.knowledge_retriever.module import KnowledgeRetriever

pytestmark = pytest.mark.feature("CB-42", "CB-57")

# What can be promised of questions that nobody has looked at; the goal is not reached there, and the benchmark says so.
HELD_OUT = {1: 0.76, 3: 0.90}


@pytest.fixture(scope="module")
def corpus():
    return read_corpus()


@pytest.fixture(scope="module")
def retriever(corpus):
    made = KnowledgeRetriever()
    made.index(corpus.documents)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def every(corpus):
    return here(questions(), corpus)


def here(asked, corpus):
    """Less those that only modules would answer which this interpreter has not got."""
    groups = {document.id.partition(".")[0].partition("#")[0] for document in corpus.documents}
    return [each for each in asked if {name.partition(".")[0] for name in each.modules} & groups]


def test_the_right_module_is_among_the_first(retriever, every):
    """With the core install: first for 85 of 100 questions, among the first three passages for 95."""
    assert len(every) >= 350
    rates = hit_rates(retriever, every, "text")
    assert rates.at_1 >= GOALS[1], rates.at_1
    assert rates.at_3 >= GOALS[3], rates.at_3


def test_questions_nobody_looked_at_do_not_fall_behind(retriever, corpus):
    """Held-out questions reach their own, lower mark: the ranking was not made for its tests alone."""
    rates = hit_rates(retriever, here(question_sets()["held out"], corpus), "text")
    assert rates.questions >= 150
    assert rates.at_1 >= HELD_OUT[1], rates.at_1
    assert rates.at_3 >= HELD_OUT[3], rates.at_3


@pytest.mark.parametrize(
    ("question", "module"),
    [
        ("How do I read the members of a zip file?", "zipfile"),
        ("How do I run a function in another thread from asyncio?", "asyncio"),
        ("How do I parse JSON from a string?", "json"),
        ("How can I delete a folder with everything in it?", "shutil"),
        ("How do I send an email with Python?", "smtplib"),
    ],
)
def test_the_questions_of_the_demonstration_are_answered(retriever, question, module):
    """Those that a newcomer sees asked first have their module among the first three."""
    found = [passage.document_id.partition(".")[0] for passage in retriever.retrieve(question, 3, "text")]
    assert module in found


def test_what_the_library_does_not_know_is_said_to_be_unknown(retriever):
    """Most questions about something else get no answer, and few about Python go without one."""
    assert answered(retriever, unanswerable(), "text") <= 0.2
    assert answered(retriever, [each.text for each in question_sets()["development"]], "text") >= 0.85


@pytest.mark.parametrize("question", ["What is the capital of France?", "How do I bake a cake?", "Who wrote Hamlet?"])
def test_a_question_about_something_else_is_not_answered(retriever, question):
    """Nothing is quoted that has a word or a stem in common with it by chance."""
    assert answered(retriever, [question], "text") == 0.0
