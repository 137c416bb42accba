"""The documents that a search engine and a knowledge retriever share, and the ways to find passages in them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from loguru import logger

from companion_async.cognition.corpus.document import Document
from companion_async.cognition.search_engine.fusion import reciprocal_rank_fusion
from companion_async.cognition.search_engine.index import Found, TextIndex
from companion_async.cognition.search_engine.query import Query
from companion_async.cognition.search_engine.ranking import varied
from companion_async.cognition.search_engine.semantics import SemanticIndex, semantics_installed
from companion_async.errors import InvalidArgumentError, MissingExtraError, StorageError

MODES = ("text", "semantic", "hybrid", "auto")
_NO_STAMPS: Mapping[str, str] = {}
_CONSIDERED = 60
_COMPARED = 2_000
# Likeness in meaning counts in the score of a passage already; measured, more weight lowers the hit rate.
_SEMANTIC_WEIGHT = 0.03


class Library:
    """Documents, indexed once and shared by whoever is given this. Safe to be used by any number of threads.

    In memory, or in the file ``path``, which outlives the process. The semantic side is made when it is first asked
    for, kept up with the documents, and kept in the file: the next process learns it again only if the file has other
    passages by then, or if it would learn in another way.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._index = TextIndex(path)
        self._in_file = path is not None
        self._semantic_lock = threading.Lock()
        self._semantic: SemanticIndex | None = None
        self._generation = 0

    def add(
        self,
        documents: Iterable[Document | Mapping[str, Any]],
        *,
        whole_groups: bool = False,
        stamps: Mapping[str, str] = _NO_STAMPS,
    ) -> int:
        """Index ``documents``, all or none; one whose id is known replaces the former. How many there were.

        ``whole_groups`` says that they are all their groups hold, as after a file was read anew; ``stamps`` in what
        state the groups were then.
        """
        return self._index.add(_checked(documents), whole_groups=whole_groups, stamps=stamps)

    def stamps(self) -> dict[str, str]:
        """The groups that were read with a stamp, each with its last."""
        return self._index.stamps()

    def remove_groups(self, groups: Iterable[str]) -> int:
        """Forget all documents of these groups. How many there were."""
        return self._index.remove_groups(groups)

    def remove(self, ids: Iterable[str]) -> int:
        """Forget the documents with these ids. How many of them there were."""
        given: Any = [ids] if isinstance(ids, str) else ids
        known = list(given) if isinstance(given, Iterable) else [given]
        if not all(isinstance(each, str) for each in known):
            raise InvalidArgumentError(f"ids must be a list of texts; {given!r:.80} is not.")
        return self._index.remove(known)

    def clear(self) -> None:
        """Forget every document."""
        self._index.clear()

    def count(self) -> int:
        """How many documents there are."""
        return self._index.count()

    def close(self) -> None:
        """Let go of the database. What was only in memory is gone."""
        self._index.close()

    def find(
        self, question: str | Query, limit: int, mode: str = "auto", *, vary: bool = False
    ) -> tuple[str, list[Found]]:
        """The method that was used, and the passages that fit ``question`` best, at most ``limit``.

        ``mode``: ``"text"`` by words, ``"semantic"`` by meaning, ``"hybrid"`` both, ``"auto"`` hybrid where the extra
        ``ml`` is installed. Without it the former two raise `MissingExtraError`. ``vary`` puts back further passages
        of one group. A text is taken as it is; a `Query` asks for phrases and beginnings of words as well, and finds
        by text where it does.
        """
        query = question if isinstance(question, Query) else Query(question)
        if not isinstance(query.text, str):
            raise InvalidArgumentError(f"A question is a text; {question!r:.80} is not.")
        question = query.text
        if mode not in MODES:
            raise InvalidArgumentError(f"{mode!r:.80} is no mode. Use one of: {', '.join(MODES)}.")
        method = mode if mode != "auto" else "hybrid" if semantics_installed() else "text"
        if method != "text" and not semantics_installed():
            raise MissingExtraError("ml", f"{method.capitalize()} search")
        if query.exacting:
            method = "text"
        considered = max(limit, _CONSIDERED)
        near = self._nearest(question, _COMPARED) if method != "text" else []
        if method == "semantic":
            found = [each for each in self._index.passages(near) if query.admits(each)][:considered]
        else:
            found = self._index.find(query, considered, dict(near))
        if vary:
            found = varied(found)
        if method == "hybrid":
            by_meaning = [number for number, _ in near[:considered]]
            fits = {each.passage: each.fit for each in found}
            found = self._index.passages(
                reciprocal_rank_fusion([(1.0, [each.passage for each in found]), (_SEMANTIC_WEIGHT, by_meaning)])
            )
            found = [each for each in found if query.admits(each)]
            for each in found:
                each.fit = fits.get(each.passage, 0.0)
        return method, found[:limit]

    def excerpts(self, question: str, found: Sequence[Found]) -> list[str]:
        """For each of ``found`` the stretch that says most about ``question``, on one line."""
        marked = self._index.excerpts(question, [each.passage for each in found])
        return [marked.get(each.passage) or " ".join(each.text.split())[:240] for each in found]

    def _nearest(self, question: str, limit: int) -> list[tuple[int, float]]:
        weights = self._index.weights(question)
        with self._semantic_lock:
            generation = self._index.generation
            semantic = self._semantic if generation == self._generation else None
            if semantic is None:
                semantic = self._restored() or SemanticIndex(self._index.stems)
            added = self._index.texts(semantic.last)
            if semantic.due(len(added)):
                passages = self._index.texts(0)
                semantic = SemanticIndex.fitted(self._index.stems, passages)
                self._keep(semantic, passages)
            else:
                semantic.add(added)
            self._semantic, self._generation = semantic, generation
            return semantic.nearest(weights, limit)

    def _restored(self) -> SemanticIndex | None:
        """What an earlier process has learned of the passages that are in the file, if it is whole and theirs."""
        try:
            kept = self._index.learned()
        except StorageError as error:
            logger.warning("What was learned of words could not be read, and is learned again: {}", error)
            return None
        return SemanticIndex.restored(self._index.stems, kept, self._index.texts(0)) if kept else None

    def _keep(self, semantic: SemanticIndex, passages: Sequence[tuple[int, str]]) -> None:
        """Keep what was learned for the next process. Whoever asks is answered all the same where that fails."""
        if not self._in_file:
            return
        try:
            self._index.keep_learned(semantic.kept(passages), [number for number, _ in passages])
        except StorageError as error:
            logger.warning("What was learned of words could not be kept; the next start learns it again: {}", error)


def _checked(documents: Iterable[Document | Mapping[str, Any]]) -> list[Document]:
    if isinstance(documents, (Document, Mapping, str, bytes)) or not isinstance(documents, Iterable):
        raise InvalidArgumentError("add() takes a list of documents; put a single one into a list.")
    try:
        return msgspec.convert(
            [each if isinstance(each, Document) else dict(each) for each in documents], list[Document]
        )
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"Not a list of documents: {error}. Each is a Document or has its fields, at least id, title,"
            " location and text."
        ) from None
