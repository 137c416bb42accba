"""Passages by meaning: latent semantic analysis of the words they share. Needs the extra ``ml``.

Measured on the standard library's documentation with the questions of the tests (right module first / among three):
this, 256 dimensions over stems, 0.79 / 0.85 in 1 s; hashed character n-grams of 3 to 5 under a random projection, which
would not have to be fitted, 0.44 / 0.58 in 4 s.

Only learning needs scikit-learn. What came of it is a direction for each word, and what a passage or a question means
is the sum of its words': so what was learned can be kept, and used without an import that takes longer than learning.
"""

from __future__ import annotations

import importlib.util
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Self

from companion_async.cognition.search_engine.learned import Learned, fingerprint, sealed, unsealed
from companion_async.errors import MissingExtraError

_DIMENSIONS = 256
_TEXTS_A_DIMENSION = 8
_FITTED_ON = 20_000
_REFITTED_AT = 1.2
# With few texts no word is frequent or rare.
_MANY = 100
_RAREST = 2
_MOST_FREQUENT = 0.3
# To be raised with whatever else changes what is learned.
_EDITION = 1

Stems = Callable[[str], Sequence[str]]


def semantics_installed() -> bool:
    """Whether the extra is there; costs no import of it."""
    return all(importlib.util.find_spec(name) is not None for name in ("numpy", "sklearn"))


class SemanticIndex:
    """Vectors of passages, made of their stems. Not safe to be used by two threads at once."""

    def __init__(self, stems: Stems) -> None:
        """Empty: everything is `due`."""
        if not semantics_installed():
            raise MissingExtraError("ml", "Semantic search")
        self._stems = stems
        self._numbers: list[int] = []
        self._vectors: Any = None
        self._words: dict[str, int] = {}
        self._directions: Any = None
        self._fitted = 0

    @classmethod
    def fitted(cls, stems: Stems, passages: Sequence[tuple[int, str]]) -> Self:
        """Learn from ``passages`` which words stand for the same, and give each its vector. A second for 9,000."""
        made = cls(stems)
        made._fitted = len(passages)
        made._learn([text for _, text in passages[:: len(passages) // _FITTED_ON + 1]])
        made.add(passages)
        return made

    @classmethod
    def restored(cls, stems: Stems, kept: bytes, passages: Sequence[tuple[int, str]]) -> Self | None:
        """What another had `kept`, if it was learned as it would be now and of the first of ``passages``."""
        import numpy

        learned = unsealed(kept)
        if learned is None or learned.recipe != _recipe():
            return None
        if learned.passages != fingerprint(passages[: learned.count]):
            return None
        made = cls(stems)
        made._fitted = learned.count
        if learned.words:
            # Copied, for in their place among other bytes they would not be aligned.
            made._directions, made._vectors = (
                numpy.array(numpy.frombuffer(data, "<f4").reshape(-1, learned.dimensions), numpy.float32)
                for data in (learned.directions, learned.vectors)
            )
            if not (numpy.isfinite(made._directions).all() and numpy.isfinite(made._vectors).all()):
                return None
            made._words = {word: row for row, word in enumerate(learned.words)}
            made._numbers = [number for number, _ in passages[: learned.count]]
        return made

    def kept(self, passages: Sequence[tuple[int, str]]) -> bytes:
        """What was learned of ``passages``, which are all that there were, for `restored`: also that it is nothing."""
        learned = Learned(
            _recipe(),
            fingerprint(passages),
            len(passages),
            0 if self._directions is None else self._directions.shape[1],
            tuple(self._words),
            _packed(self._directions),
            _packed(self._vectors),
        )
        return sealed(learned)

    @property
    def last(self) -> int:
        """The highest passage number that has a vector; 0 with none."""
        return self._numbers[-1] if self._numbers else 0

    def due(self, added: int) -> bool:
        """Whether so many more passages ask for a new fit, which has to see all of them."""
        return len(self._numbers) + added > self._fitted * _REFITTED_AT

    def add(self, passages: Sequence[tuple[int, str]]) -> None:
        """Give these their vectors by what was learned before. Their numbers are above all others."""
        import numpy

        if not self._words or not passages:
            return
        added = numpy.stack(
            [
                self._unit({stem: 1 + math.log(count) for stem, count in Counter(self._stems(text)).items()})
                for _, text in passages
            ]
        )
        vectors = added if self._vectors is None else numpy.concatenate((self._vectors, added))
        self._vectors, self._numbers = vectors, [*self._numbers, *(number for number, _ in passages)]

    def nearest(self, weights: Mapping[str, float], limit: int) -> list[tuple[int, float]]:
        """Passages nearest in meaning to these weighted stems, best first, each with its cosine above 0."""
        import numpy

        if self._vectors is None:
            return []
        likeness = self._vectors @ self._unit(weights)
        best = numpy.argsort(-likeness, kind="stable")[:limit]
        return [(self._numbers[place], float(likeness[place])) for place in best if likeness[place] > 0]

    def _learn(self, texts: Sequence[str]) -> None:
        """Give each word its direction: its row of the decomposition, longer the rarer it is."""
        import numpy
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        many = len(texts) >= _MANY
        words = TfidfVectorizer(
            analyzer=self._stems,
            sublinear_tf=True,
            min_df=_RAREST if many else 1,
            max_df=_MOST_FREQUENT if many else 1.0,
        )
        try:
            matrix = words.fit_transform(texts)
        except ValueError:
            return  # not one word in all of it
        # As many dimensions as texts would only repeat the texts; words come together where there are fewer.
        dimensions = min(_DIMENSIONS, max(2, len(texts) // _TEXTS_A_DIMENSION), *(size - 1 for size in matrix.shape))
        if dimensions < 1:
            return
        rows = TruncatedSVD(dimensions, n_iter=2, random_state=0).fit(matrix).components_.T
        self._directions = (rows * words.idf_[:, numpy.newaxis]).astype(numpy.float32)
        self._words = {word: row for row, word in enumerate(words.get_feature_names_out())}

    def _unit(self, weights: Mapping[str, float]) -> Any:
        """What these weighted stems mean together, of length 1; nothing but zeros where none of them is known."""
        import numpy

        known = {self._words[stem]: weight for stem, weight in weights.items() if stem in self._words}
        meant = numpy.fromiter(known.values(), numpy.float64) @ self._directions[list(known)]
        return (meant / (numpy.linalg.norm(meant) or 1.0)).astype(numpy.float32)


def _packed(vectors: Any) -> memoryview:
    return memoryview(b"" if vectors is None else vectors.astype("<f4").tobytes())


def _recipe() -> str:
    """How it is learned: with another version of the learner or other numbers, other vectors come of the same texts."""
    try:
        learner = version("scikit-learn")
    except PackageNotFoundError:  # packed into a program without what tells of it
        learner = "?"
    numbers = (_EDITION, _DIMENSIONS, _TEXTS_A_DIMENSION, _FITTED_ON, _MANY, _RAREST, _MOST_FREQUENT)
    return f"{' '.join(map(str, numbers))} scikit-learn {learner}"
