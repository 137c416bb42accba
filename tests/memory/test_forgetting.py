"""What a long-term memory forgets by its settings, and what it spares."""

from __future__ import annotations

import itertools
import random
import threading

import pytest

from companion_async.errors import InvalidArgumentError
from companion_async.memory.agent_memory import AgentMemory
from companion_async.memory.exchange import export_memories, import_memories
from companion_async.memory.forgetting import MOST_GONE, STEP
from companion_async.memory.long_term import Fact, LongTermMemory
from companion_async.memory.settings import UNFILED, USUAL, MemorySettings
from tests.memory.conftest import DAY


@pytest.fixture
def opened(clock):
    memories = []

    def open_memory(path=None, **settings):
        memories.append(LongTermMemory(path, settings=MemorySettings(**settings), clock=clock))
        return memories[-1]

    yield open_memory
    for memory in memories:
        memory.close()


def said(memory):
    return [each.content for each in memory.all()]


def fill(memory, count, importance=lambda n: 0.5):
    now = memory._clock.time()
    return memory.remember_all(
        Fact(content=f"thing {n}", importance=importance(n), at=now - count + n) for n in range(count)
    )


def traces(memory, numbers):
    """Rows that name any of these memories, in whatever table."""
    listed = ", ".join(map(str, numbers))
    return sum(
        memory.file.value(f"SELECT count(*) FROM {table} WHERE {column} IN ({listed})")
        for table, column in [
            ("event", "id"),
            ("words", "rowid"),
            ("recollection", "event"),
            ("link", "source"),
            ("link", "target"),
            ("evidence", "memory"),
            ("evidence", "rests"),
        ]
    )


@pytest.mark.feature("PF-2")
def test_of_too_many_the_faintest_go_and_leave_no_trace(opened):
    """Neither in the index nor among links, recollections and evidence."""
    memory = opened(most=20)
    numbers = fill(memory, 30, lambda n: n / 60)
    for one, other in itertools.pairwise(numbers):
        memory.associate(one, other)
    memory.remember("what is seen of things", 0.9, context={"evidence": numbers[25:]})
    memory.recall("thing 8", 1, purpose="relevance")
    assert memory.fade() == 11
    assert [each.event_id for each in memory.all()][:-1] == [numbers[8], *numbers[12:]]
    assert traces(memory, [*numbers[:8], *numbers[9:12]]) == 0
    assert memory.recall("thing 3", purpose="relevance")[0].content != "thing 3"
    assert memory.file.value("SELECT count(*) FROM words") == len(memory) == 20
    assert memory.fade() == 0


@pytest.mark.feature("PF-2")
def test_what_matters_was_recalled_or_is_evidence_is_spared(opened, clock):
    """However faint it is by the years; when an insight goes, what it rested on may go as well."""
    memory = opened(important=0.7, lately=30 * DAY)
    seen = [memory.remember(f"the fox came, {n}", 0.2) for n in range(3)]
    insight = memory.remember("foxes come at night", 0.6, type="insight", context={"evidence": seen})
    memory.remember("a wedding", 0.7)
    memory.remember("a song", 0.2)
    memory.remember("a rumour", 0.2)
    clock.now += 40 * DAY
    memory.recall("song")
    assert memory.fade() == 1
    foxes = ["the fox came, 0", "the fox came, 1", "the fox came, 2"]
    assert said(memory) == [*foxes, "foxes come at night", "a wedding", "a song"]
    memory.forget([insight])
    clock.now += DAY
    assert memory.fade() == 3
    assert said(memory) == ["a wedding", "a song"]


@pytest.mark.feature("PF-2")
def test_what_is_just_as_important_as_said_is_spared(opened):
    """Though it is the fainter, being older."""
    memory = opened(most=1, important=0.7)
    now = memory._clock.time()
    memory.remember("a wedding", 0.7, at=now - 9 * DAY)
    memory.remember("a song", 0.69)
    assert memory.fade() == 1
    assert said(memory) == ["a wedding"]


