"""The SQLite file behind long-term memory: opened, checked, and refused where it is not what we wrote."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from companion_async.errors import InvalidArgumentError, StorageError
from companion_async.memory.turns import Turns
from companion_async.memory.write_ahead import write_ahead

if TYPE_CHECKING:
    import apsw

_APPLICATION = 0x434D454D  # "CMEM"
_VERSION = 2
_BUSY_MILLISECONDS = 5_000
_LONGEST_KEY = 64  # of BLAKE2b
MEMORIES = "memories"
"""The use of a file whose events are memories of all types."""
_USE = "use"
_EVIDENCE = """
CREATE TABLE evidence(memory INTEGER, rests INTEGER, PRIMARY KEY(memory, rests)) WITHOUT ROWID;
CREATE INDEX evidence_rests ON evidence(rests);
"""
_FILL_EVIDENCE = """
INSERT OR IGNORE INTO evidence SELECT json_each.value, event.id FROM event, json_each(event.context, '$.evidence')
WHERE json_type(event.context, '$.evidence') = 'array' AND json_each.type = 'integer'"""
_TABLES = """
CREATE TABLE event(
  id INTEGER PRIMARY KEY, content TEXT NOT NULL, type TEXT NOT NULL, importance REAL NOT NULL, valence REAL NOT NULL,
  location TEXT, participants TEXT NOT NULL, context TEXT NOT NULL, seal BLOB NOT NULL);
