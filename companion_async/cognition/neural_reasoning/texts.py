"""Texts as vectors, with nothing to download: hashed character n-grams under a random projection."""

from __future__ import annotations

from functools import cached_property
from typing import Any

_FEATURES = 2**16
_NGRAMS = (3, 5)


class TextVectors:
    """Alike are texts that share parts of words: it is spelling that counts, not meaning. Any thread."""

    def __init__(self, dimensions: int, seed: int) -> None:
        self._dimensions = dimensions
        self._seed = seed

    def vector(self, text: str) -> Any:
        """A vector of ``dimensions`` numbers; all 0 for a text without a letter."""
        hasher, projection = self._parts
        return projection.transform(hasher.transform([text])).toarray()[0]

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        from sklearn.feature_extraction.text import HashingVectorizer
        from sklearn.random_projection import SparseRandomProjection

        hasher = HashingVectorizer(analyzer="char_wb", ngram_range=_NGRAMS, n_features=_FEATURES, alternate_sign=False)
        projection = SparseRandomProjection(self._dimensions, random_state=self._seed)
        projection.fit(hasher.transform(["any text gives it its shape"]))
        return hasher, projection
