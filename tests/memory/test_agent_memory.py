"""The memories of an agent together: consolidated, kept, shared under locks."""

from __future__ import annotations

import pytest

from companion_async import Brain, BrainConfig
from companion_async.errors import StorageError
from companion_async.locks.mode import AccessMode
from companion_async.memory.agent_memory import AgentMemory
from companion_async.memory.circular import CircularBuffer
from companion_async.memory.episodic import EpisodicMemory
from companion_async.memory.file import MemoryFile
from companion_async.memory.semantic import SemanticMemory
from companion_async.memory.temporal import TemporalMemory


@pytest.fixture
def memory(clock):
    memory = AgentMemory(clock=clock)
    yield memory
    memory.file.close()


@pytest.mark.feature("PP-17")
def test_what_is_observed_is_at_hand_in_an_episode_and_brings_people_to_mind(memory):
    """One observation reaches three memories."""
    memory.observe("ann sings", 0.7, participants=("ann",), location="hall")
    assert [item.content for item in memory.working.get_recent()] == ["ann sings"]
    assert memory.episodic.get_recent_episodes()[0].narrative == "ann sings"
    assert memory.semantic.get_activation("ann") == pytest.approx(0.8)


@pytest.mark.feature("PP-17", "PF-2")
def test_what_matters_moves_from_hand_to_memory_and_lasts(memory, clock):
    """A full working memory is cleared into the temporal one, which hands on what has grown old; trifles are gone."""
    for n in range(20):
        memory.observe(f"sight {n}", 0.5 if n % 2 else 0.1)
    first = memory.consolidate()
    assert (first.moved, first.archived, first.forgotten) == (5, 0, 5)
    assert len(memory.working) == 10
    clock.passes(minutes=31)
    assert memory.consolidate().archived == 5
    assert {each.content for each in memory.long_term.all()} == {f"sight {n}" for n in (1, 3, 5, 7, 9)}
    assert len(memory.temporal) == 0


@pytest.mark.feature("PP-17", "PF-2")
def test_episodes_that_make_room_become_lasting_chains(memory, clock):
    """Beyond the bound an episode is not lost: its events last, and one brings the next to mind."""
    memory.episodic.max_episodes = 2
    for name in ("wedding", "trifle", "journey"):
        for step in ("begins", "ends"):
            memory.observe(f"the {name} {step}", 0.1 if name == "trifle" else 0.9, event_type=name)
        clock.passes(hours=1)
    assert memory.consolidate().archived == 4
    assert [each.narrative for each in memory.episodic.get_recent_episodes()] == [
        "the journey begins; the journey ends"
    ]
    found = memory.long_term.recall("trifle begins", purpose="relevance")
    assert [each.content for each in found][:2] == ["the trifle begins", "the trifle ends"]


@pytest.mark.feature("PP-17", "PF-2")
def test_what_was_observed_once_lasts_once(memory, clock):
    """It leaves working memory and, later, its episode: from the first time on it lasts, whole, and is linked then."""
    for n in range(20):
        memory.observe(f"sight {n}", 0.5, participants=("ann",), location="hall", valence=0.5)
    memory.consolidate()
    clock.passes(minutes=31)
    first = memory.consolidate().archived
    assert first == 10
    kept = memory.long_term.all()
    assert {(each.participants, each.location, each.valence) for each in kept} == {(("ann",), "hall", 0.5)}
    memory.episodic.max_episodes = 1
    memory.observe("another day", event_type="morning")
    again = memory.consolidate()
    assert (again.archived, again.merged) == (20 - first, first)
    kept = memory.long_term.all()
    assert sorted(each.content for each in kept) == sorted(f"sight {n}" for n in range(20))
    links = memory.long_term.links(each.event_id for each in kept)
    assert sorted(map(len, links.values())) == [1, 1, *[2] * 18]


@pytest.mark.feature("PP-17")
def test_a_write_that_fails_loses_nothing(tmp_path, clock):
    """What has left the bounded memories is written by the next consolidation."""
    memory = AgentMemory(tmp_path / "agent.db", clock=clock)
    for n in range(20):
        memory.observe(f"sight {n}", 0.5)
    memory.consolidate()
    clock.passes(minutes=31)
    memory.file.rows("PRAGMA query_only=ON")
    with pytest.raises(StorageError, match="could not be written"):
        memory.consolidate()
    memory.file.rows("PRAGMA query_only=OFF")
    assert memory.consolidate().archived == 10
    assert len(memory.long_term) == 10
    memory.close()


