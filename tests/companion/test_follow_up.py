from __future__ import annotations

import pytest

from companion_async.companion.follow_up import reading

pytestmark = pytest.mark.feature("CB-57")

EARLIER = "How do I read a zip file?"


def read(question, *earlier):
    return reading(question, [(each, "") for each in earlier]).text


@pytest.mark.parametrize(
    "question",
    [
        "And how do I write one?",
        "What about tar?",
        "Can it be encrypted?",
        "How do I write it to a file?",
        "What is the best way to keep it sorted?",
        "How do I delete it again?",
        "Is there another way?",
        "so what does that return?",
        "Does that work on Windows?",
        "How long does it take?",
        "And that?",
    ],
)
def test_a_question_that_points_back_takes_the_earlier_one_along(question):
    """What is asked of "it" is searched for with what "it" was."""
    assert read(question, EARLIER) == f"{EARLIER} {question}"


@pytest.mark.parametrize(
    "question",
    [
        "How do I sort a list?",
        "Which module parses JSON?",
        "How can I delete a folder with everything in it?",
        "How do I copy the file and rename it?",
        "Is it possible to sort a list?",
        "Is there a way to sort a list?",
        "How do I make sure that a file exists?",
        "How do I redirect everything that is printed into a file?",
        "How do I read lines one by one from a file?",
        "How do I run a function in another thread from asyncio?",
        "How can I run a program and read what it prints while it is still running in the background?",
    ],
)
def test_a_question_of_its_own_stands_alone(question):
    """A question that says what it is about is not blurred by the one before."""
    assert read(question, EARLIER) == question


@pytest.mark.parametrize(
    ("earlier", "question", "asked"),
    [
        ("Who was the commander of Apollo 15?", "What about Apollo 16?", "Who was the commander of Apollo 16?"),
        ("How old is Python 2?", "and how about python 3", "How old is python 3?"),
        ("How do I read a zip file?", "What about tar files?", "How do I read a zip file? What about tar files?"),
    ],
)
def test_the_same_is_asked_of_something_else_of_its_kind(earlier, question, asked):
    """What begins with the same word takes the place of what was asked about; anything else comes along."""
    assert read(question, earlier) == asked


def test_the_first_question_has_nothing_to_point_to():
    """Without an earlier question there is nothing to add."""
    assert read("What about it?") == "What about it?"


def test_a_chain_of_follow_ups_keeps_its_topic():
    """Of several questions the last one that spoke for itself is what a further "it" stands for."""
    earlier = ["How do I sort a list?", EARLIER, "Can it be encrypted?", "And what about tar?"]
    assert read("How long does it take?", *earlier) == f"{EARLIER} How long does it take?"
