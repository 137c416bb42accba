"""Pure: one ranking out of several."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)

K = 60


def reciprocal_rank_fusion(rankings: Iterable[tuple[float, Sequence[Item]]], *, k: int = K) -> list[tuple[Item, float]]:
    """The items of all ``rankings`` (each with its weight), best first, with their scores.

    An item scores ``weight / (k + rank)`` in each ranking that has it, ranks counted from 1; ``k=60`` is what Cormack,
    Clarke and Büttcher (SIGIR 2009) found to hold over many collections. Only ranks count, so that scores of different
    kinds need not be made comparable. Equal scores stay in the order of first sight.
    """
    scores: dict[Item, float] = {}
    for weight, ranking in rankings:
        for rank, item in enumerate(ranking, 1):
            scores[item] = scores.get(item, 0.0) + weight / (k + rank)
    return sorted(scores.items(), key=lambda each: -each[1])
