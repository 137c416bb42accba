"""Classes learnt by example, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from companion_async.errors import InvalidArgumentError

_REHEARSED = 500
_ROUNDS = 3


class Classified(msgspec.Struct, frozen=True):
    """The likeliest class, and the probability of each, the greatest first. ``examples`` it was learnt from."""

    label: str
    probabilities: dict[str, float]
    examples: int


class Classifier:
    """Multinomial logistic regression by stochastic gradient descent (scikit-learn's `SGDClassifier.partial_fit`).

    A class that is new makes it learn again from the last 500 examples of each class, for which it keeps them. One
    thread at a time.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._model: Any = None
        self._scaler: Any = None
        self._kept: dict[str, list[Any]] = {}
        self.examples = 0

    def learn(self, vectors: Sequence[Sequence[float]], labels: Sequence[str]) -> int:
        """Learn from examples, each with its label. How many it has learnt from by now."""
        import numpy

        given = _matrix(vectors)
        if len(given) != len(labels):
            raise InvalidArgumentError(f"Each vector has one label: there are {len(given)} and {len(labels)}.")
        size = self._size
        if size is not None and given.shape[1] != size:
            raise InvalidArgumentError(f"Vectors here have {size} numbers; {given.shape[1]} do not fit.")
        new = set(labels) - set(self._kept)
        for row, label in zip(given, labels, strict=True):
            kept = self._kept.setdefault(label, [])
            kept.append(row)
            if len(kept) > _REHEARSED:
                del kept[0]
        self.examples += len(labels)
        if new or self._model is None:
            self._again(numpy)
        else:
            self._scaler.partial_fit(given)
            for _ in range(_ROUNDS):
                self._model.partial_fit(self._scaler.transform(given), list(labels))
        return self.examples

    def classify(self, vector: Sequence[float]) -> Classified:
        """The class of a vector; `InvalidArgumentError` before there are two classes."""
        if self._model is None:
            raise InvalidArgumentError("Two classes at least are to be learnt before anything is classified.")
        given = _matrix([vector])
        if given.shape[1] != self._size:
            raise InvalidArgumentError(f"Vectors here have {self._size} numbers; {given.shape[1]} do not fit.")
        shares = self._model.predict_proba(self._scaler.transform(given))[0].tolist()
        pairs = sorted(zip(self._model.classes_.tolist(), shares, strict=True), key=lambda pair: -pair[1])
        return Classified(str(pairs[0][0]), {str(label): share for label, share in pairs}, self.examples)

    def _again(self, numpy: Any) -> None:
        from sklearn.linear_model import SGDClassifier
        from sklearn.preprocessing import StandardScaler

        if len(self._kept) < 2:
            return
        rows = [(row, label) for label, kept in self._kept.items() for row in kept]
        matrix = numpy.stack([row for row, _ in rows])
        labels = [label for _, label in rows]
        self._scaler = StandardScaler().fit(matrix)
        self._model = SGDClassifier(loss="log_loss", random_state=self._seed)
        order = numpy.random.default_rng(self._seed)
        for _ in range(_ROUNDS):
            places = order.permutation(len(rows))
            self._model.partial_fit(
                self._scaler.transform(matrix[places]), [labels[place] for place in places], sorted(self._kept)
            )

    @property
    def _size(self) -> int | None:
        return next((int(kept[0].size) for kept in self._kept.values()), None)


def _matrix(vectors: Sequence[Sequence[float]]) -> Any:
    import numpy

    try:
        given = numpy.asarray(vectors, dtype=numpy.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError("Examples are vectors of numbers, all of one length.") from error
    if given.ndim != 2 or not given.size or not numpy.isfinite(given).all():
        raise InvalidArgumentError("Examples are flat vectors of finite numbers, all of one length, one at least.")
    return given