@pytest.mark.feature("PF-2")
def test_what_has_been_gone_through_is_left_alone_for_an_hour(opened, clock, monkeypatch):
    """Fading is a matter of days, and consolidation one of minutes; where there are too many it goes on at once."""
    memory = opened(most=3)
    fill(memory, 3)
    memory.fade()
    look, looked = memory._forgetting.step, []

    def step(total):
        looked.append(total)
        return look(total)

    monkeypatch.setattr(memory._forgetting, "step", step)
    for minutes in (1, 58, 1):
        clock.now += minutes * 60
        memory.fade()
    assert looked == [3]
    memory.remember("a song")
    assert memory.fade() == 1


@pytest.mark.feature("PF-2")
def test_what_was_recalled_is_spared_for_a_while_only(opened, clock):
    """A fainter memory stays in the place of a stronger one for as long as the settings say."""
    memory = opened(most=1, lately=30 * DAY, decay=0.0)
    memory.remember("a song", 0.1)
    memory.recall("song")
    memory.remember("a dance", 0.5)
    clock.now += 29 * DAY
    assert memory.fade() == 1
    assert said(memory) == ["a song"]
    memory.remember("a dance", 0.5)
    clock.now += 2 * DAY
    assert memory.fade() == 1
    assert said(memory) == ["a dance"]


@pytest.mark.feature("PF-2")
def test_the_bound_holds_even_where_everything_matters(opened):
    """What is spared goes last, the faintest of it first."""
    memory = opened(most=10)
    fill(memory, 15, lambda n: 0.7 + n / 100)
    memory.remember("a trifle", 0.1)
    assert memory.fade() == 6
    assert said(memory) == [f"thing {n}" for n in range(5, 15)]


@pytest.mark.feature("PF-2")
def test_without_a_bound_only_the_faint_go(opened, clock):
    """None is no bound, and a decay of 0 no fading."""
    memory = opened(most=None, decay=0.0)
    fill(memory, 2_000)
    clock.now += 3_650 * DAY
    assert [memory.fade() for _ in range(5)] == [0] * 5


@pytest.mark.feature("PF-2")
def test_a_large_memory_is_seen_to_step_by_step(opened, clock):
    """No step looks at or forgets more than so many; in the end the bound holds, and the faint went rather."""
    rng = random.Random(1)
    memory = opened(most=4 * STEP)
    fill(memory, 6 * STEP, lambda n: rng.random() * 0.6 + 0.05)
    memory._came = 0  # as in the next run of the program
    gone = []
    while len(memory) > 4 * STEP:
        gone.append(memory.fade())
        assert len(gone) < 20
    assert sum(gone) == 2 * STEP
    assert max(gone) <= MOST_GONE
    weights = [each.importance for each in memory.all()]
    assert sum(weights) / len(weights) > 0.35
    fill(memory, STEP, lambda n: 0.5)
    assert memory.fade() == STEP  # as much as came


@pytest.mark.feature("PF-2")
def test_a_large_memory_of_what_matters_keeps_its_bound_too(opened):
    """It takes a pass to know that nothing else is left."""
    memory = opened(most=STEP)
    fill(memory, 2 * STEP, lambda n: 0.9)
    memory.fade()
    for _ in range(20):
        memory.fade()
    assert len(memory) == STEP