CREATE INDEX event_importance ON event(importance);
CREATE TABLE recollection(event INTEGER PRIMARY KEY, times INTEGER NOT NULL, last REAL NOT NULL);
CREATE TABLE link(source INTEGER, target INTEGER, strength REAL NOT NULL, PRIMARY KEY(source, target)) WITHOUT ROWID;
CREATE INDEX link_target ON link(target);
CREATE TABLE part(name TEXT PRIMARY KEY, data BLOB NOT NULL, seal BLOB NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(
  content, tags, content='', contentless_delete=1, detail=column, tokenize='porter unicode61');
"""
# Smaller pages of the index than SQLite's 4,050 bytes: to find a memory in a word's list half a page is read through.
_PAGES = "INSERT INTO words(words, rank) VALUES('pgsz', 1024);"


class MemoryFile:
    """An open file of memories, in memory without a ``path``. Any thread may use it; calls wait for each other, and of
    those that wait none is passed by a thread that calls again and again.

    Every row carries a seal, a BLAKE2b digest of what it says, checked as it is read: with a ``key`` nobody who lacks
    it can change a row unseen; without one damage and careless edits are noticed, a forger's are not. A file that is
    no database of ours, is damaged, has tables, triggers or views that we did not make, or was written under another
    key is refused with `StorageError`. After a power cut the last moments may be missing; the file stays whole.

    ``use`` says what its events are, `MEMORIES` or all of one type, for whoever lets go of some of them: a file whose
    events are used otherwise is refused too. Without it only documents are kept and read.
    """

    def __init__(self, path: str | Path | None = None, *, key: bytes | None = None, use: str | None = None) -> None:
        # 30 ms that a program without long-term memory need not spend.
        import apsw

        given: Any = key
        if given is not None and not (isinstance(given, bytes) and 0 < len(given) <= _LONGEST_KEY):
            raise InvalidArgumentError(f"key must be 1 to {_LONGEST_KEY} bytes, or None.")
        named: Any = path
        if named is not None and not (isinstance(named, (str, Path)) and str(named).strip() and "\0" not in str(named)):
            raise InvalidArgumentError(f"{path!r:.80} is no path of a file: name one, or None to keep it in memory.")
        self.path = None if path is None else Path(path)
        self.changes = 0
        """Another number whenever something may have been changed here; what other processes change is not told."""
        self._key = key or b""
        self._lock = Turns()
        self._errors = apsw.Error
        with self._telling("opened"):
            self._connection: apsw.Connection = apsw.Connection(
                # Absolute, so that no name of a file means something else to SQLite.
                ":memory:" if self.path is None else str(self.path.absolute())
            )
            try:
                self._prepare()
                if use is not None and self.path is not None:
                    self._claim(use)
                self._connection.register_fts5_function("hits", _hits)
                split = self._connection.fts5_tokenizer("unicode61", [])
                stem = self._connection.fts5_tokenizer("porter", ["unicode61"])
            except BaseException:
                self._connection.close()
                raise

        def words(text: str) -> list[str]:
            # A stem is not its own stem ("promise", "promis", "promi"), so the index is asked for words.
            said = text.encode("utf-8", "replace")
            plain: dict[str, str] = {}
            for each, word in zip(_tokens(stem, said), _tokens(split, said), strict=True):
                plain.setdefault(each, word)
            return list(plain.values())

        self.words: Callable[[str], list[str]] = words
        """The words of a text as the index takes them apart, one of each stem."""

    def close(self) -> None:
        """Write out what is left and let go of the file; a second time does nothing."""
        with self._lock:
            self._connection.close()

    def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a query finds."""
        with self._lock, self._telling("read"):
            return list(self._connection.execute(sql, bindings))

    def value(self, sql: str, bindings: Sequence[Any] = ()) -> Any:
        """The first value of a query's first row; None without one."""
        found = self.rows(sql, bindings)
        return found[0][0] if found else None

    def change_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run a statement for each of the rows. How many rows of tables it changed."""
        with self._lock, self._telling("written"):
            self.changes += 1
            before = self._connection.total_changes()
            self._connection.executemany(sql, rows)
            return self._connection.total_changes() - before

    def try_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> bool:
        """`change_many` of what may be done later: False, with nothing changed, where it cannot be written just now,
        because another process writes or the disk is full.
        """
        with self._lock:
            self._connection.set_busy_timeout(0)
            try:
                with self.transaction():
                    self.change_many(sql, rows)
            except StorageError:
                return False
            finally:
                self._connection.set_busy_timeout(_BUSY_MILLISECONDS)
        return True

    @contextmanager
    def turn(self) -> Iterator[None]:
        """What is read in the block is of one moment, as far as threads of this process go: they wait."""
        with self._lock:
            yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done in the block, or none of it; other threads wait."""
        with self._lock, self._telling("written"):
            try:
                with self._connection:
                    yield
            except BaseException:
                self.changes += 1  # what was read in the block is not so any more
                raise

    def keep(self, name: str, data: bytes) -> None:
        """Keep a document under a name, in the place of the former."""
        self.change_many("INSERT OR REPLACE INTO part VALUES(?, ?, ?)", ((name, data, self.seal(name, data)),))

    def kept(self, name: str) -> bytes | None:
        """The document of that name; None without one."""
        for data, seal in self.rows("SELECT data, seal FROM part WHERE name = ?", (name,)):
            self.check(seal, name, data)
            return bytes(data)
        return None

    def drop(self, name: str) -> bool:
        """Keep the document of that name no longer; False without one."""
        return self.change_many("DELETE FROM part WHERE name = ?", ((name,),)) > 0

    def seal(self, *parts: Any) -> bytes:
        """The seal of a row that says this."""
        return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16, key=self._key).digest()

    def hasher(self) -> hashlib.blake2b:
        """For a text that is to be sealed as a whole."""
        return hashlib.blake2b(key=self._key)

    def check(self, seal: bytes, *parts: Any) -> None:
        """Refuse a row whose seal is another."""
        if seal != self.seal(*parts):
            raise StorageError(
                f"{self._name} holds {str(parts[0])[:40]!r}, which was changed since it was written. Bring the file "
                "back from a backup."
            )

    @property
    def _name(self) -> str:
        return "The memory" if self.path is None else str(self.path)

    def _prepare(self) -> None:
        connection = self._connection
        connection.set_busy_timeout(_BUSY_MILLISECONDS)
        # One that reads first and writes then would be refused where another process has written in between.
        connection.transaction_mode = "IMMEDIATE"
        # What a hostile schema could call, https://sqlite.org/security.html
        connection.execute("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA secure_delete=ON")
        if self._is_new():
            write_ahead(connection)
            with connection:
                if self._is_new():  # another process may have been quicker
                    self._make()
                    return
        version = connection.execute("PRAGMA user_version").get
        if connection.execute("PRAGMA application_id").get != _APPLICATION:
            raise StorageError(f"{self._name} is no file of memories. Name another path.")
        if version not in (1, _VERSION):
            raise StorageError(
                f"{self._name} was written by another version (its schema is {version}, not {_VERSION})."
            )
        if _schema(connection) != _schema_of_ours(version):
            raise StorageError(f"{self._name} has tables, views or triggers that were not made here: it is not read.")
        if connection.execute("PRAGMA quick_check(1)").get != "ok":
            raise StorageError(f"{self._name} is damaged. Bring it back from a backup.")
        if connection.execute("SELECT seal FROM part WHERE name = 'key'").get != self.seal("key"):
            raise StorageError(f"{self._name} was written under another key. Open it with that one.")
        if version == 1:
            with connection:
                self._bring_up()

    def _claim(self, use: str) -> None:
        """Have the events be used so by all who open the file; one of the time before is claimed by its first user."""
        with self.transaction() if self.kept(_USE) is None else nullcontext():
            known = self.kept(_USE)
            others = "SELECT EXISTS (SELECT 1 FROM event WHERE type <> ?)"
            if known is None and use != MEMORIES and self.value(others, (use,)):
                known = MEMORIES.encode()
            if known is None:
                self.keep(_USE, use.encode())
            elif known != use.encode():
                raise StorageError(
                    f"{self._name} is used for {known.decode()!r} and not for {use!r}: a bound for one would "
                    "let go of the other. Name a file of its own for each."
                )

    def _is_new(self) -> bool:
        connection = self._connection
        empty = connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
        return bool(empty and connection.execute("PRAGMA application_id").get == 0)

    def _make(self) -> None:
        self._connection.execute(_TABLES + _EVIDENCE + _PAGES)
        self._connection.execute(f"PRAGMA application_id={_APPLICATION}; PRAGMA user_version={_VERSION}")
        self._connection.execute("INSERT INTO part VALUES('key', x'', ?)", (self.seal("key"),))

    def _bring_up(self) -> None:
        """To the schema of today, where another process has not done so meanwhile."""
        if self._connection.execute("PRAGMA user_version").get == 1:
            self._connection.execute(f"{_EVIDENCE} {_FILL_EVIDENCE}; PRAGMA user_version={_VERSION}")

    @contextmanager
    def _telling(self, done: str) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise StorageError(f"{self._name} could not be {done}: {error}") from error


def _tokens(tokenizer: apsw.FTS5Tokenizer, text: bytes) -> list[str]:
    import apsw

    found = tokenizer(text, apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False, include_colocated=False)
    return cast("list[str]", found)  # without offsets and alternatives they are plain strings


def _hits(context: apsw.FTS5ExtensionApi, *arguments: Any) -> int:
    """Which of the last so many phrases of the expression the row has: bit n is the n-th of them."""
    (count,) = arguments
    first = context.phrase_count - count
    return sum(bool(context.phrase_columns(first + bit)) << bit for bit in range(count))


def _schema(connection: apsw.Connection) -> set[tuple[Any, ...]]:
    return set(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"))


def _schema_of_ours(version: int) -> set[tuple[Any, ...]]:
    import apsw

    connection = apsw.Connection(":memory:")
    try:
        connection.execute(_TABLES if version == 1 else _TABLES + _EVIDENCE)
        return _schema(connection)
    finally:
        connection.close()
