"""What is asked of the calendar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.advanced_reasoning.dates import reckoned, reckoning

pytestmark = pytest.mark.feature("CB-47")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("How many days are between 2024-02-28 and 2024-03-01?", "2 days"),
        ("How many weeks from 1 January 2025 to 1 March 2025?", "8 weeks and 3 days"),
        ("Which weekday was the 4th of July 1776?", "Thursday"),
        ("On which day of the week does January 1, 2030 fall?", "Tuesday"),
        ("What date is two weeks after 24 December 2025?", "2026-01-07 (a Wednesday)"),
        ("what is the date 1 month after 31 January 2023", "2023-02-28 (a Tuesday)"),
        ("Which date was 100 days before 2000-01-01?", "1999-09-23 (a Thursday)"),
        ("Is 2000 a leap year?", "yes, 2000 is a leap year"),
        ("Will 2100 be a leap year?", "no, 2100 is not a leap year"),
    ],
)
def test_what_is_asked_is_reckoned(text, answer):
    """Exactly, and with its steps."""
    asked = reckoning(text)
    assert asked is not None
    found = reckoned(asked)
    assert (found.answer, found.exact, found.responder) == (answer, True, "calendar")


def test_a_date_beyond_the_calendar_is_not_found():
    """It ends with the year 9999, and says so."""
    asked = reckoning("What date is 9000 years after 2024-01-01?")
    assert asked is not None
    assert not reckoned(asked).found


@pytest.mark.parametrize(
    "text",
    [
        "How do I get the number of days between two dates?",
        "When was the museum founded?",
        "What happened on 20 July 1969?",
        "Which day of the week was 31 February 2020?",
        "How many people lived there between 1900 and 1910?",
        "Is 0 a leap year?",
        "",
    ],
)
def test_what_asks_nothing_of_the_calendar_is_left_alone(text):
    """Other questions, and days that there never were."""
    assert reckoning(text) is None


@given(st.text(max_size=60), st.dates(), st.dates(), st.integers(0, 10**12))
def test_no_text_is_too_odd(text, one, other, count):
    """Whatever is asked, it is reckoned or it is none."""
    for asked in (
        reckoning(f"how many days between {one} and {other} {text}"),
        reckoning(f"what is {count} days after {one} {text}"),
    ):
        assert asked is None or reckoned(asked).answer