@pytest.mark.feature("PF-2")
def test_what_matters_is_spared_while_there_is_anything_else(opened):
    """Though it is the older half, which a pass comes to first, and it takes more than a pass to keep the bound."""
    memory = opened(most=3 * STEP // 2)
    fill(memory, 2 * STEP, lambda n: 0.9 if n < STEP else 0.5)
    while len(memory) > 3 * STEP // 2:
        memory.fade()
    assert sum(each.importance > 0.8 for each in memory.all(limit=2 * STEP)) == STEP


@pytest.mark.feature("PF-2")
def test_while_it_is_found_out_what_goes_nobody_else_writes(opened, tmp_path, monkeypatch):
    """What another program remembers or recalls meanwhile would be weighed by what is not so any more."""
    one, other = opened(tmp_path / "m.db", most=1), opened(tmp_path / "m.db")
    fill(one, 3)
    step, tried = one._forgetting.step, []

    def asked(total):
        tried.append(other.file.try_many("INSERT INTO recollection VALUES(?, 1, 0)", [(1,)]))
        return step(total)

    monkeypatch.setattr(one._forgetting, "step", asked)
    assert one.fade() == 2
    assert tried == [False]


@pytest.mark.feature("PF-2")
def test_consolidation_forgets_and_says_how_many(clock):
    """An agent's memory stays within its bound however long it lives, and counts what went."""
    memory = AgentMemory(settings=MemorySettings(most=50), clock=clock)
    faded = archived = 0
    for hour in range(200):
        for step in range(3):
            memory.observe(f"hour {hour} step {step}", 0.3, event_type=f"type {hour}")
            clock.now += 20 * 60
        done = memory.consolidate()
        faded, archived = faded + done.faded, archived + done.archived
        assert len(memory.long_term) <= 50
    assert archived - faded == len(memory.long_term) == 50
    memory.file.close()


def test_a_memory_with_a_file_keeps_more_than_one_without(tmp_path):
    """The usual settings of each, unless others are given."""
    with_file, without, chosen = (
        AgentMemory(tmp_path / "a.db"),
        AgentMemory(),
        AgentMemory(settings=MemorySettings(most=None)),
    )
    assert [each.long_term.settings for each in (with_file, without)] == [USUAL, UNFILED]
    assert chosen.long_term.settings.most is None
    for memory in (with_file, without, chosen):
        memory.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"most": 0},
        {"most": 1.5},
        {"decay": -0.1},
        {"decay": float("nan")},
        {"faint": 2},
        {"important": float("nan")},
        {"lately": -1},
        {"lately": float("inf")},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    """When they are made."""
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        MemorySettings(**wrong)


@pytest.mark.feature("PP-16", "PF-2")
def test_what_an_insight_rests_on_is_spared_after_an_import_too(opened, clock, tmp_path):
    """The ids in its context follow where a moment was taken."""
    memory = opened()
    seen = [memory.remember(f"the fox came, {n}", 0.2) for n in range(3)]
    memory.remember("foxes come at night", 0.9, type="insight", context={"evidence": [*seen, 7], "kind": "pattern"})
    export_memories(memory, tmp_path / "m.jsonl")
    other = opened(tmp_path / "other.db")
    taken = other.remember("another thing of that moment", 0.2)
    import_memories(other, tmp_path / "m.jsonl")
    clock.now += 100 * DAY
    assert other.fade() == 1
    assert other.get(taken) is None
    *kept, insight = other.all()
    assert [each.content for each in kept] == ["the fox came, 0", "the fox came, 1", "the fox came, 2"]
    assert insight.context == {"evidence": [*(each.event_id for each in kept), 7], "kind": "pattern"}


@pytest.mark.feature("PF-2")
def test_a_file_of_two_programs_is_not_forgotten_twice(opened, tmp_path):
    """What the other has forgotten already is not counted as too much."""
    one, other = opened(tmp_path / "m.db", most=100), opened(tmp_path / "m.db", most=100)
    fill(one, 150)
    other._total = 150
    assert one.fade() == 50
    assert other.fade() == 0
    assert len(one) == 100


@pytest.mark.feature("PF-2")
def test_threads_remember_recall_and_forget_side_by_side(opened):
    """The bound holds when all are done, and the index is of what is there."""
    memory = opened(most=200)
    errors = []

    def live(name):
        try:
            for n in range(60):
                memory.remember(f"{name} saw thing {n}", n / 120)
                memory.recall(f"thing {n}", 5)
                memory.fade()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=live, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    memory.fade()
    assert len(memory) == memory.file.value("SELECT count(*) FROM words") == 200
