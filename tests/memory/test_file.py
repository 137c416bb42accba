"""The file of memories: kept, sealed, and refused where it is not whole."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import apsw
import pytest

from companion_async.errors import InvalidArgumentError, StorageError
from companion_async.memory.exchange import export_memories
from companion_async.memory.file import MemoryFile
from companion_async.memory.long_term import LongTermMemory

KEY = b"correct horse"


def change(path, sql):
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "memories.db"
    memory = LongTermMemory(path, key=KEY)
    memory.remember("the first", 0.5)
    memory.file.keep("part", b"data")
    memory.close()
    return path


@pytest.mark.feature("PP-16")
def test_what_was_written_is_there_again(path):
    """Events, parts, and what finds them."""
    memory = LongTermMemory(path, key=KEY)
    assert [each.content for each in memory.recall("first")] == ["the first"]
    assert memory.file.kept("part") == b"data"
    assert (memory.file.drop("part"), memory.file.drop("part"), memory.file.kept("part")) == (True, False, None)
    assert memory.file.kept("other") is None
    memory.close()
    memory.close()
    with pytest.raises(StorageError, match="could not be read"):
        memory.recall("first")


@pytest.mark.feature("PP-16")
def test_a_file_of_the_first_version_is_brought_up(path):
    """It gets what tells evidence, filled from what the memories say, and is of today's version then."""
    memory = LongTermMemory(path, key=KEY)
    first = memory.all()[0].event_id
    insight = memory.remember("so it is", 0.9, context={"evidence": [first, "none", 1.5, True]})
    memory.remember("another", context={"evidence": {"odd": 1}})
    memory.close()
    change(path, "DROP TABLE evidence; PRAGMA user_version=1")
    for _ in range(2):
        memory = LongTermMemory(path, key=KEY)
        assert memory.file.rows("SELECT memory, rests FROM evidence") == [(first, insight)]
        assert [each.content for each in memory.all()] == ["the first", "so it is", "another"]
        memory.close()


@pytest.mark.feature("PP-16")
@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("CREATE TRIGGER spy AFTER INSERT ON event BEGIN DELETE FROM event; END", "not made here"),
        ("CREATE VIEW event2 AS SELECT 1", "not made here"),
        ("DROP TABLE link", "not made here"),
        ("PRAGMA application_id=7", "no file of memories"),
        ("PRAGMA user_version=99", "schema is 99|of schema 99"),
        ("DELETE FROM part WHERE name = 'key'", "another key"),
    ],
)
def test_a_file_that_is_not_ours_is_refused(path, sql, why):
    """Foreign tables, triggers and versions are not read."""
    change(path, sql)
    with pytest.raises(StorageError, match=why):
        MemoryFile(path, key=KEY)


@pytest.mark.feature("PP-16")
def test_a_changed_row_is_refused_when_it_is_read(path):
    """An edit behind our back is noticed, in events and in parts; what was not touched is read on."""
    memory = LongTermMemory(path, key=KEY)
    memory.remember("the second")
    memory.close()
    change(path, "UPDATE event SET content = 'the forged' WHERE content = 'the first'")
    change(path, "UPDATE part SET data = x'00' WHERE name = 'part'")
    memory = LongTermMemory(path, key=KEY)
    assert [each.content for each in memory.recall("second")] == ["the second"]
    with pytest.raises(StorageError, match="changed since it was written"):
        memory.recall("first")
    with pytest.raises(StorageError, match="changed since it was written"):
        memory.file.kept("part")
    memory.close()


@pytest.mark.feature("PP-16")
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE event SET importance = 'much'",
        "UPDATE event SET importance = 9e999",
        "UPDATE event SET content = x'ff', context = '{'",
        "UPDATE event SET participants = 'ann', seal = 'none'",
        "UPDATE event SET id = -id",
        "INSERT INTO recollection SELECT id, 'often', 'lately' FROM event",
        "INSERT INTO recollection SELECT id, 9223372036854775807, -9e999 FROM event",
        "INSERT INTO link SELECT id, id + 1, 'strong' FROM event",
        "INSERT INTO link SELECT id, 'some other', 9e999 FROM event",
        "INSERT INTO evidence VALUES('this', 'that')",
        "DELETE FROM words_data WHERE id > 1",
        "UPDATE words_data SET block = x'00' WHERE id > 1",
        "UPDATE part SET data = 'text', seal = 'seal'",
    ],
)
def test_whatever_stands_in_the_rows_is_read_or_refused(path, sql, tmp_path):
    """Text for a number, no end, no JSON, no index: an error of ours or none at all."""
    change(path, sql)
    uses = [
        lambda memory: memory.recall("first"),
        lambda memory: memory.recall(""),
        lambda memory: memory.recall("first", type="observation", purpose="reflection"),
        lambda memory: memory.all(),
        lambda memory: memory.get_summary(),
        lambda memory: memory.fade(),
        lambda memory: memory.tidy(),
        lambda memory: export_memories(memory, tmp_path / "m.jsonl"),
        lambda memory: memory.remember("another"),
        lambda memory: memory.forget([each[0] for each in memory.file.rows("SELECT id FROM event")]),
    ]
    for use in uses:
        with contextlib.suppress(StorageError):
            memory = LongTermMemory(path, key=KEY)
            try:
                use(memory)
            finally:
                memory.close()


@pytest.mark.parametrize("key", [None, b"another"])
def test_a_file_opens_under_its_own_key_only(path, key):
    """Without the key, or with another, it is refused before anything is read."""
    with pytest.raises(StorageError, match="another key"):
        MemoryFile(path, key=key)


