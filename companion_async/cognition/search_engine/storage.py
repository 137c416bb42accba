"""The database behind the index: its tables, and the stemmer that text and questions share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from companion_async.cognition.search_engine.ranking import FIELDS
from companion_async.cognition.search_engine.statements import KNOWN, NUMBERS
from companion_async.errors import StorageError
from companion_async.memory.write_ahead import write_ahead

if TYPE_CHECKING:
    import apsw

_SCHEMA = 1
_TABLES = f"""
CREATE TABLE document(
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, location TEXT NOT NULL, kind TEXT NOT NULL,
  cluster TEXT NOT NULL, depth INTEGER NOT NULL);
CREATE INDEX document_cluster ON document(cluster);
CREATE TABLE part(passage INTEGER PRIMARY KEY, document INTEGER NOT NULL);
CREATE INDEX part_document ON part(document);
CREATE TABLE mention(target TEXT NOT NULL, document INTEGER NOT NULL, PRIMARY KEY(target, document)) WITHOUT ROWID;
CREATE INDEX mention_document ON mention(document);
CREATE VIRTUAL TABLE passage USING fts5({", ".join(FIELDS)}, tokenize='porter unicode61');
PRAGMA user_version={_SCHEMA};
"""
# Came later than the others, and do not change what they mean.
_LATER = (
    "CREATE TABLE IF NOT EXISTS source(cluster TEXT PRIMARY KEY, stamp TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS learned(piece INTEGER PRIMARY KEY, data BLOB NOT NULL)",
)
_CAME_LATER = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('source', 'learned')"
# A value of SQLite's may have a billion bytes.
_PIECE = 1 << 24
_READING = "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, passage, row)"
_BUSY_MILLISECONDS = 5_000
_HURRIED_MILLISECONDS = 500


class Storage:
    """An open database, in memory or in the file ``path``. One thread at a time may use it.

    Troubles of SQLite come out as ``apsw.Error``; a file with another schema is a `StorageError`.
    """

    def __init__(self, path: str | Path | None) -> None:
        # 30 ms that a program which never searches need not spend.
        import apsw

        self.connection: apsw.Connection = apsw.Connection(":memory:" if path is None else str(path))
        try:
            self.connection.set_busy_timeout(_BUSY_MILLISECONDS)
            # One that reads first and writes then would be refused where another process has written in between.
            self.connection.transaction_mode = "IMMEDIATE"
            if path is not None:
                # Synced with each commit: of documents that count as read none may be missing after a power cut.
                write_ahead(self.connection)
            self._prepare(path)
            self.connection.execute(_READING)
            self.connection.register_fts5_function("sizes", _sizes)
            tokenizer = self.connection.fts5_tokenizer("porter", ["unicode61"])
        except BaseException:
            self.connection.close()
            raise

        def stems(text: str) -> Sequence[str]:
            encoded = text.encode("utf-8", "replace")
            found = tokenizer(
                encoded, apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False, include_colocated=False
            )
            # Without offsets and alternatives they are plain strings.
            return cast("list[str]", found)

        @lru_cache(maxsize=5_000)
        def stems_again(text: str) -> Sequence[str]:
            return stems(text)

        @lru_cache(maxsize=20_000)
        def stem(word: str) -> str:
            return next(iter(stems(word)), word)

        self.stems: Callable[[str], Sequence[str]] = stems
        """The stems of a text, in its order, as the index has them."""
        self.stems_again: Callable[[str], Sequence[str]] = stems_again
        """The same for short texts that many passages share."""
        self.stem: Callable[[str], str] = stem
        """The stem of one word."""

    def having(self, stem: str) -> int:
        """In how many passages ``stem`` occurs."""
        return int(self.connection.execute(KNOWN, (stem,)).get or 0)

    def learned(self) -> bytes:
        """What was kept of what was learned from the passages; empty without it. To be looked at before it is used."""
        # Whatever somebody may have put there, it is bytes.
        rows = self.connection.execute("SELECT CAST(data AS BLOB) FROM learned ORDER BY piece")
        return b"".join(cast("bytes", data) for (data,) in rows)

    def keep_learned(self, data: bytes, numbers: Sequence[int]) -> None:
        """Keep this in the place of the former, if the passages up to the last of ``numbers`` are these and no others.

        In a transaction of its own, for which nobody waits long: they want an answer, and it can be learned again.
        """
        self.connection.set_busy_timeout(_HURRIED_MILLISECONDS)
        try:
            with self.connection:
                rows = self.connection.execute(NUMBERS, (numbers[-1] if numbers else 0,))
                if [number for (number,) in rows] != list(numbers):
                    return
                self.forget_learned()
                pieces = (data[start : start + _PIECE] for start in range(0, len(data), _PIECE))
                self.connection.executemany("INSERT INTO learned VALUES (?, ?)", enumerate(pieces))
        finally:
            self.connection.set_busy_timeout(_BUSY_MILLISECONDS)

    def forget_learned(self) -> None:
        """Keep what was learned no longer, as some of what it was learned from is gone. In a transaction."""
        self.connection.execute("DELETE FROM learned")

    def _prepare(self, path: str | Path | None) -> None:
        version = self._version()
        if version not in (0, _SCHEMA):
            raise StorageError(
                f"{path} holds an index of schema {version}; this version reads {_SCHEMA}. Name another path, or "
                "delete the file: it is made again from the documents."
            )
        if version == 0 or self.connection.execute(_CAME_LATER).get != len(_LATER):
            with self.connection:
                if self._version() == 0:  # another process may have been quicker
                    self.connection.execute(_TABLES)
                self.connection.execute("; ".join(_LATER))

    def _version(self) -> int:
        return int(self.connection.execute("PRAGMA user_version").get)


def _sizes(context: apsw.FTS5ExtensionApi, *_: object) -> str:
    """How many rows there are, and how many stems in each of their fields."""
    totals = (context.column_total_size(column) for column in range(len(FIELDS)))
    return " ".join(map(str, (context.row_count, *totals)))
