"""What a memory is wanted for."""

from __future__ import annotations

import pytest

from companion_async.cognition.retrieval.purpose import purpose

pytestmark = pytest.mark.feature("PP-09")


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("what did Bo say to me?", "conversation"),
        ("which is the best way, should I dig?", "decision"),
        ("why is Bo usually late?", "reflection"),
        ("what step is next for the goal?", "planning"),
        ("what happened just now?", "recency"),
        ("bridge", "mixed"),
    ],
)
def test_the_words_of_the_question_choose(question, wanted):
    """And the choice says by which."""
    assert purpose(question).name == wanted


def test_without_such_words_what_is_under_way_chooses():
    """Talk before plans."""
    assert purpose("bridge", talking=True, planning=True).name == "conversation"
    assert purpose("bridge", planning=True).name == "planning"
    assert "best" in purpose("best bridge", talking=True).why