def test_what_is_no_database_is_refused(tmp_path):
    """Text, a cut file, and a database of somebody else."""
    text = tmp_path / "text.db"
    text.write_text("not a database at all, but long enough to look like one" * 50)
    with pytest.raises(StorageError, match="could not be opened"):
        MemoryFile(text)
    change(tmp_path / "other.db", "CREATE TABLE theirs(x)")
    with pytest.raises(StorageError, match="no file of memories"):
        MemoryFile(tmp_path / "other.db")
    with pytest.raises(StorageError, match="could not be opened"):
        MemoryFile(tmp_path / "no" / "folder.db")


def test_a_hostile_file_can_call_nothing(path):
    """What stands in a schema is not trusted, as https://sqlite.org/security.html has it."""
    memory = MemoryFile(path, key=KEY)
    assert (memory.value("PRAGMA trusted_schema"), memory.value("PRAGMA cell_size_check")) == (0, 1)
    memory.close()


def test_what_is_read_in_one_turn_is_of_one_moment():
    """Another thread's change waits until it is over."""
    file = MemoryFile()
    file.keep("part", b"before")
    other = threading.Thread(target=file.keep, args=("part", b"after"))
    with file.turn():
        other.start()
        while not file._lock._door.locked():  # it stands at the door
            pass
        assert file.kept("part") == b"before"
    other.join(10)
    assert file.kept("part") == b"after"
    file.close()


def test_a_power_cut_costs_the_last_moments_and_no_file(path):
    """New or found, it is written as SQLite promises that for: ahead of itself, and synced at each checkpoint."""
    for each in (path, path.with_name("new.db")):
        memory = MemoryFile(each, key=KEY)
        assert (memory.value("PRAGMA journal_mode"), memory.value("PRAGMA synchronous")) == ("wal", 1)
        memory.close()


def test_what_was_forgotten_is_overwritten(path):
    """Its sentence is not to be found in the file, which goes on holding the others."""
    memory = LongTermMemory(path, key=KEY)
    gone = memory.remember("a secret of ann's")
    memory.close()
    assert b"a secret of ann's" in path.read_bytes()
    memory = LongTermMemory(path, key=KEY)
    memory.forget([gone])
    memory.close()
    assert b"a secret of ann's" not in path.read_bytes()
    assert b"the first" in path.read_bytes()


@pytest.mark.parametrize("table", ["event", "recollection", "evidence_rests"])
def test_a_damaged_file_is_refused(path, table):
    """A page that was overwritten is found when it is opened, before anything is asked for that stands on it."""
    connection = apsw.Connection(str(path))
    page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).get - 1
    connection.close()
    data = bytearray(path.read_bytes())
    data[page * 4096 : page * 4096 + 600] = b"\xff" * 600
    path.write_bytes(data)
    with pytest.raises(StorageError, match="is damaged"):
        MemoryFile(path, key=KEY)


def test_a_file_that_another_program_makes_meanwhile_is_opened(tmp_path, monkeypatch):
    """Whoever comes second to an empty file finds it made, and takes what is in it."""
    path, is_new = tmp_path / "shared.db", MemoryFile._is_new
    others: list[Path] = []

    def a_moment_late(file):
        found = is_new(file)
        if not others:
            others.append(path)
            other = MemoryFile(path)
            other.keep("part", b"theirs")
            other.close()
        return found

    monkeypatch.setattr(MemoryFile, "_is_new", a_moment_late)
    memory = MemoryFile(path)
    assert memory.kept("part") == b"theirs"
    memory.close()


def test_a_file_that_another_program_brings_up_meanwhile_is_opened(path, monkeypatch):
    """Whoever comes second finds it of today's version, and adds nothing to it twice."""
    change(path, "DROP TABLE evidence; PRAGMA user_version=1")
    seal = MemoryFile.seal
    others: list[Path] = []

    def a_moment_late(file, *parts):
        if not others:
            others.append(path)
            MemoryFile(path, key=KEY).close()
        return seal(file, *parts)

    monkeypatch.setattr(MemoryFile, "seal", a_moment_late)
    memory = MemoryFile(path, key=KEY)
    assert (others, memory.kept("part")) == ([path], b"data")
    memory.close()


def test_what_is_read_before_it_is_written_is_no_other_programs_to_change(path):
    """From the first read of a transaction on nobody else writes: it cannot be refused for having read what is old."""
    one, other = MemoryFile(path, key=KEY), MemoryFile(path, key=KEY)
    change_it = "UPDATE event SET importance = importance / 2"
    with one.transaction():
        assert one.value("SELECT importance FROM event") == 0.5
        assert other.try_many(change_it, [()]) is False
        one.change_many(change_it, [()])
    assert other.try_many(change_it, [()]) is True
    assert one.value("SELECT importance FROM event") == 0.125
    one.close()
    other.close()


def test_what_can_wait_is_written_whole_or_not_at_all():
    """On a full disk nothing of it is there, and whoever writes next waits for others as ever."""
    file = MemoryFile()
    patience = file.value("PRAGMA busy_timeout")
    file.rows(f"PRAGMA max_page_count={file.value('PRAGMA page_count') + 1}")
    parts = [("small", b"", b""), ("large", bytes(100_000), b"")]
    assert file.try_many("INSERT INTO part VALUES(?, ?, ?)", parts) is False
    assert file.value("SELECT count(*) FROM part WHERE name = 'small'") == 0
    assert file.try_many("INSERT INTO part VALUES(?, ?, ?)", parts[:1]) is True
    assert file.value("PRAGMA busy_timeout") == patience >= 1_000
    file.close()


@pytest.mark.parametrize("key", [b"", b"x" * 65, "text"])
def test_a_key_is_bytes(key):
    """A key of another kind or length is refused."""
    with pytest.raises(InvalidArgumentError):
        MemoryFile(key=key)
