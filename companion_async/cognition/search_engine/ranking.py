"""Pure: the order of passages for a question.

Each concept scores once, however many of its words a passage has: BM25 over the fields (BM25F, Robertson and Zaragoza
2009), with synonyms counted as weaker occurrences of the word itself. Passages of a group lend each other weight,
since a module that has much to say on a question is likely the one that is asked for, and so does a group in which the
question's words are more at home than elsewhere; then the order is varied, since three passages of one place tell less
than those of three. The constants stand on a plateau: halving or doubling any
of them moves the hit rates of `python -m benchmarks retrieval` by a question or two.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Protocol, TypeVar

import msgspec

FIELDS = ("name", "summary", "body", "context")
FIELD_WEIGHTS = (3.0, 2.0, 1.0, 1.5)
_LENGTH_WEIGHTS = (0.3, 0.3, 0.8, 0.3)
_SATURATION = 2.0
_GROUP_SHARE = 0.2
_GROUP_DECAY = 0.5
_GROUP_DEPTH = 100
_DEPTH_PENALTY = 0.15
_RENOWN = 0.05
_REPEATED = 0.8
_CALLED = 0.15
_LIKENESS = 0.4
_LEANING = 0.2
_SMALL_GROUP = 10  # passages
_NO_LEANING: Mapping[str, float] = {}


class Term(msgspec.Struct, frozen=True):
    """A concept as the index knows it: weights by stem, and how much it tells (its weight times its rarity)."""

    stems: dict[str, float]
    worth: float


class Candidate(msgspec.Struct):
    """A passage that may answer: the stems of its fields, and what speaks for it beforehand.

    ``called`` are the stems of what it is called inside its group, the last part of its name. ``likeness`` is how near
    it is to the question in meaning, from 0 to 1, where that is known.
    """

    passage: int
    fields: tuple[Sequence[str], ...]
    group: str = ""
    depth: int = 0
    mentions: int = 0
    likeness: float = 0.0
    called: frozenset[str] = frozenset()
    score: float = 0.0


def rarity(documents: int, having: int) -> float:
    """How much an occurrence tells when ``having`` of all ``documents`` have the word."""
    return math.log(1 + (documents - having + 0.5) / (having + 0.5))


def term(words: Mapping[str, float], weight: float, rarities: Mapping[str, float]) -> Term:
    """The concept of ``words`` (by stem); it is as rare as its own word is, or as its synonyms are on average."""
    own = [rarities[stem] for stem, sure in words.items() if sure == 1.0 and stem in rarities]
    others = [rarities[stem] for stem in words if stem in rarities]
    rare = max(own) if own else sum(others) / len(others) if others else 0.0
    return Term(dict(words), weight * rare)


def leanings(words: Iterable[tuple[float, Mapping[str, int]]], sizes: Mapping[str, int]) -> dict[str, float]:
    """How much the words of a question are at home in each group, from 0 to 1.

    ``words``: each with how much it tells, and in how many passages of each group it is; ``sizes``: how many passages
    a group has. What a word tells is shared out over its groups; in a small group it takes more to be at home.
    """
    leaning: dict[str, float] = {}
    for worth, having in words:
        shares = {group: count / (sizes[group] + _SMALL_GROUP) for group, count in having.items()}
        length = math.hypot(*shares.values())
        for group, share in shares.items():
            leaning[group] = leaning.get(group, 0.0) + worth * share / length
    length = math.hypot(*leaning.values())
    return {group: amount / length for group, amount in leaning.items()} if length else {}


def ranked(
    candidates: Sequence[Candidate],
    terms: Sequence[Term],
    lengths: Sequence[float],
    leaning: Mapping[str, float] = _NO_LEANING,
) -> list[Candidate]:
    """The candidates, best first, with their scores.

    ``lengths`` are the average lengths of the fields; ``leaning`` says how much the question is at home in each group.
    """
    own = {stem: term.worth for term in terms for stem, sure in term.stems.items() if sure == 1.0}
    wanted = {stem for term in terms for stem in term.stems}
    relevant = [
        _relevance(candidate, terms, wanted, lengths) + _CALLED * _called(candidate, own) for candidate in candidates
    ]
    # Both are shares of the best match of words.
    most = max(relevant, default=0.0)
    for candidate, relevance in zip(candidates, relevant, strict=True):
        suits = _LIKENESS * candidate.likeness + _LEANING * leaning.get(candidate.group, 0.0)
        candidate.score = (relevance + most * suits) * _prior(candidate)
    order = sorted(candidates, key=lambda candidate: (-candidate.score, candidate.passage))
    lent: dict[str, float] = {}
    seen: Counter[str] = Counter()
    for candidate in order[:_GROUP_DEPTH]:
        lent[candidate.group] = lent.get(candidate.group, 0.0) + candidate.score * _GROUP_DECAY ** seen[candidate.group]
        seen[candidate.group] += 1
    for candidate in order[:_GROUP_DEPTH]:
        candidate.score += _GROUP_SHARE * lent[candidate.group]
    return sorted(order, key=lambda candidate: (-candidate.score, candidate.passage))


class Scored(Protocol):
    """What can be put in order: a passage of some group with a score."""

    passage: int
    group: str
    score: float


Each = TypeVar("Each", bound=Scored)


def varied(order: Sequence[Each]) -> list[Each]:
    """The same with each further one of a group put back a little, and their scores lowered accordingly."""
    seen: Counter[str] = Counter()
    for each in order:
        each.score *= _REPEATED ** seen[each.group]
        seen[each.group] += 1
    return sorted(order, key=lambda each: (-each.score, each.passage))


def _relevance(candidate: Candidate, terms: Sequence[Term], wanted: Set[str], lengths: Sequence[float]) -> float:
    weighted: dict[str, float] = {}
    for stems, average, weight, length_weight in zip(
        candidate.fields, lengths, FIELD_WEIGHTS, _LENGTH_WEIGHTS, strict=True
    ):
        norm = weight / (1 - length_weight + length_weight * len(stems) / max(average, 1.0))
        for stem in [stem for stem in stems if stem in wanted]:
            weighted[stem] = weighted.get(stem, 0.0) + norm
    score = 0.0
    for term in terms:
        occurrences = sum(sure * weighted[stem] for stem, sure in term.stems.items() if stem in weighted)
        score += term.worth * occurrences / (_SATURATION + occurrences)
    return score


def _called(candidate: Candidate, own: Mapping[str, float]) -> float:
    """What it is worth that the question has all words of the candidate's own name; a part of them is chance."""
    return sum(own[stem] for stem in candidate.called) if own.keys() >= candidate.called else 0.0


def _prior(candidate: Candidate) -> float:
    return (1 + _RENOWN * math.log1p(candidate.mentions)) / (1 + _DEPTH_PENALTY * candidate.depth)
