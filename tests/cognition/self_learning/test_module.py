"""Learning as a module: topics, files, interactions."""

from __future__ import annotations

import pytest

from companion_async import Brain, BrainConfig, InvalidArgumentError, StorageError
from companion_async.cognition.self_learning.module import MODULE, SelfLearning
from companion_async.cognition.self_learning.settings import LearningSettings
from companion_async.memory.agent_memory import AgentMemory
from companion_async.memory.file import MemoryFile

pytest.importorskip("river", reason="the extra learn is not installed")


@pytest.fixture
def learning():
    learning = SelfLearning()
    yield learning
    learning.stop()


@pytest.mark.feature("CB-51", "PF-6")
def test_topics_are_learnt_apart_and_explained(learning):
    """What serves on one says nothing of another; the explanation has means, skills and how learning goes."""
    for reward in (0.0, 0.0, 1.0, 1.0):
        learning.learn("route", "search", reward)
    learning.learn("manner", "warm", 0.25)
    told = learning.explain("route")
    assert [(each.option, each.mean) for each in told.options] == [("search", 0.5)]
    assert (told.progress.lessons, told.progress.before, told.progress.lately) == (4, 0.0, 1.0)
    assert set(learning.skills()) == {"route/search", "manner/warm"}
    assert learning.skills()["manner/warm"].proficiency == 0.25
    assert learning.explain("unheard of").options == ()
    assert (learning.forget("route"), learning.forget("route")) == (True, False)
    assert learning.explain("route").options == ()
    assert learning.advise("route", ["search"]) is None
    assert set(learning.skills()) == {"manner/warm"}  # to be asked of a topic makes none


@pytest.mark.feature("CB-51")
def test_lessons_and_interactions_are_there_again(tmp_path):
    """From the file, with all that was learnt of them."""
    settings = LearningSettings(file=str(tmp_path / "learning.db"))
    first = SelfLearning(settings)
    for _ in range(20):
        first.learn("route", "search", 1.0, {"code": 1.0})
        first.learn("route", "retrieve", 0.0, {"code": 1.0})
    first.record("how do I read a zip file?", "with zipfile", 1.0)
    told = first.explain("route")
    first.stop()
    again = SelfLearning(settings)
    again.start()
    assert again.explain("route") == told
    assert again.choose("route", ["search", "retrieve"], {"code": 1.0}).option == "search"
    (found,) = again.recall("zip files")
    assert (found.context["answer"], found.importance, found.valence) == ("with zipfile", 1.0, 1.0)
    again.stop()


def test_lessons_that_cannot_be_read_are_refused(tmp_path):
    """A file with something else in their place is an error, and is left as it is."""
    path = str(tmp_path / "odd.db")
    file = MemoryFile(path)
    file.keep("lessons", b'{"route": "all of them"}')
    file.close()
    learning = SelfLearning(LearningSettings(file=path))
    with pytest.raises(StorageError, match="cannot be read"):
        learning.start()
    learning._file.close()
    file = MemoryFile(path)
    assert file.kept("lessons") == b'{"route": "all of them"}'
    file.close()


def test_what_went_badly_matters_as_much_as_what_went_well(learning):
    """The middling matters least."""
    for reward in (0.0, 0.5, 1.0):
        learning.record(f"tea at {reward}", "hot", reward)
    found = {each.context["reward"]: each.importance for each in learning.recall("tea", 5)}
    assert found == {0.0: 1.0, 0.5: 0.0, 1.0: 1.0}


def test_the_topic_unused_for_longest_is_forgotten(tmp_path):
    """There are never more than may be."""
    learning = SelfLearning(LearningSettings(max_topics=2))
    for topic in ("a", "b", "a", "c"):
        learning.learn(topic, "x", 1.0)
    assert [learning.explain(topic).progress.lessons for topic in ("a", "b", "c")] == [2, 0, 1]
    learning.stop()


@pytest.mark.feature("CB-51")
@pytest.mark.parametrize("claimed", [True, False])
def test_a_file_of_memories_is_refused(tmp_path, claimed):
    """Its bound would let go of memories; one of the time before files said what they are for is told by its events."""
    path = tmp_path / "both.db"
    memory = AgentMemory(path)
    memory.long_term.remember("the first")
    if not claimed:
        memory.file.drop("use")
    with pytest.raises(StorageError, match=r"both\.db is used for 'memories' and not for 'interaction'"):
        SelfLearning(LearningSettings(file=str(path), max_interactions=1))
    assert [each.content for each in memory.long_term.all()] == ["the first"]
    memory.close()


@pytest.mark.feature("CB-51")
def test_its_own_file_is_refused_to_an_agents_memory(tmp_path):
    """What fades there would be interactions. Where it was written before files said so, it stays its own."""
    settings = LearningSettings(file=str(tmp_path / "learning.db"))
    one = SelfLearning(settings)
    one.record("how is tea brewed?", "hot", 0.5)
    one._file.drop("use")
    one.stop()
    for _ in range(2):
        again = SelfLearning(settings)
        assert len(again.recall("tea")) == 1
        again.stop()
    with pytest.raises(StorageError, match="is used for 'interaction' and not for 'memories'"):
        AgentMemory(settings.file)


@pytest.mark.feature("CB-51")
def test_the_oldest_interactions_make_room():
    """No more than the settings allow are kept, however many there were."""
    one = SelfLearning(LearningSettings(max_interactions=3))
    for number in range(10):
        one.record(f"how is tea number {number} brewed?", "hot", 0.5)
    found = one.recall("how is tea brewed?", 10)
    assert {each.content.split()[4] for each in found} == {"7", "8", "9"}
    one.stop()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda one: one.learn("t", "o", 2),
        lambda one: one.learn("t", "o", float("nan")),
        lambda one: one.learn("", "o", 1),
        lambda one: one.learn("t", "o", 1, {"x": float("inf")}),
        lambda one: one.learn("t", "o", 1, {"x": "much"}),
        lambda one: one.learn("t", "o", 1, {"x": float("nan")}),
        lambda one: one.learn("t", "o", 1, {f"x{n}": 1.0 for n in range(101)}),
        lambda one: one.choose("t", []),
        lambda one: one.choose("t", "ab"),
        lambda one: one.choose("t", ["a", "a"]),
        lambda one: one.record("q", "a", -1),
        lambda one: LearningSettings(span=0),
        lambda one: LearningSettings(max_topics=0),
    ],
)
def test_what_is_wrong_is_refused(learning, wrong):
    """It says so, and nothing is learnt."""
    with pytest.raises(InvalidArgumentError):
        wrong(learning)
    assert learning.explain("t").progress.lessons == 0


@pytest.mark.feature("CB-51")
async def test_it_works_as_a_module():
    """Lessons that come side by side in threads all count."""
    async with Brain(BrainConfig()) as brain:
        await brain.register(MODULE, SelfLearning, category="agi")
        for task in [brain.submit(MODULE, "learn", "t", "x", 1.0) for _ in range(25)]:
            assert await task is False
        told = await brain.submit(MODULE, "explain", "t")
        assert told.progress.lessons == 25
