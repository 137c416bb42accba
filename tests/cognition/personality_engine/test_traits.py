"""Traits, moods, and how far each moves."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from companion_async.cognition.personality_engine.traits import (
    TRAITS,
    Mood,
    Traits,
    decayed,
    evolved,
    moved,
    tendency,
)
from companion_async.errors import InvalidArgumentError

shares = st.floats(0, 1)
moods = st.builds(Mood, *[st.floats(-1, 1)] * 3)


@pytest.mark.feature("CB-49")
def test_a_mood_tends_to_what_the_traits_make_of_it():
    """The agreeable are content, the unstable excited, the extraverted sure of themselves."""
    even = dict.fromkeys(("openness", "conscientiousness", "extraversion", "agreeableness", "stability"), 0.5)
    assert tendency(Traits(**even)) == Mood(0.0, 0.0, 0.0)
    assert tendency(Traits(**{**even, "agreeableness": 1.0})).valence == pytest.approx(0.59)
    assert tendency(Traits(**{**even, "stability": 0.0})).arousal == pytest.approx(0.57)
    assert tendency(Traits(**{**even, "extraversion": 1.0})).dominance == pytest.approx(0.60)


@pytest.mark.feature("CB-49")
def test_a_mood_is_half_over_after_its_half_life():
    """And wholly, after long enough; time that goes back changes nothing."""
    assert decayed(Mood(1.0, -1.0, 0.5), Mood(), 600, 600) == Mood(0.5, -0.5, 0.25)
    assert decayed(Mood(1.0), Mood(0.2), 1e6, 600).valence == pytest.approx(0.2)
    assert decayed(Mood(1.0), Mood(), -5, 600) == Mood(1.0)


@given(moods, moods, shares)
@example(Mood(-0.9999999999999999), Mood(1.0), 1.0)  # the sum of these is above 1 by rounding
def test_a_mood_stays_within_its_bounds(mood, impression, weight):
    """However strong the impression."""
    after = moved(mood, impression, weight)
    assert all(-1 <= value <= 1 for value in (after.valence, after.arousal, after.dominance))


@pytest.mark.feature("CB-49")
@given(shares, st.lists(st.floats(-9, 9), max_size=60), st.sampled_from(TRAITS))
def test_a_trait_never_drifts_farther_than_it_may(begun, directions, trait):
    """However much feedback comes, and it stays a share."""
    origin = Traits(**{trait: begun})
    traits = origin
    for direction in directions:
        after = evolved(traits, origin, trait, direction, 0.02, 0.25)
        assert abs(getattr(after, trait) - getattr(traits, trait)) <= 0.02 + 1e-9
        traits = after
        assert 0 <= getattr(traits, trait) <= 1
        assert abs(getattr(traits, trait) - begun) <= 0.25 + 1e-9


@pytest.mark.feature("CB-49")
@pytest.mark.parametrize(
    ("begun", "direction", "end"), [(0.5, 1, 0.75), (0.5, -1, 0.25), (0.9, 1, 1.0), (0.1, -9, 0.0)]
)
def test_a_trait_that_is_always_pushed_one_way_ends_at_its_bound(begun, direction, end):
    """As far from where it began as it may be, or at the end of the scale."""
    origin = traits = Traits(warmth=begun)
    for _ in range(100):
        traits = evolved(traits, origin, "warmth", direction, 0.02, 0.25)
    assert traits.warmth == pytest.approx(end)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Traits(warmth=2),
        lambda: Traits(warmth=True),
        lambda: Traits(warmth=float("nan")),
        lambda: evolved(Traits(), Traits(), "charm", 1, 0.1, 0.1),
    ],
)
def test_what_is_no_trait_is_refused(wrong):
    """Names and numbers are checked."""
    with pytest.raises(InvalidArgumentError):
        wrong()
