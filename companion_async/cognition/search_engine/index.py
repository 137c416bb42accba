"""Passages of documents in SQLite's full text index.

One connection under one lock, for readers and the writer alike. A cursor is never shared between threads, and an
in-memory database cannot be shared between connections without locks of SQLite's own that make writers retry. Most of
a query's time goes into ranking in Python, which the interpreter lock keeps to one thread in any case: on 2 cores, 4
threads with a connection each answered 4 % more questions a second than 4 threads taking turns here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from companion_async.cognition.corpus.document import Document
from companion_async.cognition.corpus.markup import split_passage
from companion_async.cognition.search_engine.concepts import Concept, Vocabulary
from companion_async.cognition.search_engine.ranking import FIELD_WEIGHTS, FIELDS, Candidate, Term, ranked, rarity, term
from companion_async.errors import StorageError

if TYPE_CHECKING:
    import apsw

PASSAGE_CHARACTERS = 1_500
_CANDIDATES = 300
_SCHEMA = 1
_TOKENIZER = "porter unicode61"
_MOST_EXCERPT_WORDS = 40
_PARTS = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])|[._]+")

_TABLES = f"""
CREATE TABLE document(
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, location TEXT NOT NULL, kind TEXT NOT NULL,
  cluster TEXT NOT NULL, depth INTEGER NOT NULL);
