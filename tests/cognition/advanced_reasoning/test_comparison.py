from __future__ import annotations

import msgspec
import pytest

from companion_async.cognition.advanced_reasoning.comparison import comparison, measured, verdict

pytestmark = pytest.mark.feature("CB-47")


class Quoted(msgspec.Struct):
    title: str
    text: str


BRIDGES = Quoted(
    "Bridges",
    "| Bridge | Opened | Span |\n| --- | --- | --- |\n| Oak Bridge | 1864 | 214 |\n| Elm Bridge | 1883 | 186 |",
)
RACE = Quoted("The race", "Ada Oak reached the North Cape on 14 December 1911. Bo Elm reached it on 2 December 1911.")


def told(question, *passages):
    compared = comparison(question)
    assert compared is not None
    found = [each for thing in compared.things if (each := measured(compared, thing, passages)) is not None]
    return verdict(compared, found) if len(found) == len(compared.things) else None


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("Which bridge was opened first, Elm Bridge or Oak Bridge?", "Oak Bridge: 1864"),
        ("Which of the Oak Bridge and the Elm Bridge has the shorter span?", "Elm Bridge: 186"),
        ("Which is newer, Elm Bridge or Oak Bridge?", "Elm Bridge: 1883"),
        ("How many years after the Oak Bridge was the Elm Bridge opened?", "19 years"),
        ("How many years before the Elm Bridge was the Oak Bridge opened?", "19 years"),
    ],
)
def test_figures_of_a_table_are_compared(question, begins):
    """By the column that the question speaks of, and with both figures told."""
    assert told(question, BRIDGES).startswith(begins)


def test_dates_are_compared_to_the_day():
    """Of one year the month and the day decide."""
    assert told("Who reached the North Cape first, Ada Oak or Bo Elm?", RACE).startswith("Bo Elm: 2 December 1911")


@pytest.mark.parametrize(
    "question",
    [
        "Which of the Oak Bridge and the Ash Bridge is older?",  # one of them is not there
        "Which of the Oak Bridge and the Elm Bridge is heavier?",  # nothing tells of it
        "Who was born first, Ada Oak or Bo Elm?",
    ],
)
def test_half_a_comparison_is_none(question):
    """Both have their figure in the text, of what is asked, or there is no answer."""
    assert told(question, BRIDGES, RACE) is None


@pytest.mark.parametrize("question", ["Which module is faster, json or pickle?", "Do I use a list or a tuple?"])
def test_what_has_no_measure_here_is_no_comparison(question):
    """It is looked up like anything else."""
    assert comparison(question) is None
