"""Pure: what many experiences have in common, with the experiences that show it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import msgspec

LEAST = 3
"""How often something must have come together before it counts."""

FELT = 0.3
"""How far from neutral (0) the mean valence of -1 to 1 must be to be told."""

_MOST_FEATURES = 12  # of one experience: pairs grow with the square


class Experience(msgspec.Struct, frozen=True):
    """Something that happened, by the id that it has in long-term memory: the microsecond at which it was."""

    id: int
    content: str
    type: str
    importance: float
    participants: tuple[str, ...] = ()
    location: str | None = None
    valence: float = 0.0


class Insight(msgspec.Struct, frozen=True):
    """``kind`` is ``pattern`` (two things come together more often than by chance) or ``feeling`` (how something
    usually is). ``confidence`` is from 0 to 1, ``evidence`` the ids of all that shows it, ``about`` whom or what.
    """

    text: str
    kind: str
    confidence: float
    evidence: tuple[int, ...]
    about: tuple[str, ...]


def insights(experiences: Sequence[Experience]) -> list[Insight]:
    """What they show, the surest first."""
    shown: dict[tuple[str, str], list[Experience]] = defaultdict(list)
    for experience in experiences:
        for feature in features(experience):
            shown[feature].append(experience)
    found = [*patterns(experiences, shown), *feelings(shown)]
    return sorted(found, key=lambda insight: (-insight.confidence, -len(insight.evidence), insight.text))


def features(experience: Experience) -> list[tuple[str, str]]:
    """Who took part, where it was, of which type it was."""
    found = [("with", name) for name in sorted(experience.participants)]
    if experience.location:
        found.append(("at", experience.location))
    found.append(("type", experience.type))
    return found[:_MOST_FEATURES]


def patterns(
    experiences: Sequence[Experience], shown: Mapping[tuple[str, str], Sequence[Experience]]
) -> Iterable[Insight]:
    """Pairs that came together `LEAST` times or more, and more often than they would by chance (lift above 1). The
    confidence is that of the next time, by Laplace's rule of succession.
    """
    together: Counter[tuple[tuple[str, str], tuple[str, str]]] = Counter()
    for experience in experiences:
        together.update(combinations(sorted(features(experience)), 2))
    for (one, other), times in together.items():
        rarer, commoner = sorted((one, other), key=lambda feature: len(shown[feature]))
        by_chance = len(shown[one]) * len(shown[other]) / len(experiences)
        if times < LEAST or times <= by_chance:
            continue
        evidence = tuple(each.id for each in shown[rarer] if commoner in features(each))
        usually = "mostly" if 2 * times > len(shown[rarer]) else "often"
        yield Insight(
            f"{_told(rarer)} is {usually} {_where(commoner)}",
            "pattern",
            (times + 1) / (len(shown[rarer]) + 2),
            evidence,
            (rarer[1], commoner[1]),
        )


def feelings(shown: Mapping[tuple[str, str], Sequence[Experience]]) -> Iterable[Insight]:
    """How it usually is to be with somebody, somewhere, or at something."""
    for feature, experiences in shown.items():
        mean = sum(each.valence for each in experiences) / len(experiences)
        if len(experiences) < LEAST or abs(mean) < FELT:
            continue
        fitting = tuple(each.id for each in experiences if each.valence * mean > 0)
        yield Insight(
            f"{_told(feature)} is usually {'pleasant' if mean > 0 else 'unpleasant'}",
            "feeling",
            (len(fitting) + 1) / (len(experiences) + 2),
            fitting,
            (feature[1],),
        )


def _told(feature: tuple[str, str]) -> str:
    kind, name = feature
    return {"with": f"what happens with {name}", "at": f"what happens at {name}", "type": f"{name}"}[kind]


def _where(feature: tuple[str, str]) -> str:
    kind, name = feature
    return f"of the type {name}" if kind == "type" else f"{kind} {name}"
