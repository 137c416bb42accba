from __future__ import annotations

import pytest

from companion_async.cognition.advanced_reasoning.decomposition import decompositions, in_a_row

pytestmark = pytest.mark.feature("CB-47")


@pytest.mark.parametrize(
    ("question", "inner", "outer"),
    [
        ("Where was the designer of Lisp born?", "What is the designer of Lisp?", "Where was Ann Oak born?"),
        ("Where was the engineer who built the old crane born?", "Who built the old crane?", None),
        ("Who is the son of the man who planted the pear?", "Who planted the pear?", "Who is the son of Ann Oak?"),
        ("Who led the mission that landed at Fra Mauro?", "Which mission landed at Fra Mauro?", "Who led Ann Oak?"),
        ("When does the ferry leave whose captain is Dag Holm?", "Which ferry captain is Dag Holm?", None),
    ],
)
def test_a_description_is_asked_for_by_itself(question, inner, outer):
    """First who or what it is, then what is asked of that."""
    first = next(parts for parts in decompositions(question) if parts.inner == inner)
    assert outer is None or first.about("Ann Oak") == outer


@pytest.mark.parametrize(
    "question", ["Who was the captain of the Petrel?", "When was Lisp designed?", "Which bridge crosses the Humber?"]
)
def test_what_speaks_of_one_thing_is_left_whole(question):
    """There is nothing by way of which it speaks."""
    assert [*decompositions(question)] == []


def test_an_end_is_never_in_a_name():
    """Descriptions end before a verb, not before the rest of a name."""
    inner = {parts.inner for parts in decompositions("Where was the director of The Salt Road born?")}
    assert inner == {"What is the director of The Salt Road?", "What is the director of The Salt Road born?"}


def test_two_questions_in_a_row_are_two():
    """Each is asked by itself."""
    assert in_a_row("Who owns the hives, and which record does she hold?") == (
        "Who owns the hives?",
        "which record does she hold?",
    )
    assert in_a_row("Who owns the hives and the shed?") is None
