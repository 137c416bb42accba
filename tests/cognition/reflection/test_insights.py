"""What experiences have in common."""

from __future__ import annotations

import pytest

from companion_async.cognition.reflection.insights import Experience, features, insights

pytestmark = pytest.mark.feature("PP-08")


def lived(id, type="talk", who=(), where=None, valence=0.0):
    return Experience(id, f"e{id}", type, 0.5, who, where, valence)


def test_what_comes_together_is_a_pattern_with_its_evidence():
    """More often than by chance, three times at least, and each that shows it is named."""
    found = insights(
        [lived(n, "talk", ("bo",), "well") for n in (1, 2, 3)]
        + [lived(n, "dig", ("al",), "field") for n in (4, 5)]
        + [lived(6, "dig", ("bo",), "field")]
    )
    pattern = next(each for each in found if set(each.about) == {"bo", "well"})
    assert (pattern.kind, pattern.evidence) == ("pattern", (1, 2, 3))
    assert pattern.confidence == pytest.approx(4 / 5)
    assert not [each for each in found if set(each.about) == {"al", "field"}]


def test_what_is_always_so_is_no_pattern():
    """Two things that are in every experience come together by chance."""
    assert insights([lived(n, "talk", ("bo",), "well") for n in range(9)]) == []


def test_how_something_usually_is_is_told():
    """By the mean valence; those that felt otherwise are no evidence."""
    found = insights([lived(n, who=("bo",), valence=v) for n, v in enumerate((0.9, 0.8, -0.1, 0.6))])
    feeling = next(each for each in found if each.about == ("bo",))
    assert (feeling.text, feeling.evidence) == ("what happens with bo is usually pleasant", (0, 1, 3))
    assert not insights([lived(n, who=("bo",), valence=0.1) for n in range(5)])


def test_a_crowd_is_not_compared_pair_by_pair():
    """Of one experience at most twelve features count: pairs grow with the square."""
    assert len(features(lived(1, who=tuple(f"p{n}" for n in range(1_000)), where="well"))) == 12
