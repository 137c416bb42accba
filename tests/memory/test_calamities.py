"""A full disk, another program at the same file, a program that is killed, an export made to harm."""

from __future__ import annotations

import subprocess
import sys
import threading

import apsw
import msgspec
import pytest

from companion_async import Brain, BrainConfig
from companion_async.errors import CompanionError, InvalidArgumentError, StorageError
from companion_async.locks.mode import AccessMode
from companion_async.memory.agent_memory import AgentMemory
from companion_async.memory.exchange import export_memories, import_memories
from companion_async.memory.file import MemoryFile
from companion_async.memory.long_term import Fact, LongTermMemory
from companion_async.memory.settings import MemorySettings

WORK = """
import contextlib
import sys
from companion_async.errors import InvalidArgumentError
from companion_async.memory.long_term import Fact, LongTermMemory
from companion_async.memory.settings import MemorySettings

memory = LongTermMemory(sys.argv[1], settings=MemorySettings(most=200))
print("ready", flush=True)
for n in range(int(sys.argv[2])):
    ids = memory.remember_all(Fact(content=f"thing {n}", at=1000.0 + n) for _ in range(5))
    with contextlib.suppress(InvalidArgumentError):  # another program may have forgotten them
        memory.associate(ids[0], ids[1])
    memory.recall(f"thing {n}")
    memory.fade()
memory.close()
"""


def work(path, rounds):
    return subprocess.Popen([sys.executable, "-c", WORK, str(path), str(rounds)], stdout=subprocess.PIPE, text=True)


def is_whole(memory):
    """The index has what there is and nothing else, and nothing names what is forgotten."""
    file = memory.file
    file.rows("INSERT INTO words(words) VALUES('integrity-check')")
    loose = "link WHERE source NOT IN (SELECT id FROM event) OR target NOT IN (SELECT id FROM event)"
    return (
        file.rows("PRAGMA integrity_check") == [("ok",)]
        and file.value("SELECT count(*) FROM words") == len(memory)
        and file.value(f"SELECT count(*) FROM {loose}") == 0
        and file.value("SELECT count(*) FROM recollection WHERE event NOT IN (SELECT id FROM event)") == 0
    )


def kill_at_work(path):
    process = work(path, 1_000_000)
    with process:
        process.stdout.readline()
        process.kill()


@pytest.mark.slow
@pytest.mark.feature("PP-16")
def test_programs_share_a_file_and_one_is_killed(tmp_path):
    """Made by whoever is first; ids of one moment are no two programs'; what is left is whole and within the bound."""
    path = tmp_path / "shared.db"
    others = [work(path, 60) for _ in range(2)]
    kill_at_work(path)
    for process in others:
        with process:
            assert process.wait(120) == 0
    memory = LongTermMemory(path, settings=MemorySettings(most=200))
    memory.fade()
    assert len(memory) == 200
    assert is_whole(memory)
    memory.close()


@pytest.mark.feature("PP-16")
def test_on_a_full_disk_nothing_is_half_done_and_what_was_known_comes_to_mind(tmp_path):
    """What cannot be written is refused whole; recalling goes on, and is counted when it can be."""
    memory = AgentMemory(tmp_path / "agent.db")
    memory.long_term.remember("the well is deep")
    pages = memory.file.value("PRAGMA page_count")
    memory.file.rows(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StorageError, match="full"):
        memory.long_term.remember_all([Fact(content=f"{n} " * 200) for n in range(200)])
    assert len(memory.long_term) == 1
    memory.file.rows("PRAGMA query_only=ON")
    assert memory.long_term.recall("well")[0].recalled == 0
    assert memory.long_term.recall("well")[0].recalled == 0
    memory.file.rows("PRAGMA query_only=OFF")
    memory.long_term.recall("well")
    assert [each.recalled for each in memory.long_term.all()] == [3]
    for n in range(20):
        memory.observe(f"{n}" * 4_000)
    with pytest.raises(StorageError, match="full"):
        memory.close()
    with pytest.raises(StorageError):
        memory.long_term.recall("well")
    again = AgentMemory(tmp_path / "agent.db")
    assert is_whole(again.long_term)
    again.close()


