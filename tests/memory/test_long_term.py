"""What lasts, and what of it comes to mind."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime

import pytest

from companion_async.errors import InvalidArgumentError, SecurityError, StorageError
from companion_async.memory.long_term import Fact, LongTermMemory
from tests.memory.conftest import DAY, NOW


@pytest.fixture
def memory(clock):
    memory = LongTermMemory(clock=clock)
    yield memory
    memory.close()


def said(found):
    return [each.content for each in found]


@pytest.mark.feature("PF-2")
def test_what_is_remembered_comes_back_whole(memory):
    """Every field, the moment in UTC, and how often it was recalled."""
    number = memory.remember(
        "Bob cooked a soup",
        0.8,
        type="meal",
        valence=-7,
        location="kitchen",
        participants={"bob", "ann"},
        context={"spoons": [1, 2]},
    )
    (found,) = memory.recall("soup")
    assert found.event_id == number
    assert (found.content, found.type, found.importance, found.valence) == ("Bob cooked a soup", "meal", 0.8, -1.0)
    assert (found.location, found.participants, found.context) == ("kitchen", ("ann", "bob"), {"spoons": [1, 2]})
    assert found.timestamp == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert (found.recalled, memory.get(number).recalled) == (0, 1)
    assert memory.get(number + 1) is None
    assert memory.get_summary() == {
        "events": 1,
        "types": {"meal": 1},
        "links": 0,
        "average_importance": 0.8,
        "oldest": "2026-03-01T12:00:00+00:00",
        "newest": "2026-03-01T12:00:00+00:00",
    }


@pytest.mark.feature("PP-09")
def test_a_purpose_decides_between_the_new_the_fitting_and_the_important(memory):
    """Of three memories each is the first under the weights that favour it."""
    memory.remember("the bridge fell into the river", 0.4, at=NOW - 30 * DAY)
    memory.remember("a birthday cake", 1.0, at=NOW - 30 * DAY)
    memory.remember("rain over the river", 0.1)
    asked = "when did the bridge fall?"
    firsts = {
        purpose: memory.recall(asked, purpose=purpose, touch=False)[0].content
        for purpose in ("relevance", "recency", "decision")
    }
    assert firsts["relevance"] == "the bridge fell into the river"
    assert firsts["recency"] == "rain over the river"
    assert said(memory.recall("", 1, purpose="importance", touch=False)) == ["a birthday cake"]


def test_tags_keep_to_a_span_without_words_too(memory):
    """And words that all are there."""
    for day in (5, 3, 1):
        memory.remember(f"tea with bob, day {day}", type="meal", participants=("bob",), at=NOW - day * DAY)
    for question in ("", "tea bob"):
        found = memory.recall(question, participant="bob", since=NOW - 4 * DAY, until=NOW - 2 * DAY)
        assert said(found) == ["tea with bob, day 3"]


def test_what_fits_is_weighed_by_how_rare_its_words_are(memory):
    """Rare ones count more; those that no memory has are missing from every answer."""
    memory.remember_all(Fact(content=f"rain, day {n}") for n in range(50))
    memory.remember("an umbrella")
    first, *others = memory.recall("umbrella rain", purpose="relevance", touch=False)
    assert first.content == "an umbrella"
    assert first.score > 2 * others[0].score > 0
    whole, half = (memory.recall(asked, 1, purpose="relevance")[0].score for asked in ("umbrella", "umbrella zzz"))
    assert whole == pytest.approx(1.0)
    assert half < 0.6


def test_what_has_all_the_words_is_found_behind_any_number_that_have_one(memory):
    """And, with nothing asked, what is important behind any number of trifles."""
    memory.remember("a bridge of ice", 0.4, at=NOW - 9 * DAY)
    memory.remember("a wedding", 0.9, at=NOW - 9 * DAY)
    memory.remember_all(Fact(content=f"{word} {n}", importance=0.1) for n in range(300) for word in ("bridge", "ice"))
    assert said(memory.recall("bridge ice", 1, purpose="relevance", touch=False)) == ["a bridge of ice"]
    assert said(memory.recall("", 1, purpose="importance", touch=False)) == ["a wedding"]


def test_a_memory_is_half_as_recent_each_day_and_none_is_more_so_than_now(memory):
    """One of tomorrow is as recent as one of this instant."""
    for days in (-1, 0, 1, 2):
        memory.remember(f"day {days}", at=NOW - days * DAY)
    found = memory.recall("", purpose="recency", touch=False)
    assert [each.score for each in found] == pytest.approx([1.0, 1.0, 0.5, 0.25])


def test_a_faint_association_brings_nothing_to_mind(memory):
    """Less than a tenth of what was asked for."""
    smell, fields = memory.remember("the smell of rain"), memory.remember("running over summer fields")
    memory.associate(smell, fields, 0.12)
    assert said(memory.recall("smell", purpose="relevance")) == ["the smell of rain"]
    memory.associate(smell, fields, 0.13)
    assert len(memory.recall("smell", purpose="relevance")) == 2


def test_recalling_holds_a_memory_up_three_times_at_most(memory):
    """By a tenth each."""
    number = memory.remember("a song", 0.2)
    for _ in range(5):
        memory.recall("song")
    assert memory.strength(memory.get(number)) == pytest.approx(0.5)


def test_the_id_of_what_was_forgotten_is_free_again(memory):
    """A memory is called by the microsecond at which it was, wherever that is possible."""
    first = memory.remember("a song", at=NOW)
    memory.forget([first])
    assert memory.remember("a dance", at=NOW) == first


def test_a_look_leaves_no_trace_where_that_is_asked(memory):
    """It makes nothing last longer; any other counts."""
    number = memory.remember("the well is deep")
    memory.recall("well", touch=False)
    assert memory.get(number).recalled == 0
    memory.recall("well")
    memory.recall("well")
    assert memory.get(number).recalled == 2


def test_what_another_program_remembers_is_the_newest(tmp_path, clock):
    """Nothing says so but the file."""
    one, other = (LongTermMemory(tmp_path / "m.db", clock=clock) for _ in range(2))
    first = one.remember("It rains")
    assert one.newest() == first
    assert one.newest() != other.remember("It has stopped") == one.newest()
    one.close()
    other.close()


def test_a_forgetting_that_breaks_off_forgets_nothing(memory, monkeypatch):
    """Whatever was away already is there again."""
    number = memory.remember("the well is deep")
    change = memory.file.change_many

    def full(sql, rows):
        if "words" in sql:
            raise StorageError("the disk is full")
        return change(sql, rows)

    with monkeypatch.context() as broken, pytest.raises(StorageError):
        broken.setattr(memory.file, "change_many", full)
        memory.forget([number])
    assert said(memory.recall("well")) == ["the well is deep"]
    assert memory.forget([number]) == 1


def test_what_is_important_comes_to_mind_though_it_has_frequent_words_only(memory):
    """And is older than all that is looked at for these."""
    memory.remember("rain ruined the harvest", 0.9, at=NOW - 9 * DAY)
    memory.remember("rain again", 0.3, at=NOW - 9 * DAY)
    memory.remember_all(Fact(content=f"rain and wind, day {n}", importance=0.1) for n in range(300))
    first, second = memory.recall("rain wind", 2, purpose="importance", touch=False)
    assert (first.content, second.importance) == ("rain ruined the harvest", 0.1)


def test_the_same_is_found_by_what_was_said_and_of_which_type_it_was(memory):
    """Of all that was of a moment, however much."""
    for kind in ("talk", "song", "song"):
        memory.remember("la la", type=kind, at=NOW)
    last = memory.remember("the end", at=NOW)
    assert memory.find(Fact(content="la la", type="song", at=NOW)) == last - 2
    assert memory.find(Fact(content="la la", type="dance", at=NOW)) is None
    assert memory.find(Fact(content="the end", at=NOW)) == last
    assert memory.find(Fact(content="the end", at=NOW + 1)) is None


def test_tags_and_spans_narrow_what_comes_to_mind(memory):
    """Type, participant and time are kept to with words and without."""
    memory.remember("tea with bob", type="meal", participants=("bob",), at=NOW - 5 * DAY)
    memory.remember("tea with ann", type="meal", participants=("ann",), at=NOW - 3 * DAY)
    memory.remember("talk with bob over tea", type="talk", participants=("bob",), at=NOW - 1 * DAY)
    for question in ("tea", ""):
        assert set(said(memory.recall(question, participant="bob"))) == {"tea with bob", "talk with bob over tea"}
        assert set(said(memory.recall(question, type="meal"))) == {"tea with bob", "tea with ann"}
        assert said(memory.recall(question, type="meal", participant="bob")) == ["tea with bob"]
        assert said(memory.recall(question, since=NOW - 4 * DAY, until=NOW - 2 * DAY)) == ["tea with ann"]
    assert memory.recall("tea", participant="nobody") == []


def test_any_text_is_a_question(memory):
    """There is no syntax in it, and words that nothing has are no error."""
    memory.remember('he said "AND" (loudly)')
    assert len(memory.recall('"AND" OR (NOT -loudly*) content:')) == 1
    assert memory.recall("unheard of zzz") == []
    assert memory.recall('""" \x00 ') == []