@pytest.mark.feature("PP-17")
def test_what_is_let_go_before_it_lasts_is_counted_and_the_index_tidied(memory, clock, monkeypatch):
    """Of what has grown old in temporal memory too."""
    tidied = []
    monkeypatch.setattr(memory.long_term, "tidy", lambda: tidied.append(True))
    memory.temporal.add("a trifle", importance=0.2)
    memory.temporal.add("a song", importance=0.5)
    clock.passes(minutes=31)
    done = memory.consolidate()
    assert (done.archived, done.forgotten, tidied) == (1, 1, [True])


@pytest.mark.feature("PP-17")
def test_temporal_memory_hands_on_what_is_too_much_and_concepts_take_root(memory):
    """The oldest beyond five hundred, however new they are; and who was much on the mind stays there a little more."""
    for n in range(510):
        memory.temporal.add(f"step {n}")
    for _ in range(3):
        memory.observe("ann sings", 0.9, participants=("ann", "bo"))
    base = memory.semantic.add_concept("ann", "person").base
    done = memory.consolidate()
    assert (done.archived, done.rooted, len(memory.temporal)) == (10, 2, 500)
    assert [each.content for each in memory.long_term.all()] == [f"step {n}" for n in range(10)]
    assert memory.semantic.get_by_type("person")[0].base == pytest.approx(base + 0.1 * (1 - base))


@pytest.mark.feature("PP-17", "PP-16")
def test_what_a_save_has_written_is_not_written_again(memory, clock):
    """The next consolidation finds nothing of it to merge."""
    memory.episodic.max_episodes = 1
    for name in ("wedding", "journey"):
        memory.observe(f"the {name}", event_type=name)
        clock.passes(hours=1)
    memory.save()
    assert len(memory.long_term) == 1
    done = memory.consolidate()
    assert (done.archived, done.merged) == (0, 0)


@pytest.mark.feature("PP-16")
def test_a_part_that_cannot_be_read_is_told_and_the_file_let_go(tmp_path):
    """It was sealed by one of us, and is no such part: somebody else may open the file."""
    memory = AgentMemory(tmp_path / "agent.db")
    memory.close()
    file = MemoryFile(tmp_path / "agent.db")
    file.keep("episodic_memory", b'{"odd": 1}')
    file.close()
    with pytest.raises(StorageError, match="to_dict") as caught:
        AgentMemory(tmp_path / "agent.db")
    assert caught.tb is not None  # which holds all that was opened
    assert [each.name for each in tmp_path.iterdir()] == ["agent.db"]  # SQLite's own files go with the last connection


@pytest.mark.feature("PP-17")
def test_a_consolidation_that_breaks_off_has_written_nothing(memory, clock, monkeypatch):
    """Of two episodes that make room not one alone lasts."""
    memory.episodic.max_episodes = 1
    for name in ("wedding", "journey", "storm"):
        memory.observe(f"the {name}", event_type=name)
        clock.passes(hours=1)
    find = memory.long_term.find

    def full(fact):
        if fact.content == "the journey":
            raise StorageError("the disk is full")
        return find(fact)

    with monkeypatch.context() as broken, pytest.raises(StorageError):
        broken.setattr(memory.long_term, "find", full)
        memory.consolidate()
    assert len(memory.long_term) == 0
    assert memory.consolidate().archived == 2


@pytest.mark.feature("PP-17")
@pytest.mark.parametrize("write", [AgentMemory.consolidate, AgentMemory.save])
def test_what_leaves_while_others_are_written_is_not_lost(memory, clock, monkeypatch, write):
    """An episode that makes room just then is written by the next."""
    memory.episodic.max_episodes = 1
    for name in ("wedding", "journey"):
        memory.observe(f"the {name}", event_type=name)
        clock.passes(hours=1)
    remember = memory.long_term.remember_all

    def beside(facts):
        with monkeypatch.context() as once:
            once.setattr(memory.long_term, "remember_all", remember)
            memory.observe("the storm", event_type="storm")
            return remember(facts)

    with monkeypatch.context() as busy:
        busy.setattr(memory.long_term, "remember_all", beside)
        write(memory)
    assert [each.content for each in memory.long_term.all()] == ["the wedding"]
    write(memory)
    assert [each.content for each in memory.long_term.all()] == ["the wedding", "the journey"]


