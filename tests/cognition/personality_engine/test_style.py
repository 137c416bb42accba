"""A manner changes how something is said, and never what."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.personality_engine.style import styled
from companion_async.cognition.personality_engine.traits import Mood, Traits

FORMAL, CASUAL, WARM = Traits(formality=0.9), Traits(formality=0.1), Traits(formality=0.5, warmth=0.9)
CALM, UPSET = Mood(), Mood(valence=-0.8)


@pytest.mark.feature("CB-49")
def test_the_formal_write_it_out_and_the_casual_do_not():
    """With the capital that was there, and the changes named."""
    formal = styled("Don't close it: you're not done.", FORMAL, CALM)
    assert formal.text == "Do not close it: you are not done."
    assert formal.changes == ("contractions written out",)
    casual = styled("Do not close it, it will not open.", CASUAL, CALM)
    assert casual.text == "Don't close it, it won't open."
    assert casual.changes == ("contractions used",)
    assert styled("Don\u2019t close it.", FORMAL, CALM).text == "Do not close it."


@pytest.mark.feature("CB-49")
def test_an_opening_is_for_the_warm_and_for_those_who_are_upset():
    """One at most; the middling, the formal and the disagreeable say what there is to say."""
    assert styled("Use zipfile.", WARM, CALM).text == "Happy to help. Use zipfile."
    assert styled("Use zipfile.", WARM, UPSET).tone == "sober"
    assert styled("Use zipfile.", Traits(formality=0.9, warmth=0.9), CALM).tone == "plain"
    assert styled("Use zipfile.", Traits(agreeableness=0.1), UPSET).tone == "plain"
    assert styled("Use zipfile.", Traits(), CALM) == styled("Use zipfile.", Traits(), Mood(0.9))
    assert styled("Use zipfile.", Traits(), CALM).changes == ()
    assert styled("  ", WARM, UPSET).text == "  "


@pytest.mark.feature("CB-49")
@pytest.mark.parametrize("traits", [FORMAL, CASUAL])
def test_code_quotations_links_and_citations_stay_as_they_are(traits):
    """Even where a contraction stands in them."""
    kept = (
        "`don't()` \"do not\" [don't, 3] https://example.org/don't ```\nif x: do not\ndon't\n```",
        "```py\nx = 'cannot'  # an unclosed block can't end",
    )
    for text in kept:
        assert styled(text, traits, CALM).text == text


@pytest.mark.parametrize("begun", ["[a ", "\u201ca ", "`", '"a\n', "```\n", "https://a"])
def test_what_is_begun_and_never_ended_costs_no_more_time_than_it_is_long(begun):
    """A text of a megabyte of it is looked through once, and not once for each beginning."""
    assert styled(begun * 400_000, FORMAL, CALM).text == begun * 400_000


pieces = st.sampled_from(
    ["don't", "do not", "Cannot", "can't", "`won't`", '"is not"', "[1]", "3.14", "-7", "\n", ". ", " ", "x", "```", "é"]
)


@given(st.lists(pieces, max_size=30), st.floats(0, 1), st.floats(0, 1), st.floats(-1, 1))
def test_numbers_and_code_survive_every_manner(parts, formality, warmth, valence):
    """Of any text, the numbers, the citations and what is between backticks come out in their order."""
    text = "".join(parts)
    said = styled(text, Traits(formality=formality, warmth=warmth), Mood(valence)).text
    for kept in (r"-?\d+(?:\.\d+)?", r"\[[^\]\n]*\]", r"`[^`\n]*`"):
        assert re.findall(kept, said) == re.findall(kept, text)