@pytest.mark.feature("PF-2")
def test_one_memory_brings_its_associates_to_mind(memory):
    """An associate that shares no word comes along, weaker than what was asked for; without the bond it does not."""
    smell = memory.remember("the smell of rain")
    fields = memory.remember("running over summer fields")
    memory.remember("an invoice for paper")
    assert said(memory.recall("smell")) == ["the smell of rain"]
    memory.associate(fields, smell, 0.9)
    first, second = memory.recall("smell")
    assert (first.event_id, second.event_id) == (smell, fields)
    assert first.score > second.score > 0
    memory.associate(smell, fields, 0)
    assert said(memory.recall("smell")) == ["the smell of rain"]
    with pytest.raises(InvalidArgumentError, match="is not remembered"):
        memory.associate(smell, 5)


@pytest.mark.feature("PF-2")
def test_the_faint_are_forgotten_and_recall_holds_memories_up(memory, clock):
    """Importance fades by the day; a memory that was recalled outlives its equal; the forgotten leave no trace."""
    held = memory.remember("a promise", 0.2)
    memory.remember("a rumour", 0.2)
    memory.remember("a wedding", 1.0)
    memory.recall("promise")
    clock.now += 40 * DAY
    assert memory.fade() == 1
    assert said(memory.all()) == ["a promise", "a wedding"]
    assert memory.strength(memory.get(held)) == pytest.approx(0.2 * 2.718281828**-2 + 0.1)
    assert memory.recall("rumour") == []
    assert memory.forget([held, held + 999]) == 1
    assert len(memory) == 1


