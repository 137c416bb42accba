"""Ratings change what is preferred among near equals, say so, and can be taken back."""

from __future__ import annotations

import importlib.util
import threading

import pytest

from companion_async.cognition.personality_engine.settings import PersonalitySettings
from companion_async.cognition.personality_engine.traits import Traits
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import AnsweringSettings, CompanionConfig, KnowledgeSettings
from companion_async.companion.learning import SOURCE
from companion_async.errors import InvalidArgumentError, MissingExtraError

pytestmark = [pytest.mark.feature("CB-51", "CB-53"), pytest.mark.asyncio(loop_factories=["asyncio"])]
installed = importlib.util.find_spec("river") is not None
needs_river = pytest.mark.skipif(not installed, reason="the extra learn is not installed")

FEES = "# The fees\n\nA boat pays a fee of {} crowns a night. The fee is due before noon.\n"
QUESTION = "What fee does a boat pay a night?"


@pytest.fixture
def two(tmp_path):
    """A folder with two documents that say the same in the same words, but for the figure."""
    folder = tmp_path / "fees"
    folder.mkdir()
    (folder / "former.md").write_text(FEES.format("seventy"), encoding="utf-8")
    (folder / "present.md").write_text(FEES.format("ninety"), encoding="utf-8")
    return folder


def reading(folder, **more):
    return CompanionConfig(knowledge=KnowledgeSettings(documents=(str(folder),)), **more)


def first_of(answer):
    return answer.sources[0].location.rpartition("/")[2].partition(":")[0]


async def taught(companion, good, times=3):
    """Rate answers by whether they rest on the ``good`` document first."""
    for _ in range(times):
        answer = await companion.ask(QUESTION)
        await companion.rate(QUESTION, answer, float(first_of(answer) == good))


@needs_river
async def test_the_document_that_was_rated_better_comes_first(two):
    """From the third rating on, with the reason; and another question that is no tie is answered as before."""
    async with CompanionBrain(reading(two)) as companion:
        before = await companion.ask(QUESTION)
        other = {"former.md": "present.md", "present.md": "former.md"}[first_of(before)]
        assert before.decision.learnt == ()
        await taught(companion, good=other)
        after = await companion.ask(QUESTION)
        assert first_of(after) == other
        assert len(after.decision.learnt) == 1
        assert other in after.decision.learnt[0]
        exact = await companion.ask("What is 2 + 3?")
        assert exact.decision.learnt == ()


@needs_river
async def test_forgetting_undoes_it_and_a_setting_turns_it_off(two):
    """After either the order is that of the search."""
    async with CompanionBrain(reading(two)) as companion:
        before = first_of(await companion.ask(QUESTION))
        await taught(companion, good="neither")
        assert first_of(await companion.ask(QUESTION)) != before
        assert await companion.submit("self_learning", "forget", SOURCE)
        answer = await companion.ask(QUESTION)
        assert (first_of(answer), answer.decision.learnt) == (before, ())
    async with CompanionBrain(reading(two, answering=AnsweringSettings(follow_learning=False))) as companion:
        await taught(companion, good="neither")
        answer = await companion.ask(QUESTION)
        assert (first_of(answer), answer.decision.learnt) == (before, ())
    with pytest.raises(InvalidArgumentError, match="follow_learning"):
        AnsweringSettings(follow_learning="no")  # type: ignore[arg-type]


@needs_river
async def test_it_beats_no_learning_on_a_replayed_log(two):
    """Of thirty questions in a row, of which the present document answers each, more are answered by it with learning
    than without, and all of the last twenty.
    """
    served: dict[bool, list[bool]] = {}
    for follows in (False, True):
        config = reading(two, answering=AnsweringSettings(follow_learning=follows))
        async with CompanionBrain(config) as companion:
            # The better one is the one that the search alone does not put first.
            former = first_of(await companion.ask(QUESTION))
            served[follows] = []
            for _ in range(30):
                answer = await companion.ask(QUESTION)
                served[follows].append(first_of(answer) != former)
                await companion.rate(QUESTION, answer, float(served[follows][-1]))
    assert sum(served[False]) == 0
    assert all(served[True][-20:])


@needs_river
@pytest.mark.skipif(importlib.util.find_spec("vaderSentiment") is None, reason="the extra persona is not installed")
@pytest.mark.feature("CB-49")
async def test_a_manner_that_does_not_please_is_left_off(two):
    """Answers without it are given where those with it were rated badly, and say that it was so."""
    personality = PersonalitySettings(enabled=True, traits=Traits(warmth=0.9, formality=0.5))
    async with CompanionBrain(reading(two, personality=personality)) as companion:
        answer = await companion.ask(QUESTION)
        assert answer.manner == "own"
        assert answer.text.startswith("Happy to help. ")
        for _ in range(3):
            await companion.rate("How are you?", answer, 0.0)
        answer = await companion.ask(QUESTION)
        assert answer.manner == "plain"
        assert not answer.text.startswith("Happy to help. ")
        assert any("Manner" in each for each in answer.decision.learnt)


@needs_river
async def test_what_was_learnt_is_not_waited_for_without_end(two, monkeypatch):
    """A learner that hangs costs an answer its advice and no more."""
    go = threading.Event()
    async with CompanionBrain(reading(two)) as companion:
        await taught(companion, good="neither")
        module = "companion_async.cognition.self_learning.module._context"
        monkeypatch.setattr(module, lambda context: go.wait() or {})
        try:
            answer = await companion.ask(QUESTION)
        finally:
            go.set()
        assert answer.found
        assert answer.decision.learnt == ()


@pytest.mark.parametrize("reward", [-0.1, 1.1, float("nan"), "good"])
async def test_a_rating_is_a_share(two, reward):
    """Anything but 0 to 1 is refused, and nothing is learnt."""
    async with CompanionBrain(reading(two)) as companion:
        answer = await companion.ask(QUESTION)
        with pytest.raises(InvalidArgumentError):
            await companion.rate(QUESTION, answer, reward)


@pytest.mark.skipif(installed, reason="the extra learn is installed")
async def test_without_its_extra_a_rating_says_what_to_install(two):
    """Instead of being lost."""
    async with CompanionBrain(reading(two)) as companion:
        answer = await companion.ask(QUESTION)
        with pytest.raises(MissingExtraError, match="learn"):
            await companion.rate(QUESTION, answer, 1.0)
