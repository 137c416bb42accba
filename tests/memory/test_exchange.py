"""Memories as text."""

from __future__ import annotations

import msgspec
import pytest

from companion_async.errors import StorageError
from companion_async.memory.exchange import Tail, export_memories, import_memories
from companion_async.memory.file import MemoryFile
from companion_async.memory.long_term import Fact, LongTermMemory


@pytest.fixture
def memory():
    memory = LongTermMemory()
    one = memory.remember("eggs\nand ham", 0.9, type="meal", participants=("ann",), location="hut", context={"n": [1]})
    other = memory.remember("a walk", valence=0.5)
    memory.associate(one, other, 0.7)
    memory.recall("walk")
    yield memory
    memory.close()


@pytest.fixture
def empty():
    memory = LongTermMemory()
    yield memory
    memory.close()


@pytest.mark.feature("PP-16")
def test_an_export_taken_in_elsewhere_is_the_same(memory, empty, tmp_path):
    """Ids, fields and associations come back as they were; taken in twice, they are there twice."""
    path = tmp_path / "memories.jsonl"
    assert export_memories(memory, path) == 2
    assert import_memories(empty, path) == 2
    assert empty.all() == memory.all()
    numbers = [each.event_id for each in memory.all()]
    assert empty.links(numbers) == memory.links(numbers)
    recalls = "SELECT * FROM recollection ORDER BY event"
    assert empty.file.rows(recalls) == memory.file.rows(recalls) != []
    assert import_memories(empty, path) == 2
    assert len(empty) == 4
    assert empty.get_summary()["links"] == 2
    assert [each.name for each in tmp_path.iterdir()] == ["memories.jsonl"]


def signed(lines):
    """These lines with the tail that belongs to them: whoever has the key, or needs none, can make it."""
    file = MemoryFile()
    digest = file.hasher()
    digest.update(b"".join(lines))
    file.close()
    events = sum(b'"line":"event"' in line for line in lines)
    return b"".join(lines) + msgspec.json.encode(Tail(events, digest.hexdigest())) + b"\n"


@pytest.mark.feature("PP-16")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace(b"eggs", b"oggs"),
        lambda text: text[: len(text) // 2],
        lambda text: b"\n".join(text.split(b"\n")[:-2]) + b"\n",
        lambda text: b"\n".join([*text.split(b"\n")[:1], *text.split(b"\n")[2:]]),
        lambda text: text.replace(b'"importance":0.9', b'"importance":"much"'),
        lambda text: text.replace(b'"version":2', b'"version":3'),
        lambda text: text.replace(b'"events":2', b'"events":1'),
        lambda text: signed(text.splitlines(keepends=True)[1:-1]),
        lambda text: signed([*text.splitlines(keepends=True)[:-1], text.splitlines(keepends=True)[0]]),
        lambda text: b"",
        lambda text: b"\xff\xfe nonsense",
    ],
)
def test_an_export_that_was_changed_is_refused_whole(memory, empty, tmp_path, spoil):
    """Edited, cut short or no export at all: nothing of it is taken in."""
    path = tmp_path / "memories.jsonl"
    export_memories(memory, path)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(StorageError):
        import_memories(empty, path)
    assert len(empty) == 0


@pytest.mark.feature("PP-16")
def test_an_import_that_breaks_off_takes_nothing_in(empty, tmp_path, monkeypatch):
    """Of more than are taken in at once, where the last of them cannot be written: nothing is there, and can be."""
    path = tmp_path / "memories.jsonl"
    many = LongTermMemory()
    many.remember_all(Fact(content=f"thing {n}") for n in range(1_500))
    export_memories(many, path)
    many.close()
    with monkeypatch.context() as full, pytest.raises(StorageError):
        full.setattr(empty, "remember_all", failing_after(1, empty.remember_all))
        import_memories(empty, path)
    assert (len(empty), empty.file.value("SELECT count(*) FROM words")) == (0, 0)
    assert import_memories(empty, path) == len(empty) == 1_500


def failing_after(calls, remember):
    """The disk is full then."""
    left = [calls]

    def remember_all(facts):
        if not left[0]:
            raise StorageError("the disk is full")
        left[0] -= 1
        return remember(facts)

    return remember_all


@pytest.mark.feature("PP-16")
def test_an_export_that_breaks_off_leaves_the_former_one(memory, tmp_path, monkeypatch):
    """Whole, and nothing beside it."""
    path = tmp_path / "memories.jsonl"
    export_memories(memory, path)
    before = path.read_bytes()
    memory.remember("another walk")

    def full(numbers):
        raise OSError("no space left on device")

    with monkeypatch.context() as broken, pytest.raises(StorageError, match="could not be written"):
        broken.setattr(memory, "links", full)
        export_memories(memory, path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["memories.jsonl"]


def test_a_line_without_end_is_not_read_to_its_end(memory, empty, tmp_path, monkeypatch):
    """It would fill the memory of whoever reads it."""
    export_memories(memory, tmp_path / "memories.jsonl")
    monkeypatch.setattr("companion_async.memory.exchange._LONGEST", 100)
    with pytest.raises(StorageError, match="longer than 100 bytes"):
        import_memories(empty, tmp_path / "memories.jsonl")


def test_an_export_under_another_key_is_refused(memory, tmp_path):
    """Who knows the key alone can have made it."""
    path = tmp_path / "memories.jsonl"
    export_memories(memory, path)
    keyed = LongTermMemory(key=b"secret")
    with pytest.raises(StorageError, match="another key"):
        import_memories(keyed, path)
    keyed.close()


def test_files_that_cannot_be_read_or_written_are_told(memory, tmp_path):
    """With the path, and leaving nothing behind."""
    with pytest.raises(StorageError, match="could not be written"):
        export_memories(memory, tmp_path / "no" / "folder.jsonl")
    with pytest.raises(StorageError, match="could not be read"):
        import_memories(memory, tmp_path / "absent.jsonl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.feature("PP-16")
def test_an_export_of_the_first_version_is_read(memory, empty, tmp_path):
    """It does not tell how often a memory was recalled."""
    path = tmp_path / "memories.jsonl"
    export_memories(memory, path)
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    digest = empty.file.hasher()
    text = b""
    for line in lines[:-1]:
        line.pop("recalled", None)
        line.update({"version": 1} if line["line"] == "head" else {})
        text += msgspec.json.encode(line) + b"\n"
    digest.update(text)
    path.write_bytes(text + msgspec.json.encode({**lines[-1], "digest": digest.hexdigest()}) + b"\n")
    assert import_memories(empty, path) == 2
    assert [(each.content, each.recalled) for each in empty.all()] == [("eggs\nand ham", 0), ("a walk", 0)]
