"""Pure: what somebody is like, how that moves, and what mood it tends to."""

from __future__ import annotations

import msgspec

from companion_async.errors import InvalidArgumentError
from companion_async.security import check_fraction

MIDDLE = 0.5


class Traits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each from 0 to 1: the Big Five, stability being the opposite of neuroticism, which make the mood; formality and
    warmth, which show in words.
    """

    openness: float = 0.6
    conscientiousness: float = 0.7
    extraversion: float = 0.5
    agreeableness: float = 0.6
    stability: float = 0.7
    formality: float = 0.5
    warmth: float = 0.5

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            check_fraction(getattr(self, name), name)


TRAITS = Traits.__struct_fields__


class Mood(msgspec.Struct, frozen=True):
    """Valence, arousal and dominance, each from -1 to 1 (Russell and Mehrabian 1977)."""

    valence: float = 0.0
    arousal: float = 0.0
    dominance: float = 0.0


def tendency(traits: Traits) -> Mood:
    """The mood that somebody comes back to (Mehrabian 1996, from the Big Five)."""
    o, c, e, a, s = (
        2 * (value - MIDDLE)
        for value in (
            traits.openness,
            traits.conscientiousness,
            traits.extraversion,
            traits.agreeableness,
            traits.stability,
        )
    )
    return Mood(
        valence=_bound(0.21 * e + 0.59 * a + 0.19 * s),
        arousal=_bound(0.15 * o + 0.30 * a - 0.57 * s),
        dominance=_bound(0.25 * o + 0.17 * c + 0.60 * e - 0.32 * a),
    )


def decayed(mood: Mood, towards: Mood, seconds: float, half_life: float) -> Mood:
    """The mood so much later: halfway back to its tendency with each half-life."""
    left = 0.5 ** (max(0.0, seconds) / half_life)
    return Mood(*(rest + left * (now - rest) for now, rest in zip(_plain(mood), _plain(towards), strict=True)))


def moved(mood: Mood, impression: Mood, weight: float) -> Mood:
    """The mood after an impression: so much of the way to it."""
    return Mood(
        *(_bound(now + weight * (then - now)) for now, then in zip(_plain(mood), _plain(impression), strict=True))
    )


def evolved(traits: Traits, origin: Traits, trait: str, direction: float, rate: float, drift: float) -> Traits:
    """``traits`` with one moved by at most ``rate``, and never farther than ``drift`` from where it began."""
    if trait not in TRAITS:
        raise InvalidArgumentError(f"{trait!r:.80} is no trait; they are {', '.join(TRAITS)}.")
    begun = getattr(origin, trait)
    value = getattr(traits, trait) + rate * max(-1.0, min(1.0, direction))
    value = max(begun - drift, min(begun + drift, value))
    return msgspec.structs.replace(traits, **{trait: max(0.0, min(1.0, value))})


def _plain(mood: Mood) -> tuple[float, float, float]:
    return mood.valence, mood.arousal, mood.dominance


def _bound(value: float) -> float:
    return max(-1.0, min(1.0, value))