@pytest.mark.feature("PP-16")
def test_while_another_program_writes_recall_does_not_wait(tmp_path, monkeypatch):
    """Nor does what it would have written get lost. Whoever did wait would do so for longer than a test may take."""
    monkeypatch.setattr("companion_async.memory.file._BUSY_MILLISECONDS", 90_000)
    path = tmp_path / "shared.db"
    memory = LongTermMemory(path)
    memory.remember("the well is deep")
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    assert memory.recall("well")
    other.execute("ROLLBACK")
    other.close()
    memory.recall("well")
    assert [each.recalled for each in memory.all()] == [2]
    memory.close()


@pytest.mark.feature("PP-16")
def test_an_export_made_to_harm_is_refused_whole(tmp_path):
    """Ids, bonds, importance and depths that cannot be: nothing of it is taken in, and it takes no time."""
    memory = LongTermMemory()
    memory.remember("x" * 40, 0.5)
    export_memories(memory, tmp_path / "m.jsonl")
    head, event, _ = (tmp_path / "m.jsonl").read_bytes().splitlines()
    good = msgspec.json.decode(event)
    deep = b'{"line":"event","id":1,"context":' + b'{"a":' * 100_000
    for wrong in (
        {"id": -5},
        {"id": 2**62},
        {"id": 10**30},
        {"importance": 7.0},
        {"type": ""},
        {"content": "x" * 2_000_000},
        {"participants": [""]},
        {"context": {"__class__": 1}},
        {"location": ""},
        {"recalled": [-1, 0.0]},
        {"recalled": [1, 1e300]},
        deep,
    ):
        line = wrong if isinstance(wrong, bytes) else msgspec.json.encode({**good, **wrong})
        lines = b"".join(each + b"\n" for each in (head, event, line))
        tail = {"line": "tail", "events": 2, "digest": signed(lines)}
        (tmp_path / "bad.jsonl").write_bytes(lines + msgspec.json.encode(tail) + b"\n")
        with pytest.raises(CompanionError):
            import_memories(memory, tmp_path / "bad.jsonl")
        assert len(memory) == 1
        assert is_whole(memory)
    memory.close()


def signed(lines):
    file = MemoryFile()
    digest = file.hasher()
    digest.update(lines)
    file.close()
    return digest.hexdigest()


@pytest.mark.parametrize("path", ["", " ", "a\0b", 5])
def test_what_is_no_path_is_refused(path):
    """SQLite would take an empty one for a file that is gone when it is closed."""
    with pytest.raises(InvalidArgumentError, match="no path"):
        MemoryFile(path)


@pytest.mark.slow
@pytest.mark.feature("PR-01", "PP-06")
async def test_thirty_two_threads_live_with_one_memory():
    """Under the brain's locks and without: everything counts, nothing is half-done, the bound holds."""
    async with Brain(BrainConfig(max_threads=64, categories={"agi": 32})) as brain:
        memory = AgentMemory(settings=MemorySettings(most=100))
        memory.register(brain.resources)
        together = threading.Barrier(32)

        def live(name):
            together.wait(60)
            for n in range(10):
                with brain.resources.acquire_context("episodic_memory", AccessMode.WRITE):
                    memory.observe(f"{name} does {n}", 0.5, event_type=f"type {name}", participants=[f"a{name}"])
                memory.long_term.remember(f"{name} saw {n}", n / 20)
                memory.long_term.recall(f"saw {n}")
                memory.consolidate()

        await brain.register("life", live, category="agi")
        for task in [brain.submit("life", "run", n) for n in range(32)]:
            await task
        assert await brain.to_thread(lambda: memory.consolidate().faded) == 0
        assert len(memory.long_term) == 100
        assert await brain.to_thread(is_whole, memory.long_term)
        await brain.to_thread(memory.close)
