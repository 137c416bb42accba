"""A figure or a name is evidence only of the kind of thing that it is."""

from __future__ import annotations

import pytest

from companion_async.cognition.evidence import is_evident

pytestmark = pytest.mark.feature("CB-40", "CB-57")


@pytest.mark.parametrize(
    ("kind", "has", "has_not"),
    [
        ("number", "There are sixty-two plots.", "Plot 17 is the apiary, and plot 40 a garden."),
        ("number", "It has 1,600 valves.", "It was built in 1938 by somebody."),
        ("number", "Eleven crews flew.", "It flew on 14 December."),
        ("number", "It has 58 berths.", "Berths 40 to 58 belong to members."),
        ("time", "It closes at five.", "It is fourteen metres long."),
        ("time", "It was built in 1938.", "It was bought for 600 crowns."),
        ("person", "The bridge was painted by Emily Moe.", "The bridge is painted in a colour that is called orange."),
        ("person", "The caller has to delete it.", "It has to be deleted."),
        ("exception", "It raises KeyError where there is none.", "It returns True for leap years."),
        ("profession", "Dev Patel, who was a surveyor.", "Dev Patel was in the garden."),
    ],
)
def test_a_text_has_a_kind_of_thing_or_something_that_looks_like_it(kind, has, has_not):
    """Labels, dates and years count nothing, and a length is no time."""
    assert is_evident(kind, has, "which?")
    assert not is_evident(kind, has_not, "which?")


def test_a_span_of_time_is_no_extent():
    """How large something is no number of days tells."""
    assert is_evident("number", "It takes three days.", "how long?")
    assert not is_evident("number", "It takes three days.", "how large?", extent=True)
