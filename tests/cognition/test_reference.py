from __future__ import annotations

import pytest

from companion_async.cognition.reference import figures, resolved

pytestmark = pytest.mark.feature("CB-57")


@pytest.mark.parametrize(
    ("question", "topic", "told", "spelt"),
    [
        ("Where was he born?", "Who designed the Fram?", ["Colin Oak"], "Where was Colin Oak born?"),
        ("And who was its engineer?", "When was the Oak Bridge opened?", [], "Who was Oak Bridge's engineer?"),
        ("How long is it?", "Which bridge crosses the Humber?", ["Elm Bridge"], "How long is Elm Bridge?"),
        ("And where was she born?", "Who is Ada Oak?", ["Malmo"], "Where was Ada Oak born?"),
        ("Where did he teach?", "Where was the designer of Lisp born?", ["Jon Ash"], "Where did Jon Ash teach?"),
        ("Where did that mission land?", "Which mission did Ada Oak lead?", ["Heron 8"], "Where did Heron 8 land?"),
    ],
)
def test_a_pronoun_is_whom_or_what_was_spoken_of(question, topic, told, spelt):
    """A person out of the answer to who it was, a thing out of the question, or out of the answer to which it was."""
    assert resolved(question, topic, told) == spelt


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("How do I close it?", "How do I open a File?"),  # no question for a fact
        ("How long is it?", "Who found the whale skeleton?"),  # nothing has a name
        ("How long is the whale?", "Who designed the Fram?"),  # no pronoun
    ],
)
def test_without_a_name_nothing_is_put_in_its_place(question, topic):
    """Then the question before is searched for together with it."""
    assert resolved(question, topic, []) is None


@pytest.mark.parametrize(
    ("answer", "topic", "figure"),
    [
        ("150", "What is 50 plus 100?", "150"),
        ("The rent is 48 pounds a year. [1]", "What is the rent?", "48"),
        ("Boats up to nine metres pay seventy crowns. [1]", "What do nine metres cost?", "70"),
        ("Bridge: Oak Bridge; Span: 214 [1]", "How long is the span of the Oak Bridge?", "214"),
    ],
)
def test_that_is_the_figure_of_the_answer(answer, topic, figure):
    """The result of a sum, or the one number that was not in the question."""
    assert figures(answer, topic)[-1] == figure


def test_of_several_figures_none_is_meant():
    """Which one it is cannot be told."""
    assert figures("It leaves at 7 and at 17. [1]", "When does it leave?") == []