def test_moments_that_are_taken_go_on_counting(memory):
    """Things of one moment keep their order, and one of the past stands where it was."""
    many = memory.remember_all(Fact(content=f"step {n}") for n in range(3))
    before = memory.remember("before", at=NOW - 1)
    again = memory.remember("again", at=NOW)
    assert many == [many[0], many[0] + 1, many[0] + 2]
    assert again == many[2] + 1
    assert said(memory.all()) == ["before", "step 0", "step 1", "step 2", "again"]
    assert said(memory.all(before, 2)) == ["step 0", "step 1"]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda memory: memory.remember("x", 7), SecurityError),
        (lambda memory: memory.remember("x", participants="bob"), InvalidArgumentError),
        (lambda memory: memory.remember("x", at=float("nan")), InvalidArgumentError),
        (lambda memory: memory.recall("x", 0), InvalidArgumentError),
        (lambda memory: memory.recall("x", purpose="fun"), InvalidArgumentError),
        (lambda memory: memory.recall("x", since=-1), InvalidArgumentError),
        (lambda memory: memory.associate(1, 1), InvalidArgumentError),
        (lambda memory: memory.associate(1, 2, 3), InvalidArgumentError),
    ],
)
def test_what_is_wrong_is_refused(memory, wrong, error):
    """It says so, and nothing is remembered."""
    with pytest.raises(error):
        wrong(memory)
    assert len(memory) == 0


