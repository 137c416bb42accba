"""A database that is opened while another has it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import apsw
import pytest

from companion_async.cognition.search_engine.index import TextIndex
from companion_async.errors import StorageError
from companion_async.memory.file import MemoryFile
from companion_async.memory.write_ahead import write_ahead

WRITES, READS = "BEGIN IMMEDIATE", "BEGIN; SELECT * FROM sqlite_schema"


def open_memory(path):
    MemoryFile(path).close()


def open_index(path):
    index = TextIndex(path)
    try:
        assert index.count() == 0
    finally:
        index.close()


@pytest.fixture
def path(tmp_path):
    """Of a database that nobody has written ahead."""
    path = tmp_path / "new.db"
    connection = apsw.Connection(str(path))
    # A page of its own, without a table: it is new to whoever opens it.
    connection.execute("CREATE TABLE t(x); DROP TABLE t")
    connection.close()
    return path


@pytest.fixture
def other(path):
    connection = apsw.Connection(str(path))
    yield connection
    connection.close()


@pytest.fixture
def tried(monkeypatch):
    """Set as soon as a statement was refused and another, for which SQLite waits, begins."""
    tried = threading.Event()

    def trace(_connection, statement, _bindings):
        if statement.startswith("BEGIN EXCLUSIVE"):
            tried.set()
        return True

    monkeypatch.setattr(apsw, "connection_hooks", [lambda made: setattr(made, "exec_trace", trace)])
    return tried


@pytest.mark.feature("PP-16")
@pytest.mark.parametrize("opening", [open_memory, open_index])
def test_a_new_file_is_opened_once_another_has_done_with_it(opening, path, other, tried):
    """SQLite itself would say at once that it is locked."""
    other.execute(WRITES)
    with ThreadPoolExecutor(1) as pool:
        opened = pool.submit(opening, path)
        opened.add_done_callback(lambda _: tried.set())
        assert tried.wait(30)
        other.execute("ROLLBACK")
        opened.result(30)
    assert other.execute("PRAGMA journal_mode").get == "wal"


@pytest.mark.feature("PP-16")
@pytest.mark.parametrize("opening", ["memory.file", "cognition.search_engine.storage"])
def test_nobody_waits_for_ever(opening, path, other, monkeypatch):
    """Where the other keeps it longer than one waits for it, that is told."""
    monkeypatch.setattr(f"companion_async.{opening}._BUSY_MILLISECONDS", 1)
    other.execute(WRITES)
    with pytest.raises(StorageError, match="locked"):
        (open_memory if opening == "memory.file" else open_index)(path)
    other.execute("ROLLBACK")


@pytest.mark.parametrize("having", [WRITES, READS])
def test_who_cannot_have_it_leaves_no_transaction_behind(having, path, other):
    """Nor a lock: it can be tried again as soon as the other has done."""
    connection = apsw.Connection(str(path))
    rows = other.execute(having)
    with pytest.raises(apsw.BusyError):
        write_ahead(connection)
    assert not connection.in_transaction
    rows.close()
    other.execute("ROLLBACK")
    write_ahead(connection)
    write_ahead(connection)
    assert connection.execute("PRAGMA journal_mode").get == "wal"
    connection.close()
