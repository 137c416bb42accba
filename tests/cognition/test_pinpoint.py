"""The sentence that answers a factoid question is found, and none where there is none."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.extract import extract
from companion_async.cognition.factoid import asked

pytestmark = pytest.mark.feature("CB-40", "CB-57")


class Quoted(msgspec.Struct):
    title: str
    text: str


FERRY = Quoted(
    "The harbour of Quistby > The ferry",
    "The ferry to Hallands Isle is called Petrel. It leaves at seven in the morning. Dogs are welcome on board.",
)
FLIGHTS = Quoted(
    "Flights",
    "| Flight | Launched | Commander | Landed at |\n| --- | --- | --- | --- |\n"
    "| Heron 7 | 11 October 1968 | Wim Sand | |\n| Heron 8 | 18 May 1969 | Tove Falk | the Long Bank |",
)


def answer(question, *passages):
    return [part.text for part in extract(question, passages)]


def test_a_sentence_comes_with_what_its_pronoun_stands_for():
    """Nobody can tell what "it" is without the sentence before."""
    (text,) = answer("When does the ferry to Hallands Isle leave?", FERRY)
    assert text == "The ferry to Hallands Isle is called Petrel. It leaves at seven in the morning."


def test_of_a_row_the_cells_that_matter_are_quoted():
    """With the names of their columns, and with what the row is about."""
    assert answer("Who was the commander of Heron 8?", FLIGHTS) == ["Flight: Heron 8; Commander: Tove Falk"]
    assert answer("Where did Heron 8 land?", FLIGHTS) == ["Flight: Heron 8; Landed at: the Long Bank"]


@pytest.mark.parametrize(
    "question",
    [
        "Who was the commander of Heron 18?",  # another's number is another
        "Who was the commander of Heron 11?",  # of another cell
        "When does the ferry to Visby leave?",  # another name
        "How many dogs are welcome on board?",  # no number
        "Who is the captain of the ferry to Hallands Isle?",  # another question about it
        "When did the ferry to Hallands Isle sink?",
    ],
)
def test_near_misses_are_not_answered(question):
    """The words fit, and the answer is not there."""
    assert answer(question, FERRY, FLIGHTS) == []


def test_a_quotation_has_to_stand_there():
    """What is asked about words in quotes is answered from where they stand, and else not."""
    (text,) = answer('What is the "Long Bank" of the flights?', FLIGHTS)
    assert "the Long Bank" in text
    assert answer('What is the "Short Bank" of the flights?', FLIGHTS) == []


def test_the_best_of_near_duplicates_comes_first():
    """Of two passages about the same kind of thing, that with the name of the question."""
    other = Quoted("The harbour of Torhaven > The ferry", "The ferry to Torhaven leaves at nine.")
    parts = extract("When does the ferry to Hallands Isle leave?", [other, FERRY])
    assert [part.passage for part in parts] == [1]


def test_forms_of_a_word_are_that_word():
    """Irregular ones, and nouns made of verbs."""
    text = Quoted("People", "Ada Quist built the crane in 1890. The designer of the bell was Erik Sand.")
    assert answer("Who was the builder of the crane?", text) == ["Ada Quist built the crane in 1890."]
    assert answer("Who designed the bell?", text) == ["The designer of the bell was Erik Sand."]


@given(st.text(max_size=150), st.lists(st.text(max_size=250), max_size=3))
def test_no_text_is_too_odd(question, texts):
    """Whatever is asked of whatever, the parts are quoted of the passages."""
    for asks in ("how many ", "who ", '"a b" '):
        parts = extract(asks + question, [Quoted("title", text) for text in texts])
        assert all(0 <= part.passage < len(texts) and part.text and 0 <= part.score <= 1 for part in parts)
        found = asked(asks + question)
        assert found is None or found.wanted


ISLES = Quoted(
    "The isles",
    "Tove Falk came to Visby in 1911 with four men and sixteen dogs. Wim Sand came in 1912 and died there. "
    "Nora Blom sold plot 17 for nine crowns. The rent of a plot is paid in March.",
)


@pytest.mark.parametrize(
    "question",
    [
        "How many dogs did Wim Sand come to Visby with?",  # they were another's
        "When did Nora Blom die?",  # another did, in the sentence before
        "What is the highest rent of a plot?",  # what is asked of it is not told
        "Who paid the rent of a plot?",  # nobody is told of
    ],
)
def test_what_is_told_of_another_or_of_something_else_is_no_answer(question):
    """However near it stands."""
    assert answer(question, ISLES) == []


def test_a_name_with_a_number_is_not_what_has_none():
    """The flights are not the eighth flight."""
    text = Quoted(
        "The flights of Heron", "Wim Sand saw it when the crew of Heron 7 had landed in Visby. Heron 8 flew too."
    )
    assert answer("Where did Heron 8 land?", text) == []


def test_of_what_can_be_called_the_whole_name_has_to_be_there():
    """Another's method of that name does something else."""
    peek = Quoted("zipfile.ZipExtFile.peek", "zipfile.ZipExtFile.peek(n=1)\n\nReturns buffered bytes.")
    assert answer("What does zipfile.ZipExtFile.peek return?", peek)
    assert answer("What does queue.Queue.peek return?", peek) == []