CREATE TABLE part(passage INTEGER PRIMARY KEY, document INTEGER NOT NULL);
CREATE INDEX part_document ON part(document);
CREATE TABLE mention(target TEXT NOT NULL, document INTEGER NOT NULL, PRIMARY KEY(target, document)) WITHOUT ROWID;
CREATE INDEX mention_document ON mention(document);
CREATE VIRTUAL TABLE passage USING fts5({", ".join(FIELDS)}, tokenize='{_TOKENIZER}');
PRAGMA user_version={_SCHEMA};
"""
_READING = "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, passage, row)"


class Found(msgspec.Struct, frozen=True):
    """A passage of a document and how well it fits; ``passage`` is its number in the index."""

    passage: int
    score: float
    document_id: str
    title: str
    location: str
    kind: str
    group: str
    text: str


class TextIndex:
    """Documents by their words. In memory, or in the file ``path``; any thread may call any method.

    SQLite's own troubles (a full disk, a damaged file) are raised as `StorageError`.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: apsw.Connection | None = None
        self._closed = False
        self._lengths: list[float] = []
        self._renown: dict[str, int] = {}

    def add(self, documents: Iterable[Document]) -> int:
        """Index ``documents``, all or none of them; one whose id is known takes the place of the former. Their number."""
        count = 0
        with self._writing() as connection:
            for document in documents:
                self._remove(connection, document.id)
                self._insert(connection, document)
                count += 1
        return count

    def remove(self, ids: Iterable[str]) -> int:
        """Forget these documents; unknown ids are passed over. How many there were."""
        with self._writing() as connection:
            return sum(self._remove(connection, id_) for id_ in ids)

    def clear(self) -> None:
        """Forget every document."""
        with self._writing() as connection:
            for table in ("passage", "part", "mention", "document"):
                connection.execute(f"DELETE FROM {table}")

    def count(self) -> int:
        """How many documents there are."""
        with self._open() as connection:
            return int(connection.execute("SELECT count(*) FROM document").get)

    def find(self, question: str, limit: int) -> list[Found]:
        """The passages that fit ``question`` best, at most ``limit``; any text is a question."""
        with self._open() as connection:
            concepts = self._concepts(question)
            words = dict.fromkeys(word for concept in concepts for word in concept.words)
            if not words or limit < 1:
                return []
            match = " OR ".join(f'"{word}"' for word in words)
            candidates = self._candidates(connection, match)
            if not candidates:
                return []
            order = ranked(candidates, self._terms(connection, concepts), self._average_lengths(connection, match))
            return self._found(connection, [(each.passage, each.score) for each in order[:limit]])

    def passages(self, numbers: Sequence[tuple[int, float]]) -> list[Found]:
        """The passages of these numbers with these scores, in this order; what is gone is left out."""
        with self._open() as connection:
            return self._found(connection, numbers)

    def excerpts(self, question: str, numbers: Sequence[int]) -> dict[int, str]:
        """For each passage the stretch that has most of the question's words, on one line, cut at words."""
        with self._open() as connection:
            words = dict.fromkeys(word for concept in self._concepts(question) for word in concept.words)
            match = " OR ".join(f'"{word}"' for word in words)
            found = {}
            for number in numbers if match else ():
                query = f"SELECT snippet(passage, 2, '', '', ' ... ', {_MOST_EXCERPT_WORDS}) FROM passage WHERE passage MATCH ? AND rowid = ?"
                text = connection.execute(query, (match, number)).get
                if isinstance(text, str):
                    found[number] = " ".join(text.split())
            return found

    def texts(self, after: int) -> list[tuple[int, str]]:
        """Number, and title and text, of every passage whose number is above ``after``."""
        with self._open() as connection:
            rows = connection.execute("SELECT rowid, name || char(10) || body FROM passage WHERE rowid > ? ORDER BY rowid", (after,))
            return [(int(number), str(text)) for number, text in rows]

    def close(self) -> None:
        """Close the database. What was in memory is gone; calls from now on raise `StorageError`."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _open(self) -> Iterator[apsw.Connection]:
        # Importing apsw takes 30 ms, and a path may be on a slow disk: both wait for the first use, in a worker.
        import apsw

        with self._lock:
            try:
                yield self._connection or self._connect(apsw)
            except apsw.Error as error:
                raise StorageError(f"The index could not do that: {type(error).__name__}: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        with self._open() as connection, connection:
            self._lengths, self._renown = [], {}
            yield connection

    def _connect(self, apsw: Any) -> apsw.Connection:
        if self._closed:
            raise StorageError("The index is closed. Make a new one, or start its module again.")
        connection: apsw.Connection = apsw.Connection(str(self._path) if self._path is not None else ":memory:")
        try:
            connection.set_busy_timeout(5_000)
            if self._path is not None:
                connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL")
            with connection:
                version = connection.execute("PRAGMA user_version").get
                if version == 0:
                    connection.execute(_TABLES)
                elif version != _SCHEMA:
                    raise StorageError(
                        f"{self._path} holds an index of schema {version}; this version reads {_SCHEMA}. Name another "
                        "path, or delete the file: it is made again from the documents."
                    )
            connection.execute(_READING)
            connection.register_fts5_function("sizes", _sizes)
            tokenizer = connection.fts5_tokenizer(*_TOKENIZER.split(" ", 1)[:1], [_TOKENIZER.split(" ", 1)[1]])
        except BaseException:
            connection.close()
            raise

        def stems(text: str) -> Sequence[str]:
            return tokenizer(
                text.encode("utf-8", "replace"), apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False, include_colocated=False
            )

        @lru_cache(maxsize=20_000)
        def stem(word: str) -> str:
            return next(iter(stems(word)), word)

        self._stems, self._stem = stems, stem
        self._vocabulary = Vocabulary(stem)
        self._connection = connection
        return connection

    _stems: Callable[[str], Sequence[str]]
    _stem: Callable[[str], str]
    _vocabulary: Vocabulary

    def _insert(self, connection: apsw.Connection, document: Document) -> None:
        connection.execute(
            "INSERT INTO document(id, title, location, kind, cluster, depth) VALUES (?, ?, ?, ?, ?, ?)",
            (*map(_storable, (document.id, document.title, document.location, document.kind, document.group or document.id)), document.depth),
        )
        number = connection.last_insert_rowid()
        name = _storable(f"{document.title} {_PARTS.sub(' ', document.title)}")
        summary, context = _storable(document.summary), _storable(document.context)
        for text in split_passage(_storable(document.text), PASSAGE_CHARACTERS):
            connection.execute("INSERT INTO passage VALUES (?, ?, ?, ?)", (name, summary, text, context))
            connection.execute("INSERT INTO part VALUES (?, ?)", (connection.last_insert_rowid(), number))
            summary = ""
        connection.executemany("INSERT OR IGNORE INTO mention VALUES (?, ?)", ((_storable(target), number) for target in document.mentions))

    def _remove(self, connection: apsw.Connection, id_: str) -> int:
        number = connection.execute("SELECT number FROM document WHERE id = ?", (_storable(id_),)).get
        if number is None:
            return 0
        connection.execute("DELETE FROM passage WHERE rowid IN (SELECT passage FROM part WHERE document = ?)", (number,))
        for table, column in (("part", "document"), ("mention", "document"), ("document", "number")):
            connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (number,))
        return 1

    def _concepts(self, question: str) -> list[Concept]:
        return self._vocabulary.concepts(question, lambda word: bool(self._having(self._stem(word))))

    def _having(self, stem: str) -> int:
        assert self._connection is not None
        return int(self._connection.execute("SELECT doc FROM temp.vocabulary WHERE term = ?", (stem,)).get or 0)

    def _terms(self, connection: apsw.Connection, concepts: Sequence[Concept]) -> list[Term]:
        total = int(connection.execute("SELECT count(*) FROM part").get)
        terms = []
        for concept in concepts:
            sure: dict[str, float] = {}
            for word, weight in concept.words.items():
                stem = self._stem(word)
                sure[stem] = max(weight, sure.get(stem, 0.0))
            rarities = {stem: rarity(total, having) for stem in sure if (having := self._having(stem))}
            terms.append(term(sure, concept.weight, rarities))
        return terms

    def _candidates(self, connection: apsw.Connection, match: str) -> list[Candidate]:
        weights = ", ".join(map(str, FIELD_WEIGHTS))
        rows = connection.execute(
            f"SELECT passage.rowid, name, summary, body, context, cluster, depth FROM passage JOIN part ON part.passage = passage.rowid "
            f"JOIN document ON document.number = part.document WHERE passage.rowid IN (SELECT rowid FROM passage WHERE passage "
            f"MATCH ? ORDER BY bm25(passage, {weights}) LIMIT {_CANDIDATES})",
            (match,),
        ).get or []
        if not self._renown:
            counted = connection.execute(
                "SELECT target, count(DISTINCT cluster) FROM mention JOIN document ON number = document GROUP BY target"
            )
            self._renown = {"": 0, **{str(target): int(count) for target, count in counted}}
        return [
            Candidate(number, tuple(map(self._stems, fields)), cluster, depth, self._renown.get(cluster, 0))
            for number, *fields, cluster, depth in rows
        ]

    def _average_lengths(self, connection: apsw.Connection, match: str) -> list[float]:
        if not self._lengths:
            sizes = connection.execute("SELECT sizes(passage) FROM passage WHERE passage MATCH ? LIMIT 1", (match,)).get
            rows, *totals = map(int, str(sizes).split())
            self._lengths = [total / max(rows, 1) for total in totals]
        return self._lengths

    def _found(self, connection: apsw.Connection, numbers: Sequence[tuple[int, float]]) -> list[Found]:
        found = []
        for number, score in numbers:
            row = connection.execute(
                "SELECT id, title, location, kind, cluster, body FROM part JOIN document ON document.number = part.document "
                "JOIN passage ON passage.rowid = part.passage WHERE part.passage = ?",
                (number,),
            ).get
            if row is not None:
                found.append(Found(number, score, *row))
        return found


def _sizes(context: apsw.FTS5ExtensionApi) -> str:
    return " ".join(map(str, (context.row_count, *(context.column_total_size(column) for column in range(len(FIELDS))))))


def _storable(text: str) -> str:
    """``text`` as SQLite can keep it: what came of a broken encoding is replaced, and NUL, where it would end."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
