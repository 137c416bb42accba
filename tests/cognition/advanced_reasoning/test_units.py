"""One unit in another, exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.advanced_reasoning.units import conversion, converted

pytestmark = pytest.mark.feature("CB-47")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("How many feet are in a mile?", "5280 feet"),
        ("Convert 26.2 miles to kilometers", "42.1648128 kilometers"),
        ("what is -40 °F in °C", "-40 °C"),
        ("What is 20 degrees Celsius in degrees Fahrenheit?", "68 fahrenheit"),
        ("1 foot in metres", "0.3048 metres"),
        ("How many stone are 100 kg?", "about 15.74730444 stone"),
        ("How many hours are in three days?", "72 hours"),
        ("convert 36 km/h to metres per second", "10 metres per second"),
        ("How many bits is 1 KiB?", "8192 bits"),
        ("how much is 2 acres in square metres", "8093.7128448 square metres"),
        ("1,500 m in km", "1.5 km"),
        ("How many inches are there in 2 feet?", "24 inches"),
    ],
)
def test_what_is_asked_for_is_converted(text, answer):
    """Exactly where the decimals end, and else to ten digits and said to be about that; with its steps."""
    asked = conversion(text)
    assert asked is not None
    found = converted(asked)
    assert found.answer == answer
    assert (found.exact, found.responder, len(found.steps)) == (not answer.startswith("about"), "units", 2)


@pytest.mark.parametrize(
    "text",
    [
        "How many bytes are in a char?",
        "How do I convert a string to bytes?",
        "Convert 5 kilograms to metres",
        "How many days are between two dates?",
        "What is a mile?",
        "How many seconds does time.sleep(1) take in a thread?",
        "",
    ],
)
def test_what_asks_for_no_unit_is_left_alone(text):
    """Other questions, and units of different kinds."""
    assert conversion(text) is None


@given(st.text(max_size=80), st.text(max_size=40), st.integers(-(10**9), 10**9))
def test_no_text_is_too_odd(before, after, number):
    """Whatever is asked, it is converted or it is none."""
    asked = conversion(f"{before} {number} {after}")
    assert asked is None or converted(asked).found
