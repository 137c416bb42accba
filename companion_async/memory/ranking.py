"""Pure: which memories come to mind first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

HALF_LIFE = 24 * 3600.0
"""Seconds after which a memory is half as recent."""

WEIGHTS: Mapping[str, tuple[float, float, float]] = {
    "mixed": (1 / 3, 1 / 3, 1 / 3),
    "recency": (1.0, 0.0, 0.0),
    "relevance": (0.0, 1.0, 0.0),
    "importance": (0.0, 0.0, 1.0),
    "conversation": (0.4, 0.4, 0.2),
    "decision": (0.2, 0.3, 0.5),
    "reflection": (0.1, 0.4, 0.5),
    "planning": (0.3, 0.4, 0.3),
}
"""What a purpose makes of recency, relevance and importance: shares of 1."""

_SPREAD = 0.8
_CUT_OFF = 0.1
_RECALLED = 0.1
_MOST_RECALLED = 0.3


def recency(age: float) -> float:
    """From 1 for now down to 0: halved with every `HALF_LIFE` of the ``age`` in seconds."""
    return math.exp2(-max(0.0, age) / HALF_LIFE)


def rarity(documents: int, total: int) -> float:
    """What a word tells that so many of all memories have: its inverse document frequency, never 0."""
    return math.log(1.0 + total / max(1, documents))


def relevance(mask: int, rarities: Sequence[float]) -> float:
    """The share of a question's words, weighted by rarity, that a memory has: bit n of ``mask`` is word n."""
    whole = sum(rarities)
    return sum(weight for bit, weight in enumerate(rarities) if mask >> bit & 1) / whole if whole else 0.0


def score(purpose: str, age: float, relevant: float | None, importance: float) -> float:
    """From 0 to 1. ``relevant`` is None where nothing was asked: then the other two share its part."""
    recent, fitting, weighty = WEIGHTS[purpose]
    if relevant is None:
        both = recent + weighty
        return (recent * recency(age) + weighty * importance) / both if both else recency(age)
    return recent * recency(age) + fitting * relevant + weighty * importance


def strength(importance: float, age: float, recalled: int, decay: float) -> float:
    """How present a memory is: its importance, fading by ``decay`` a day, and each recall holds it up by 0.1, three
    times at most.
    """
    return importance * math.exp(-decay * max(0.0, age) / 86_400) + min(_RECALLED * recalled, _MOST_RECALLED)


def spread(scores: Mapping[int, float], links: Mapping[int, Sequence[tuple[int, float]]]) -> dict[int, float]:
    """What one step along the links adds to the memories that are not among the scored: a score times 0.8 times the
    strength of the link, the best way each; under 0.1 nothing. Source: spreading activation, Collins and Loftus 1975.
    """
    reached: dict[int, float] = {}
    for source, value in scores.items():
        for target, bond in links.get(source, ()):
            added = value * _SPREAD * bond
            if target not in scores and added >= _CUT_OFF:
                reached[target] = max(added, reached.get(target, 0.0))
    return reached
