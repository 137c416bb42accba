"""Passages of documents in SQLite's full text index.

One connection under one lock, for readers and the writer alike. A cursor is never shared between threads, and an
in-memory database cannot be shared between connections without locks of SQLite's own that make writers retry. Most of
a query's time goes into ranking in Python, which the interpreter lock keeps to one thread in any case: on 2 cores, 4
threads with a connection each answered 93 to 103 questions a second, 4 that took turns here 80 to 107.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from companion_async.cognition.corpus.document import Document
from companion_async.cognition.corpus.markup import split_passage
from companion_async.cognition.search_engine.concepts import Concept, Vocabulary
from companion_async.cognition.search_engine.query import Query
from companion_async.cognition.search_engine.ranking import (
    Candidate,
    Term,
    leanings,
    ranked,
    rarity,
    term,
)
from companion_async.cognition.search_engine.statements import (
    CANDIDATE,
    GROUPS,
    HAVING,
    OF_GROUP,
    PASSAGE,
    RENOWN,
    SIZES,
    SNIPPET,
    TEXTS,
)
from companion_async.cognition.search_engine.storage import Storage
from companion_async.errors import StorageError

if TYPE_CHECKING:
    import apsw

PASSAGE_CHARACTERS = 1_500
_NEAREST = 20
# That a word is missing from fewer passages than this is chance.
_TELLING = 1_000
# A word in more passages than this tells nothing of a group that would be worth counting them.
_MOST_HAVING = 1_000
_NOTHING_NEAR: Mapping[int, float] = {}
_NO_STAMPS: Mapping[str, str] = {}
# Passages that SQLite is to score for one question, in about 10 ms.
_MOST_SCORED = 10_000
_PARTS = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])|[._]+")


class Found(msgspec.Struct):
    """A passage of a document and how well it fits; ``passage`` is its number in the index.

    ``score`` compares passages for one question. ``fit`` is the share of what the question asks for, words that occur
    nowhere included, from 0 to 1; 1 where too few passages are there to tell.
    """

    passage: int
    score: float
    document_id: str
    title: str
    location: str
    kind: str
    group: str
    text: str
    fit: float = 1.0


class TextIndex:
    """Documents by their words. In memory, or in the file ``path``; any thread may call any method.

    SQLite's own troubles (a full disk, a damaged file) are raised as `StorageError`.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._storage: Storage | None = None
        self._closed = False
        self._lengths: list[float] = []
        self._renown: dict[str, int] = {}
        self._groups: dict[int, str] = {}
        self._group_sizes: Counter[str] = Counter()
        self.generation = 0
        """Grows whenever a passage is taken away; numbers of passages are only good within one."""

    def add(
        self, documents: Sequence[Document], *, whole_groups: bool = False, stamps: Mapping[str, str] = _NO_STAMPS
    ) -> int:
        """Index ``documents``, all or none of them; one whose id is known takes the place of the former. Their number.

        With ``whole_groups`` they are all that their groups hold now: what else was there of these is forgotten.
        ``stamps`` say of groups in what state they were read; what those held before is forgotten too.
        """
        count = 0
        with self._writing() as connection:
            for group in {**dict.fromkeys(document.group for document in documents if whole_groups), **stamps}:
                self._remove_group(connection, group)
            connection.executemany(
                "INSERT OR REPLACE INTO source VALUES (?, ?)",
                ((_storable(group), stamp) for group, stamp in stamps.items()),
            )
            for document in documents:
                self._remove(connection, document.id)
                self._insert(connection, document)
                count += 1
        return count

    def remove(self, ids: Iterable[str]) -> int:
        """Forget these documents; unknown ids are passed over. How many there were."""
        with self._writing() as connection:
            return sum(self._remove(connection, id_) for id_ in ids)

    def stamps(self) -> dict[str, str]:
        """The groups that were read with a stamp, each with its last."""
        with self._open() as storage:
            return {str(group): str(stamp) for group, stamp in storage.connection.execute("SELECT * FROM source")}

    def remove_groups(self, groups: Iterable[str]) -> int:
        """Forget all documents of these groups. How many there were."""
        with self._writing() as connection:
            return sum(self._remove_group(connection, group) for group in groups)

    def clear(self) -> None:
        """Forget every document."""
        with self._writing() as connection:
            self.generation += 1
            for table in ("passage", "part", "mention", "document", "source"):
                connection.execute(f"DELETE FROM {table}")

    def count(self) -> int:
        """How many documents there are."""
        with self._open() as storage:
            return int(storage.connection.execute("SELECT count(*) FROM document").get)

    def find(self, query: Query, limit: int, near: Mapping[int, float] = _NOTHING_NEAR) -> list[Found]:
        """The passages that fit ``query`` best, at most ``limit``.

        ``near`` are passages with their likeness to it in meaning, the nearest first, if that is known.
        """
        with self._open() as storage:
            concepts = self._concepts(storage, query.text)
            words = self._telling(storage, concepts)
            match = f"({query.match}) AND ({words or query.match} OR ({query.match}))" if query.match else words
            candidates = self._candidates(storage, match, query, near) if match and limit > 0 else []
            if not candidates:
                return []
            terms, lengths = self._terms(storage, concepts), self._average_lengths(storage, match)
            order = ranked(candidates, terms, lengths, self._leanings(storage, concepts))
            fitting = self._found(storage, ((each.passage, each.score) for each in order))
            found = [*islice((each for each in fitting if query.admits(each)), limit)]
            asked = self._asked(storage, concepts)
            for each in found:
                each.fit = min(1.0, each.score / asked) if asked else 1.0
            return found

    def passages(self, numbers: Sequence[tuple[int, float]]) -> list[Found]:
        """The passages of these numbers with these scores, in this order; what is gone is left out."""
        with self._open() as storage:
            return list(self._found(storage, numbers))

    def excerpts(self, question: str, numbers: Sequence[int]) -> dict[int, str]:
        """For each passage the stretch that has most of the question's words, on one line, cut at words."""
        with self._open() as storage:
            match = _matching(self._concepts(storage, question))
            found = {}
            for number in numbers if match else ():
                text = storage.connection.execute(SNIPPET, (match, number)).get
                if isinstance(text, str):
                    found[number] = " ".join(text.split())
            return found

    def weights(self, question: str) -> dict[str, float]:
        """The stems that ``question`` asks for, each with how much it counts."""
        with self._open() as storage:
            weights: dict[str, float] = {}
            for concept in self._concepts(storage, question):
                for word, sure in concept.words.items():
                    stem = storage.stem(word)
                    weights[stem] = max(weights.get(stem, 0.0), sure * concept.weight)
            return weights

    def stems(self, text: str) -> Sequence[str]:
        """The stems of ``text`` in its order, as the index knows them."""
        with self._open() as storage:
            return storage.stems(text)

    def texts(self, after: int) -> list[tuple[int, str]]:
        """Number and all searched text of every passage whose number is above ``after``."""
        with self._open() as storage:
            return [(int(number), str(text)) for number, text in storage.connection.execute(TEXTS, (after,))]

    def learned(self) -> bytes:
        """What was kept of what was learned from the passages, by whomever; empty if some of these are gone since."""
        with self._open() as storage:
            return storage.learned()

    def keep_learned(self, data: bytes, numbers: Sequence[int]) -> None:
        """Keep what was learned from the passages of these numbers, if all are there still, beside the passages."""
        with self._open() as storage:
            storage.keep_learned(data, numbers)

    def close(self) -> None:
        """Close the database. What was in memory is gone; calls from now on raise `StorageError`."""
        with self._lock:
            self._closed = True
            if self._storage is not None:
                self._storage.connection.close()
                self._storage = None

    @contextmanager
    def _open(self) -> Iterator[Storage]:
        import apsw

        with self._lock:
            if self._closed:
                raise StorageError("The index is closed. Make a new one, or start its module again.")
            try:
                if self._storage is None:
                    self._storage = Storage(self._path)
                    self._vocabulary = Vocabulary(self._storage.stem)
                yield self._storage
            except apsw.Error as error:
                place = self._path or "in memory"
                raise StorageError(f"The index {place} could not do that: {type(error).__name__}: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        with self._open() as storage, storage.connection:
            self._lengths, self._renown, self._groups = [], {}, {}
            generation = self.generation
            yield storage.connection
            if self.generation != generation:
                storage.forget_learned()

    _vocabulary: Vocabulary

    def _insert(self, connection: apsw.Connection, document: Document) -> None:
        described = (document.id, document.title, document.location, document.kind, document.group or document.id)
        connection.execute(
            "INSERT INTO document(id, title, location, kind, cluster, depth) VALUES (?, ?, ?, ?, ?, ?)",
            (*map(_storable, described), document.depth),
        )
        number = connection.last_insert_rowid()
        name = _storable(f"{document.title} {_PARTS.sub(' ', document.title)}")
        summary, context = _storable(document.summary), _storable(document.context)
        # A document without text can still be found by its title.
        for text in list(split_passage(_storable(document.text), PASSAGE_CHARACTERS)) or [""]:
            connection.execute("INSERT INTO passage VALUES (?, ?, ?, ?)", (name, summary, text, context))
            connection.execute("INSERT INTO part VALUES (?, ?)", (connection.last_insert_rowid(), number))
            summary = ""
        connection.executemany(
            "INSERT OR IGNORE INTO mention VALUES (?, ?)", ((_storable(target), number) for target in document.mentions)
        )

    def _remove_group(self, connection: apsw.Connection, group: str) -> int:
        connection.execute("DELETE FROM source WHERE cluster = ?", (_storable(group),))
        ids = list(connection.execute(OF_GROUP, (_storable(group),)))
        return sum(self._remove(connection, str(id_)) for (id_,) in ids)

    def _remove(self, connection: apsw.Connection, id_: str) -> int:
        number = connection.execute("SELECT number FROM document WHERE id = ?", (_storable(id_),)).get
        if number is None:
            return 0
        self.generation += 1
        connection.execute(
            "DELETE FROM passage WHERE rowid IN (SELECT passage FROM part WHERE document = ?)", (number,)
        )
        for table, column in (("part", "document"), ("mention", "document"), ("document", "number")):
            connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (number,))
        return 1

    def _concepts(self, storage: Storage, question: str) -> list[Concept]:
        return self._vocabulary.concepts(question, lambda word: storage.having(storage.stem(word)) > 0)

    def _terms(self, storage: Storage, concepts: Sequence[Concept]) -> list[Term]:
        total = int(storage.connection.execute("SELECT count(*) FROM part").get)
        terms = []
        for concept in concepts:
            sure: dict[str, float] = {}
            for word, weight in concept.words.items():
                stem = storage.stem(word)
                sure[stem] = max(weight, sure.get(stem, 0.0))
            rarities = {stem: rarity(total, having) for stem in sure if (having := storage.having(stem))}
            terms.append(term(sure, concept.weight, rarities))
        return terms

    def _telling(self, storage: Storage, concepts: Sequence[Concept]) -> str:
        """What finds passages with the words of ``concepts``: all of them, or the rarest where they are in too many.

        A passage that has only words which are nearly everywhere is hardly what is asked for, and SQLite would have to
        score them all.
        """
        words = dict.fromkeys(word for concept in concepts for word in concept.words)
        having = sorted((storage.having(storage.stem(word)), word) for word in words)
        chosen: list[str] = []
        scored = 0
        for count, word in having:
            scored += count
            if chosen and scored > _MOST_SCORED:
                break
            # One that is nowhere finds nothing and hides nothing.
            if count:
                chosen.append(word)
        return _any_of(chosen)

    def _candidates(self, storage: Storage, match: str, query: Query, near: Mapping[int, float]) -> list[Candidate]:
        nearest = json.dumps([*islice(near, _NEAREST)] if not query.exacting else [])
        place = query.location and _storable(query.location)
        rows = list(storage.connection.execute(CANDIDATE, (match, query.kind, place, nearest)))
        if not self._renown:
            self._renown = {"": 0, **{str(target): int(count) for target, count in storage.connection.execute(RENOWN)}}
        return [
            Candidate(
                number,
                (*map(storage.stems, fields), storage.stems_again(context)),
                group,
                depth,
                self._renown.get(group, 0),
                near.get(number, 0.0),
                frozenset(storage.stems_again(_PARTS.sub(" ", title.rpartition(".")[2]))),
            )
            for number, *fields, context, group, depth, title in rows
        ]

    def _asked(self, storage: Storage, concepts: Sequence[Concept]) -> float:
        """What all that is asked for would be worth, could it be found: what occurs nowhere is the rarest of all.

        A number is an instance of what is asked for, not a part of it. 0 where too little is there to tell.
        """
        total = int(storage.connection.execute("SELECT count(*) FROM part").get)
        if total < _TELLING:
            return 0.0
        return sum(
            concept.weight * rarity(total, storage.having(storage.stem(concept.own)))
            for concept in concepts
            if concept.own and not concept.own.isdigit()
        )

    def _leanings(self, storage: Storage, concepts: Sequence[Concept]) -> dict[str, float]:
        """How much the question's own words are at home in each group."""
        if not self._groups:
            self._groups = {int(passage): str(group) for passage, group in storage.connection.execute(GROUPS)}
            self._group_sizes = Counter(self._groups.values())
        total = len(self._groups)
        own: dict[str, tuple[str, float]] = {}
        for concept in concepts:
            for word, sure in concept.words.items():
                if sure == 1.0:
                    own.setdefault(storage.stem(word), (word, concept.weight))
        words = []
        for stem, (word, weight) in own.items():
            if 0 < (having := storage.having(stem)) <= _MOST_HAVING:
                rows = storage.connection.execute(HAVING, (f'"{word}"',))
                known = Counter(self._groups.get(passage, "") for (passage,) in rows)
                # A table that another process writes to may have more than was there when the groups were counted.
                del known[""]
                words.append((weight * rarity(total, having), known))
        return leanings(words, self._group_sizes)

    def _average_lengths(self, storage: Storage, match: str) -> list[float]:
        if not self._lengths:
            rows, *totals = map(int, str(storage.connection.execute(SIZES, (match,)).get).split())
            self._lengths = [total / max(rows, 1) for total in totals]
        return self._lengths

    def _found(self, storage: Storage, numbers: Iterable[tuple[int, float]]) -> Iterator[Found]:
        for number, score in numbers:
            row = storage.connection.execute(PASSAGE, (number,)).get
            if row is not None:
                yield Found(number, score, *row)


def _matching(concepts: Sequence[Concept]) -> str:
    return _any_of(dict.fromkeys(word for concept in concepts for word in concept.words))


def _any_of(words: Iterable[str]) -> str:
    """What finds passages with any of the words. Each is quoted, and made of letters and digits alone."""
    return " OR ".join(f'"{word}"' for word in words)


def _storable(text: str) -> str:
    """``text`` as SQLite can keep it: what came of a broken encoding is replaced, and NUL, where it would end."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
