"""Retrieval as a module: over the memories, with a cache that hits and is never behind."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from companion_async import InvalidArgumentError
from companion_async.cognition.mind import Mind
from companion_async.cognition.retrieval.module import SPAN, Retrieval
from companion_async.memory.long_term import LongTermMemory
from companion_async.state.coordinator import StateCoordinator

pytestmark = pytest.mark.feature("PP-09")


@pytest.fixture
def retrieval(virtual_clock):
    module = Retrieval(Mind("ann", clock=virtual_clock))
    module.brain = SimpleNamespace(state=StateCoordinator())
    module.start()
    yield module
    module.stop()


async def test_the_purpose_changes_what_comes_first(retrieval):
    """A decision wants what is important, a look back at the latest what is new."""
    memory = retrieval.mind.memory.long_term
    memory.remember("the bridge was broken", 0.9)
    await retrieval.mind.clock.advance(3 * 86_400)
    memory.remember("the bridge was painted", 0.1)
    assert retrieval.run("should I cross the bridge?").memories[0].content == "the bridge was broken"
    assert retrieval.run("what of the bridge lately?").memories[0].content == "the bridge was painted"
    assert retrieval.run("the bridge", purpose="importance").memories[0].content == "the bridge was broken"


async def test_what_the_agent_is_about_chooses_too(retrieval):
    """Somebody it talks to, then a plan."""
    retrieval.brain.state.propose("ann", "agents.ann.plan", {"goal": "g"})
    assert retrieval.run("bridge").purpose.name == "planning"
    retrieval.brain.state.propose("ann", "agents.ann.decision", {"skill": "talk"})
    assert retrieval.run("bridge").purpose.name == "conversation"


async def test_the_same_question_is_answered_from_the_cache(retrieval):
    """For a minute, and until something is remembered or forgotten."""
    memory = retrieval.mind.memory.long_term
    broken = memory.remember("the bridge was broken")
    first = retrieval.run("bridge")
    again = retrieval.run("bridge")
    assert (first.cached, again.cached, again.memories) == (False, True, first.memories)
    await retrieval.mind.clock.advance(1)
    memory.remember("the bridge is whole")
    fresh = retrieval.run("bridge")
    assert (fresh.cached, len(fresh.memories)) == (False, 2)
    assert retrieval.run("bridge").cached
    assert retrieval.hit_rate() == 0.5
    memory.forget([broken])
    left = retrieval.run("bridge")
    assert (left.cached, [each.content for each in left.memories]) == (False, ["the bridge is whole"])
    await retrieval.mind.clock.advance(SPAN)
    assert not retrieval.run("bridge").cached


async def test_the_cache_is_never_behind(retrieval, virtual_clock, tmp_path):
    """What was observed since, what another program remembered, another number or purpose: each is looked for anew."""
    mind = Mind("bo", file=tmp_path / "bo.db", clock=virtual_clock)
    retrieval.stop()
    retrieval.mind = mind
    retrieval.start()
    memory = mind.memory
    for n in range(3):
        memory.long_term.remember(f"the bridge was painted, {n}", 0.9 - 0.1 * n)
    assert [retrieval.run("bridge").cached for _ in range(2)] == [False, True]
    memory.observe("saw the bridge")
    assert [each.content for each in retrieval.run("bridge").at_hand] == ["saw the bridge"]
    assert len(retrieval.run("bridge", 2).memories) == 2
    fit, weighty = (retrieval.run("bridge", 1, purpose).memories[0] for purpose in ("relevance", "importance"))
    assert (fit.importance, weighty.importance) == (0.7, 0.9)
    await virtual_clock.advance(1)
    other = LongTermMemory(tmp_path / "bo.db", clock=virtual_clock)
    other.remember("the bridge fell")
    other.close()
    assert "the bridge fell" in [each.content for each in retrieval.run("bridge").memories]


async def test_what_is_at_hand_comes_with_it(retrieval):
    """Of working memory, the newest first."""
    for text in ("saw the bridge", "saw a bird", "crossed the bridge"):
        retrieval.mind.memory.observe(text, 0.5)
    assert [each.content for each in retrieval.run("bridge").at_hand] == ["crossed the bridge", "saw the bridge"]
    assert [each.content for each in retrieval.run("bridge", 1).at_hand] == ["crossed the bridge"]


def test_what_is_no_question_is_refused(retrieval):
    """With what would be one."""
    for wrong in ((3,), ("x", 0), ("x", 5, "fun")):
        with pytest.raises(InvalidArgumentError):
            retrieval.run(*wrong)
