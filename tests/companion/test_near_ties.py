"""What was learnt decides between what looks nearly as good, and nothing else."""

from __future__ import annotations

import pytest

from companion_async.cognition.model_router.prompt import Passage
from companion_async.cognition.self_learning.learner import Advice
from companion_async.companion.near_ties import document_of, features, preferred, put_first, ties

pytestmark = pytest.mark.feature("CB-51", "CB-53")


def passage(location, score):
    return Passage("title", location, "text", score=score)


NEAR = (passage("a.md:1", 1.0), passage("b.md:7", 0.95), passage("a.md:9", 0.92), passage("c.md:1", 0.6))


def test_only_what_is_nearly_as_good_is_a_tie():
    """Passages of one document are none, and what is clearly worse stays out."""
    assert ties(NEAR) == ["a.md", "b.md"]
    assert ties(NEAR[:1]) == ties(()) == []
    assert ties((NEAR[0], NEAR[2])) == []
    assert ties((passage("a.md:1", 0.0), passage("b.md:1", 0.0))) == []


def test_what_is_preferred_goes_before_its_equals():
    """The others keep their order."""
    assert [each.location for each in put_first(NEAR, "b.md")] == ["b.md:7", "a.md:1", "a.md:9", "c.md:1"]


@pytest.mark.parametrize(
    ("expected", "tried", "best"),
    [
        ((0.4, 0.8), (2, 2), "b"),
        ((0.4, 0.8), (1, 1), None),  # too few ratings
        ((0.6, 0.7), (9, 9), None),  # hardly better
        ((0.8, 0.4), (9, 9), None),  # the first is the better one
    ],
)
def test_it_takes_several_ratings_and_a_clear_difference(expected, tried, best):
    """Else what was decided without them stands."""
    advice = Advice(dict(zip("ab", expected, strict=True)), dict(zip("ab", tried, strict=True)))
    assert preferred("ab", advice) == best


def test_a_document_is_its_file():
    """Without the line or the page, and as short as a label may be."""
    assert document_of("/x/a.md:12") == "/x/a.md"
    assert document_of("a.pdf#page=3") == "a.pdf"
    assert document_of("math (compiled)") == "math (compiled)"
    assert len(document_of("x" * 900)) == 200


def test_questions_of_one_kind_look_alike():
    """What they ask for tells them apart, and each has the same features."""
    one, other, third = map(features, ("When does it open?", "When does it close?", "Who built it?"))
    assert one == other
    assert one != third
    assert one.keys() == third.keys()
