"""What is to be remembered enters fit to be kept, or is refused and leaves nothing half-done."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from companion_async.errors import CompanionError, InvalidArgumentError
from companion_async.memory.agent_memory import AgentMemory
from companion_async.memory.exchange import export_memories
from companion_async.memory.long_term import Fact
from companion_async.memory.semantic import SemanticMemory

LATER = 2**70


@pytest.fixture
def memory():
    memory = AgentMemory()
    yield memory
    memory.file.close()


@pytest.mark.feature("PF-2")
@pytest.mark.parametrize(
    "more",
    [
        {"location": 5},
        {"location": ""},
        {"location": object()},
        {"participants": None},
        {"participants": 5},
        {"participants": [""]},
        {"participants": ["x" * 300]},
        {"participants": [f"p{n}" for n in range(1_001)]},
        {"valence": math.nan},
        {"valence": "bad"},
        {"valence": True},
        {"importance": math.nan},
        {"importance": -0.1},
    ],
)
def test_what_cannot_be_kept_is_refused_by_every_memory(memory, more):
    """By the agent's and by the lasting one, and nothing is remembered of it anywhere."""
    with pytest.raises(CompanionError):
        memory.observe("x", **more)
    with pytest.raises(CompanionError):
        memory.long_term.remember("x", **more)
    assert [len(part) for part in (memory.working, memory.episodic, memory.semantic, memory.long_term)] == [0] * 4


@pytest.mark.feature("PF-2", "PP-16")
def test_any_text_is_kept_and_comes_back(memory):
    """Without what no encoding takes, and without what a terminal would obey; it is saved and recalled."""
    memory.observe("a \ud800 b", participants=["b\x07o\ud800"], location="\x1b[2J", context={"\u202e": "\ud800"})
    memory.long_term.remember("日本 \U0001f98a e\u0301", location="\ud800", participants=["\ud800", "ann"])
    memory.save()
    assert memory.semantic.get_active_concepts(0.1)[0].name == "b␇o�"
    (found,) = memory.long_term.recall("日本")
    assert (found.content, found.location, found.participants) == ("日本 \U0001f98a e\u0301", "�", ("ann", "�"))


@pytest.mark.parametrize(
    "ask",
    [
        lambda memory: memory.get(LATER),
        lambda memory: memory.get("x"),
        lambda memory: memory.forget([LATER]),
        lambda memory: memory.forget(["x"]),
        lambda memory: memory.associate(1, LATER),
        lambda memory: memory.associate(1, 2, math.nan),
        lambda memory: memory.links([LATER]),
        lambda memory: memory.all(LATER),
        lambda memory: memory.all(limit=-1),
        lambda memory: memory.recall(5),
        lambda memory: memory.recall("x", type=5),
        lambda memory: memory.recall("x", participant=5),
        lambda memory: memory.recall("x", purpose=[]),
        lambda memory: memory.recall("x", since="now"),
        lambda memory: memory.recall("x", until=math.inf),
        lambda memory: memory.remember("x", at="now"),
        lambda memory: memory.remember("x", at=1e12),
    ],
)
def test_what_asks_for_nothing_that_can_be_is_refused(memory, ask):
    """With an error of ours, whatever it is given; and what is remembered is as it was."""
    memory.long_term.remember("x")
    with pytest.raises(InvalidArgumentError):
        ask(memory.long_term)
    assert memory.long_term.get_summary()["events"] == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda memory, moment: memory.working.add("x", timestamp=moment),
        lambda memory, moment: memory.temporal.add("x", timestamp=moment),
        lambda memory, moment: memory.temporal.get_range(moment, moment),
        lambda memory, moment: memory.temporal.get_at(moment),
        lambda memory, moment: memory.temporal.get_recent(math.inf),
        lambda memory, moment: memory.temporal.get_recent(math.nan),
        lambda memory, moment: memory.episodic.get_recent_episodes(math.inf),
        lambda memory, moment: memory.working.get_recent(-1),
        lambda memory, moment: memory.episodic.get_important_episodes(-1),
    ],
)
def test_moments_and_spans_that_would_spoil_a_memory_are_refused(memory, use):
    """One with a time zone among those without would make every later look at them fail."""
    memory.working.add("y")
    memory.temporal.add("y")
    with pytest.raises(InvalidArgumentError):
        use(memory, datetime.now(UTC))
    assert len(memory.working.get_recent()) == len(memory.temporal.get_recent()) == 1
    assert len(memory.temporal.get_recent(10**12)) == 1


def test_a_concept_is_not_related_to_itself():
    """It would not be forgotten without an error; another is related under the name that it has."""
    semantic = SemanticMemory(max_concepts=2)
    with pytest.raises(InvalidArgumentError, match="itself"):
        semantic.add_relation("a", "a")
    semantic.restore(
        {
            "concepts": [
                {
                    "name": "a",
                    "type": "x",
                    "description": "",
                    "base": 7,
                    "activation": -1,
                    "relations": {"a": ["is", 1]},
                }
            ]
        }
    )
    assert 0.0 <= semantic.get_activation("a") < 0.1
    assert semantic.get_by_type("x")[0].base == 1.0
    semantic.add_relation("b\x07", "c")
    assert "b␇" in semantic
    semantic.add_concept("d")
    assert len(semantic) == 2


def test_many_of_one_moment_take_no_longer_than_of_many(memory):
    """Their ids go on counting without each being looked at again: not the square of their number."""
    once, often = ([Fact(content="x", at=5.0)] * 2_000, [Fact(content="x", at=6.0 + n) for n in range(2_000)])
    looked = []
    there = memory.long_term._numbering._is_there

    def look(number):
        looked.append(number)
        return there(number)

    memory.long_term._numbering._is_there = look
    memory.long_term.remember_all(often)
    for _ in range(3):
        numbers = memory.long_term.remember_all(once)
    for _ in range(300):
        memory.long_term.remember("x", at=5.0)
    assert numbers == list(range(5_004_000, 5_006_000))
    assert len(memory.long_term) == 8_300
    assert len(looked) < 60_000


def test_a_question_of_a_book_s_length_is_answered_in_a_moment(memory):
    """Its first hundred words are looked up, and no more."""
    memory.long_term.remember("word1 word99")
    asked = []
    rows = memory.file.rows

    def ask(*call):
        asked.append(call)
        return rows(*call)

    memory.file.rows = ask
    assert memory.long_term.recall(" ".join(f"word{n}" for n in range(50_000)))
    assert len(asked) < 150


def test_what_was_at_the_very_first_instant_is_none_the_less_there(memory, tmp_path):
    """A moment that is not known is often given as 0: it is passed over by nothing that goes through all memories."""
    first = memory.long_term.remember("in the beginning", at=0)
    assert memory.long_term.find(Fact(content="in the beginning", at=0.0)) == first
    assert [each.event_id for each in memory.long_term.all()] == [first]
    assert export_memories(memory.long_term, tmp_path / "m.jsonl") == 1
    assert memory.long_term.fade() == 1
