"""What is said of numbers in words becomes signs, and other words stay as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.advanced_reasoning.wording import in_signs

pytestmark = pytest.mark.feature("CB-47")


@pytest.mark.parametrize(
    ("said", "signs"),
    [
        ("seven times eight", "7 times 8"),
        ("twelve hundred minus three hundred and fifty", "1200 minus 350"),
        ("two thousand and forty-one", "2041"),
        ("a million", "1000000"),
        ("two and three", "2 and 3"),
        ("the sum of 48, 77 and 5", "(48 + 77 + 5)"),
        ("the difference between 4 and 9", "abs(4 - 9)"),
        ("the average of 4, 8, and 15", "((4 + 8 + 15) / 3)"),
        ("the lowest common multiple of 4 and 6", "lcm(4, 6)"),
        ("subtract 19 from sixty-four", "64 - 19"),
        ("three quarters of 200", "(3/4)*200"),
        ("half of 9", "(1/2)*9"),
        ("twice 21", "2 * 21"),
        ("if i reduce 80 by 15 percent, what do i get", "80 * (1 - 15/100)"),
        ("the one who counts all tenths of a second", "the 1 who counts all tenths of a second"),
        ("the sum of all files", "the sum of all files"),
    ],
)
def test_words_become_signs(said, signs):
    """Numbers that are written out, and what is to be done with them."""
    assert in_signs(said) == signs


@given(st.text(alphabet="0123456789 abcdefghinortuvwxy,.-%", max_size=120))
def test_no_text_is_too_odd(text):
    """Anything can be said, and what is in signs already stays so."""
    assert in_signs(in_signs(text)) == in_signs(text)
