"""The built-in module ``search_engine``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from companion_async.cognition.corpus.document import Document
from companion_async.cognition.search_engine.index import Found
from companion_async.cognition.search_engine.library import Library
from companion_async.cognition.search_engine.query import parsed
from companion_async.errors import InvalidArgumentError
from companion_async.modules.module import BaseModule
from companion_async.security import check_count

MODULE = "search_engine"
"""The name it is registered under."""

_MOST = 1_000


class Hit(msgspec.Struct, frozen=True):
    """A document that was found. ``excerpt`` is the stretch of it that fits the query; higher scores fit better.

    ``method`` says how it was found: by ``text``, by meaning (``semantic``) or by both (``hybrid``).
    """

    document_id: str
    title: str
    location: str
    excerpt: str
    score: float
    method: str = "text"


class SearchEngine(BaseModule):
    """Finds documents. ``library`` is whose documents they are; without one it keeps its own, in memory or in the file
    ``path``, and one in memory is empty again after a restart.
    """

    def __init__(
        self, agent_state: Any = None, *, library: Library | None = None, path: str | Path | None = None
    ) -> None:
        super().__init__(agent_state)
        self._owned = library is None
        self._library = library or Library(path)

    def stop(self) -> None:
        """Close the library, if it is its own."""
        if self._owned:
            self._library.close()

    def add(self, documents: Iterable[Document | Mapping[str, Any]]) -> int:
        """Index ``documents``, all or none; one whose id is known replaces the former. How many there were."""
        return self._library.add(documents)

    def remove(self, ids: Iterable[str]) -> int:
        """Forget the documents with these ids. How many of them there were."""
        return self._library.remove(ids)

    def clear(self) -> None:
        """Forget every document."""
        self._library.clear()

    def count(self) -> int:
        """How many documents there are."""
        return self._library.count()

    def search(
        self, query: str, limit: int = 10, mode: str = "text", *, kind: str | None = None, location: str | None = None
    ) -> list[Hit]:
        """The documents that fit ``query`` best, at most ``limit``, each once.

        Any text is a query. Words in double quotes must stand side by side as there, in any of their forms; ``open*``
        asks for words that begin so; the other words are what ranks. ``kind`` keeps to documents of that kind,
        ``location`` to those whose location begins so.

        ``mode``: ``"text"``, or ``"semantic"`` and ``"hybrid"`` where the extra ``ml`` is installed
        (`MissingExtraError` where not), or ``"auto"`` for the best there is; with quotes or stars it is by text.
        """
        check_count(limit, "limit", maximum=_MOST)
        text: Any = query
        if not isinstance(text, str):
            raise InvalidArgumentError(f"A query is a text; {text!r:.80} is not.")
        for name, value in (("kind", kind), ("location", location)):
            given: Any = value
            if given is not None and not isinstance(given, str):
                raise InvalidArgumentError(f"{name} must be a text, or None for any; {given!r:.80} is not.")
        method, found = self._library.find(parsed(query, kind, location), 3 * limit, mode)
        best: dict[str, Found] = {}
        for each in found:
            best.setdefault(each.document_id, each)
        chosen = list(best.values())[:limit]
        excerpts = self._library.excerpts(query, chosen)
        return [
            Hit(each.document_id, each.title, each.location, excerpt, each.score, method)
            for each, excerpt in zip(chosen, excerpts, strict=True)
        ]
