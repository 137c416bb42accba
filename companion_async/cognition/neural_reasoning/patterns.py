"""Patterns that are recalled by likeness: a modern Hopfield network (Ramsauer et al. 2021) over unit vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from companion_async.errors import InvalidArgumentError

_MOST_STEPS = 20
_STILL = 1e-5
_LEAST = 1e-12


class Recalled(msgspec.Struct, frozen=True):
    """Names of stored patterns with the share each has in what was recalled, the greatest first; ``steps`` until it was
    still, and ``energy``, which is lower the nearer a stored pattern it ended.
    """

    weights: tuple[tuple[str, float], ...]
    steps: int
    energy: float


class Concept(msgspec.Struct, frozen=True):
    """Patterns that belong together: their names, the most typical first, and how alike they are (mean cosine)."""

    members: tuple[str, ...]
    cohesion: float


class Patterns:
    """At most ``most``, each under a name, all of one length; one more, and the oldest goes. One thread at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._vectors: dict[str, Any] = {}
        self._matrix: Any = None

    def __len__(self) -> int:
        return len(self._vectors)

    def put(self, name: str, vector: Sequence[float]) -> None:
        """Store a pattern, in the place of the former of that name."""
        unit = self._unit(vector)
        self._vectors.pop(name, None)
        self._vectors[name] = unit
        if len(self._vectors) > self._most:
            del self._vectors[next(iter(self._vectors))]
        self._matrix = None

    def remove(self, name: str) -> bool:
        """Forget a pattern; False where there is none of that name."""
        self._matrix = None
        return self._vectors.pop(name, None) is not None

    def recall(self, cue: Sequence[float | None], sharpness: float, limit: int) -> Recalled:
        """What a noisy or partial cue brings to mind, None standing for what is not known of it.

        ``x <- X^T softmax(sharpness * X x)``, until it is still; the first step compares what is known alone.
        """
        import numpy

        stored = self._stored()
        likeness = self._likeness(cue)
        steps = 0
        while True:
            steps += 1
            shares = _softmax(sharpness * likeness)
            state = shares @ stored
            following = stored @ (state / max(float(numpy.linalg.norm(state)), _LEAST))
            still = float(numpy.abs(following - likeness).max()) < _STILL
            likeness = following
            if still or steps == _MOST_STEPS:
                break
        energy = 0.5 - float(numpy.logaddexp.reduce(sharpness * likeness)) / sharpness
        names = list(self._vectors)
        best = numpy.argsort(-shares, kind="stable")[:limit]
        return Recalled(tuple((names[place], float(shares[place])) for place in best), steps, energy)

    def _likeness(self, cue: Sequence[float | None]) -> Any:
        """The cosine of each stored pattern with the cue, over what is known of it."""
        import numpy

        stored = self._stored()
        try:
            given = numpy.asarray(cue, dtype=numpy.float64)  # None becomes NaN
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidArgumentError("A cue is a sequence of numbers, None for what is not known.") from error
        if given.shape != (stored.shape[1],):
            raise InvalidArgumentError(f"Vectors here have {stored.shape[1]} numbers; {given.size} do not fit.")
        known = ~numpy.isnan(given)
        part = stored[:, known]
        length = float(numpy.linalg.norm(given[known]))
        if not 0 < length < float("inf"):
            raise InvalidArgumentError("Of a cue something must be known that is not 0, and nothing infinite.")
        return part @ given[known] / length / numpy.maximum(numpy.linalg.norm(part, axis=1), _LEAST)

    def nearest(
        self, vector: Sequence[float], limit: int, without: frozenset[str] = frozenset()
    ) -> list[tuple[str, float]]:
        """The stored patterns most like a vector, with their cosines."""
        import numpy

        likeness = self._stored() @ self._unit(vector)
        names = list(self._vectors)
        found = [(names[place], float(likeness[place])) for place in numpy.argsort(-likeness, kind="stable")]
        return [pair for pair in found if pair[0] not in without][:limit]

    def analogy(self, one: str, other: str, third: str, limit: int) -> list[tuple[str, float]]:
        """What is to ``third`` as ``other`` is to ``one``: what is nearest to other - one + third (Mikolov 2013)."""
        vectors = [self._known(name) for name in (one, other, third)]
        return self.nearest(vectors[1] - vectors[0] + vectors[2], limit, frozenset((one, other, third)))

    def concepts(self, likeness: float) -> tuple[Concept, ...]:
        """Groups whose members are on average at least so alike, the largest first; those alone are none.

        Average-linkage clustering of cosines; the work grows with the square of the number, so at most 2,000 patterns.
        """
        from sklearn.cluster import AgglomerativeClustering

        if len(self) < 2:
            return ()
        stored = self._stored()
        groups = AgglomerativeClustering(
            n_clusters=None, metric="cosine", linkage="average", distance_threshold=1.0 - likeness
        ).fit_predict(stored)
        names = list(self._vectors)
        found = []
        for group in sorted(set(groups.tolist())):
            places = [place for place, each in enumerate(groups.tolist()) if each == group]
            if len(places) < 2:
                continue
            likenesses = stored[places] @ stored[places].T
            count = len(places)
            cohesion = (float(likenesses.sum()) - count) / (count * (count - 1))
            typical = sorted(range(count), key=lambda place: -float(likenesses[place].sum()))
            found.append(Concept(tuple(names[places[place]] for place in typical), cohesion))
        return tuple(sorted(found, key=lambda concept: -len(concept.members)))

    def _known(self, name: str) -> Any:
        if name not in self._vectors:
            raise InvalidArgumentError(f"No pattern {name!r:.80} is stored; store() it first.")
        return self._vectors[name]

    def _stored(self) -> Any:
        import numpy

        if not self._vectors:
            raise InvalidArgumentError("No pattern is stored yet; store() some first.")
        if self._matrix is None:
            self._matrix = numpy.stack(list(self._vectors.values()))
        return self._matrix

    def _unit(self, vector: Sequence[float]) -> Any:
        import numpy

        try:
            given = numpy.asarray(vector, dtype=numpy.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidArgumentError("A vector is a sequence of numbers.") from error
        length = float(numpy.linalg.norm(given)) if given.ndim == 1 and given.size else 0.0
        if not 0 < length < float("inf"):
            raise InvalidArgumentError("A vector is a flat sequence of finite numbers that are not all 0.")
        if self._vectors and given.shape != next(iter(self._vectors.values())).shape:
            size = next(iter(self._vectors.values())).size
            raise InvalidArgumentError(f"Vectors here have {size} numbers; {given.size} do not fit.")
        return given / length


def _softmax(values: Any) -> Any:
    import numpy

    powers = numpy.exp(values - values.max())
    return powers / powers.sum()