@pytest.mark.feature("PP-17", "PP-16")
def test_a_save_that_fails_half_way_loses_nothing(tmp_path, clock, monkeypatch):
    """What was written before it failed is not there, and is written by the next."""
    memory = AgentMemory(tmp_path / "agent.db", clock=clock)
    memory.episodic.max_episodes = 1
    for name in ("wedding", "journey"):
        memory.observe(f"the {name}", event_type=name)
        clock.passes(hours=1)
    keep = memory.file.keep

    def fails(name, data):
        raise StorageError("full")

    monkeypatch.setattr(memory.file, "keep", fails)
    with pytest.raises(StorageError):
        memory.save()
    assert len(memory.long_term) == 0
    monkeypatch.setattr(memory.file, "keep", keep)
    memory.save()
    assert [each.content for each in memory.long_term.all()] == ["the wedding"]
    memory.close()


@pytest.mark.feature("PP-17")
def test_a_clock_that_goes_back_spoils_nothing(memory, clock):
    """What comes after it is no part of what was; all is remembered, recalled and consolidated as ever."""
    memory.observe("before", 0.5)
    clock.passes(days=-10)
    for n in range(20):
        memory.observe(f"after {n}", 0.5)
    assert [len(each.events) for each in memory.episodic.get_recent_episodes(10**6)] == [1, 20]
    assert memory.consolidate().moved == 10
    number = memory.long_term.remember("in the past")
    clock.passes(days=-10)
    assert memory.long_term.remember("further back") < number
    assert memory.consolidate().faded == 0
    assert {each.content for each in memory.long_term.recall("")} >= {"in the past", "further back"}


@pytest.mark.feature("PP-16")
def test_everything_is_there_again_in_the_next_run(tmp_path, clock):
    """All four memories and the lasting one, from the file alone."""
    path = tmp_path / "agent.db"
    memory = AgentMemory(path, clock=clock)
    memory.observe("ann sings", 0.7, participants=("ann",))
    memory.temporal.add("noon", importance=0.4)
    memory.semantic.add_relation("ann", "song", "sings", 0.9)
    memory.long_term.remember("the first of all days")
    before = memory.get_summary()
    memory.close()
    again = AgentMemory(path, clock=clock)
    assert again.get_summary() == before
    assert again.semantic.get_related("ann") == {"song": 0.9}
    assert again.episodic.add_event("bob sings").event_id == 2
    again.close()


@pytest.mark.feature("PP-16")
@pytest.mark.parametrize("kind", [CircularBuffer, EpisodicMemory, SemanticMemory, TemporalMemory])
def test_a_memory_survives_the_way_through_plain_data(kind, clock):
    """`to_dict` and `restore` are each other's opposite; what is no such data is refused and changes nothing."""
    memory = kind(clock=clock)
    for n in range(3):
        add = {EpisodicMemory: "add_event", SemanticMemory: "add_concept"}.get(kind, "add")
        getattr(memory, add)(f"thing {n}")
    if isinstance(memory, TemporalMemory):
        memory.get_recent()
    data = memory.to_dict()
    other = kind(clock=clock)
    other.restore(data)
    assert other.to_dict() == data
    for wrong in ({}, {"items": 1}, {key: [{"odd": 1}] for key in data}):
        with pytest.raises(StorageError, match="to_dict"):
            other.restore(wrong)
    assert other.to_dict() == data


@pytest.mark.feature("PR-01", "PP-06")
async def test_modules_share_the_memories_under_locks():
    """Writers of one memory in threads of a brain take turns: every addition counts."""
    async with Brain(BrainConfig()) as brain:
        memory = AgentMemory()
        memory.register(brain.resources)

        def write(n):
            with brain.resources.acquire_context("semantic_memory", AccessMode.WRITE) as semantic:
                known = len(semantic)
                semantic.add_concept(f"concept {n}")
                return len(semantic) - known

        added = [brain.to_thread(write, n) for n in range(20)]
        assert [await each for each in added] == [1] * 20
        assert await brain.to_thread(memory.consolidate) is not None
        await brain.to_thread(memory.close)
