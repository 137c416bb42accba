"""What kind of thing a question asks for, and whether a text has one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.expectation import expectation

pytestmark = pytest.mark.feature("CB-40")


@pytest.mark.parametrize(
    ("question", "kind", "meets", "fails"),
    [
        ("How many bells did he cast?", "number", "He cast two hundred bells.", "He cast many bells."),
        ("How long is it?", "number", "It is 14 m long.", "It is as long as a ship."),
        ("When does it close?", "time", "It closes on Mondays.", "It closes."),
        ("In which year was she born?", "time", "Born in 1871.", "Born in Malmo."),
        ("What colour is the lamp?", "colour", "The lamp is green.", "The lamp is bright."),
        ("Where was she born?", "place", "She was born in Malmo.", "She was born."),
        ("What does a ticket cost?", "number", "A ticket is nine crowns.", "A ticket is needed."),
    ],
)
def test_a_question_expects_a_kind_of_thing(question, kind, meets, fails):
    """And a text has one or has none, whatever words they share."""
    expects = expectation(question)
    assert expects is not None
    assert expects.kind == kind
    assert expects.is_met_by(meets, question)
    assert not expects.is_met_by(fails, question)


def test_what_the_question_brings_is_no_answer():
    """The number of the question is not the number that it asks for."""
    question = "How many people flew on Apollo 8?"
    expects = expectation(question)
    assert expects is not None
    assert not expects.is_met_by("Apollo 8 went round the Moon.", question)
    assert expects.is_met_by("On Apollo 8 flew three people.", question)


@pytest.mark.parametrize(
    "question",
    [
        "How do I read a zip file?",
        "Where can I find the logs?",
        "Explain locks",
        "read a file",
        "which module sorts?",
        "",
    ],
)
def test_a_question_for_a_way_is_no_factoid(question):
    """How something is done is told by what does it."""
    assert expectation(question) is None


@given(st.text(max_size=120), st.text(max_size=120))
def test_no_text_is_too_odd(question, text):
    """Any question can be asked of any text."""
    for asks in ("how many ", "when ", "where ", "what is the size of ", ""):
        expects = expectation(asks + question)
        assert expects is None or expects.is_met_by(text, question) in (True, False)
