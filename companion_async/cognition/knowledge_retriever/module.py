"""The built-in module ``knowledge_retriever``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from companion_async.cognition.corpus.document import Document, ReadJob, written
from companion_async.cognition.corpus.markup import split_passage
from companion_async.cognition.corpus.pdf import Pdf, pdf_sections
from companion_async.cognition.corpus.reading import read
from companion_async.cognition.corpus.stamps import Pending, is_below, pending, stamps_of
from companion_async.cognition.decoding.module import DecodingError, decoded_in_thread
from companion_async.cognition.decoding.settings import DecodingSettings
from companion_async.cognition.pinpoint import names_missed
from companion_async.cognition.search_engine.library import Library
from companion_async.cognition.search_engine.query import parsed
from companion_async.errors import InvalidArgumentError
from companion_async.modules.module import BaseModule
from companion_async.security import check_count

MODULE = "knowledge_retriever"
"""The name it is registered under."""

_MOST = 1_000


class Passage(msgspec.Struct, frozen=True):
    """A piece of a document that bears on a question, ``excerpt`` the stretch of it that does most.

    ``fit`` is the share of what the question asks for, words that occur nowhere included, from 0 to 1; 1 where too
    few passages are there to tell. ``method`` says how it was found: by ``text``, or by both text and meaning
    (``hybrid``).
    """

    title: str
    location: str
    text: str
    excerpt: str
    score: float
    method: str
    document_id: str
    kind: str
    fit: float = 1.0


class Indexed(msgspec.Struct, frozen=True):
    """What was taken in: how many documents and characters, and what was left out or cut short, and why."""

    documents: int
    characters: int
    notes: tuple[str, ...] = ()


class KnowledgeRetriever(BaseModule):
    """Finds the passages that answer a question. ``library`` is whose documents they are from; without one it keeps
    its own, in memory or in the file ``path``, and one in memory is empty again after a restart. With ``decoding`` that
    isolates, PDF files are read in the processes of the module ``decoders``, which must be registered.
    """

    def __init__(
        self,
        agent_state: Any = None,
        *,
        library: Library | None = None,
        path: str | Path | None = None,
        decoding: DecodingSettings | None = None,
    ) -> None:
        super().__init__(agent_state)
        self._decoding = decoding or DecodingSettings(isolate=False)
        self._owned = library is None
        self._library = library or Library(path)

    def stop(self) -> None:
        """Close the library, if it is its own."""
        if self._owned:
            self._library.close()

    def index(self, documents: Iterable[Document | Mapping[str, Any]]) -> int:
        """Take in ``documents``, all or none; one whose id is known replaces the former. How many there were."""
        return self._library.add(documents)

    def read(self, job: ReadJob) -> Indexed:
        """Read a share of a corpus and take in what it holds. What cannot be read is told in the notes."""
        stamps = stamps_of(*_checked([job]))
        reading = read(job, self._pdf)
        self._library.add(reading.documents, whole_groups=True, stamps=stamps)
        return Indexed(len(reading.documents), sum(len(document.text) for document in reading.documents), reading.notes)

    def _pdf(self, path: Path) -> Pdf:
        try:
            found: Pdf = decoded_in_thread(self._decoding, pdf_sections, path)
        except DecodingError as error:
            return "", [], f"left out, {error.detail}"
        return found

    def pending(self, jobs: Sequence[ReadJob]) -> Pending:
        """What of ``jobs`` is to be read: not files that are as they were. Those that are gone are forgotten."""
        found = pending(_checked(jobs), self._library.stamps())
        if found.gone:
            self._library.remove_groups(found.gone)
        return found

    def remove(self, ids: Iterable[str]) -> int:
        """Forget the documents with these ids. How many of them there were."""
        return self._library.remove(ids)

    def forget(self, *paths: str) -> int:
        """Forget what was read of these files, and of all files below these folders. How many documents that were."""
        given: tuple[Any, ...] = paths
        if not all(isinstance(path, str) for path in given):
            raise InvalidArgumentError(f"paths must be texts; {given!r:.80} are not.")
        places = [Path(written(path)) for path in paths]
        known = self._library.stamps()
        return self._library.remove_groups(
            [group for group in known if any(is_below(Path(group), place) for place in places)]
        )

    def count(self) -> int:
        """How many documents there are."""
        return self._library.count()

    def clear(self) -> None:
        """Forget every document."""
        self._library.clear()

    def retrieve(self, question: str, limit: int = 5, mode: str = "auto") -> list[Passage]:
        """The passages that fit ``question`` best, at most ``limit``; further ones of one module or file come later.

        ``mode`` as for the search engine: by default by text and meaning where the extra ``ml`` is installed, else by
        text alone; each passage says which. Where they do not have the names that the question speaks of, those that
        have all of these come first: a name that is in few places may be outweighed by the common words beside it.
        """
        check_count(limit, "limit", maximum=_MOST)
        method, found = self._library.find(question, limit, mode, vary=True)
        names = names_missed(question, found) if mode != "semantic" else ()
        if names:
            having = parsed(" ".join((*(f'"{name}"' for name in names), question)))
            _, found_by_name = self._library.find(having, limit, mode, vary=True)
            known = {each.passage for each in found_by_name}
            found = [*found_by_name, *(each for each in found if each.passage not in known)][:limit]
        excerpts = self._library.excerpts(question, found)
        return [
            Passage(
                each.title, each.location, each.text, excerpt, each.score, method, each.document_id, each.kind, each.fit
            )
            for each, excerpt in zip(found, excerpts, strict=True)
        ]

    def context_for(self, question: str, max_characters: int = 2_000) -> str:
        """The best passages, numbered and with their places, as far as ``max_characters`` reach; empty if none fits."""
        check_count(max_characters, "max_characters", maximum=1_000_000)
        parts: list[str] = []
        room = max_characters
        for number, passage in enumerate(self.retrieve(question, 10), 1):
            head = f"[{number}] {passage.title} ({passage.location})\n"
            between = 2 if parts else 0
            left = room - len(head) - between
            # What is left would hold a torn-off phrase.
            if left < min(120, len(passage.text)):
                break
            text = next(split_passage(passage.text, left), "")
            parts.append(head + text)
            room -= between + len(head) + len(text)
        return "\n\n".join(parts)


def _checked(jobs: Any) -> Sequence[ReadJob]:
    given: tuple[Any, ...] = tuple(jobs) if isinstance(jobs, (list, tuple)) else (None,)
    if all(isinstance(job, ReadJob) for job in given):
        return given
    raise InvalidArgumentError(
        f"{jobs!r:.120} is nothing to read: make jobs with folder_jobs() or standard_library_jobs()."
    )