def test_of_many_all_or_none_are_remembered(memory):
    """One bad fact refuses the others of the call."""
    with pytest.raises(SecurityError):
        memory.remember_all((Fact(content="good"), Fact(content="bad", importance=9)))
    assert len(memory) == 0
    assert memory.recall("good") == []


def test_threads_remember_side_by_side(memory):
    """None is lost, none takes another's id."""
    numbers: list[list[int]] = []

    def work(name):
        numbers.append([memory.remember(f"{name} {n}") for n in range(50)])

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({number for each in numbers for number in each}) == len(memory) == 200


@pytest.mark.parametrize("seed", range(5))
def test_the_best_is_found_among_many(seed):
    """Against scoring every memory: what has a rare word of the question and scores highest comes first."""
    rng = random.Random(seed)
    memory = LongTermMemory()
    words = [f"w{n}" for n in range(300)]
    weights = [1 / (n + 1) for n in range(300)]
    memory.remember_all(
        Fact(
            content=" ".join(rng.choices(words, weights, k=6)), importance=rng.random(), at=NOW - rng.random() * 9 * DAY
        )
        for _ in range(3_000)
    )
    for _ in range(10):
        rare = rng.choice(words[200:])
        found = memory.recall(f"{rare} w0", 1, touch=False, purpose="relevance")
        having = [each for each in memory.all(limit=1_000) if rare in each.content.split()]
        if having:
            assert rare in found[0].content.split()
    memory.close()


def test_tidying_joins_the_pieces_of_the_index_and_changes_nothing_that_is_found(memory):
    """Each remembering adds a piece; step by step they become few, and there is nothing to do until it has grown."""

    def pieces():
        return memory.file.value("SELECT count(DISTINCT segid) FROM words_idx")

    for number in range(1_000):
        memory.remember(f"Ship {number} has come in with grain", at=NOW - number)
    found = [each.event_id for each in memory.recall("Which ship brought grain?", 20, touch=False)]
    assert pieces() > 8
    while memory.tidy():
        pass
    assert pieces() == 1
    assert [each.event_id for each in memory.recall("Which ship brought grain?", 20, touch=False)] == found
    for number in range(1_000, 1_100):
        memory.remember(f"Ship {number} has come in with grain", at=NOW - number)
    assert not memory.tidy()  # not half as much again


class Asked:
    """How often the file is read."""

    def __init__(self, memory, monkeypatch):
        self.times = 0
        read = memory.file.rows

        def rows(sql, bindings=()):
            self.times += 1
            return read(sql, bindings)

        monkeypatch.setattr(memory.file, "rows", rows)


def test_the_newest_is_looked_up_only_where_something_has_changed(memory, monkeypatch):
    """An agent that asks each second whether there is anything new does not read the file for it."""
    assert memory.newest() is None
    first = memory.remember("It rains")
    asked = Asked(memory, monkeypatch)
    assert [memory.newest() for _ in range(5)] == [first] * 5
    assert asked.times == 1
    second = memory.remember("It has stopped", at=NOW + 1)
    assert memory.newest() == second
    with pytest.raises(ZeroDivisionError), memory.file.transaction():
        assert memory.remember("It snows", at=NOW + 2) == memory.newest()
        raise ZeroDivisionError
    assert memory.newest() == second


def test_an_index_that_is_in_few_pieces_is_looked_at_again_when_it_has_grown(memory, monkeypatch):
    """Tidying every second costs nothing while nothing is remembered."""
    memory.remember("It rains")
    asked = Asked(memory, monkeypatch)
    assert [memory.tidy() for _ in range(5)] == [False] * 5
    assert asked.times == 1
    memory.remember("It has stopped", at=NOW + 1)
    before = asked.times
    memory.tidy()
    assert asked.times == before + 1
