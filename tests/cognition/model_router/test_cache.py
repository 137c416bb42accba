"""Answers that are given again."""

from __future__ import annotations

import importlib.util

import msgspec
import pytest

from companion_async import Brain
from companion_async.cognition.model_router.cache import AnswerCache
from companion_async.cognition.model_router.module import MODULE, ModelRouter
from companion_async.cognition.model_router.prompt import Passage, Prompt, Said
from companion_async.cognition.model_router.reply import Reply
from companion_async.cognition.model_router.settings import Endpoint, ModelSettings
from companion_async.errors import InvalidArgumentError
from tests.cognition.model_router.model_server import serving

pytestmark = pytest.mark.feature("CB-55")
PASSAGES = (Passage("zipfile", "zipfile", "Use ZipFile to read a zip file."),)
REPLY = Reply("Use ZipFile [1].", "here", "code", (0,))


def asking(question, **more):
    return Prompt(question, **{"passages": PASSAGES, **more})


@pytest.fixture
def cache():
    cache = AnswerCache(2, 0.95, 60.0)
    cache.put(asking("How do I read 2 zip files?"), "code", REPLY, 0.0)
    return cache


def test_nearly_the_same_words_have_the_same_answer(cache):
    """Whatever their case, signs and endings; the figures count it."""
    assert cache.get(asking("how do i read 2 zip file"), "code", 1.0) == REPLY
    assert cache.get(asking("How do I delete a folder?"), "code", 1.0) is None
    assert (cache.figures.asked, cache.figures.hits, cache.figures.hit_rate) == (2, 1, 0.5)


@pytest.mark.parametrize(
    "other",
    [
        asking("How do I read 3 zip files?"),
        asking("How do I read 2 zip files?", passages=()),
        asking("How do I read 2 zip files?", turns=(Said("user", "Hello"),)),
        asking("How do I read 2 zip files?", summary="user: I mean tar files."),
        asking("How do I read 2 zip files?", instructions="Be brief."),
        asking("How do I write 2 zip files?"),
    ],
)
def test_what_may_have_another_answer_is_asked_anew(cache, other):
    """Other numbers, passages, words, what was said before, and other instructions."""
    assert cache.get(other, "code", 1.0) is None


def test_other_numbers_ask_for_something_else(cache):
    """In a question so long that one word more or less is no matter, too."""
    long = "How do I read the members of a zip file that has {} folders, with their names, sizes and times"
    cache.put(asking(long.format(20)), "code", REPLY, 0.0)
    assert cache.get(asking(long.format(30)), "code", 1.0) is None
    assert cache.get(asking(f"{long.format(20)}, please"), "code", 1.0) == REPLY


def test_the_order_of_the_words_counts(cache):
    """What is turned round asks for something else."""
    cache.put(asking("How do I convert bytes to text?"), "code", REPLY, 0.0)
    assert cache.get(asking("How do I convert text to bytes?"), "code", 1.0) is None
    assert cache.get(asking("How do I convert bytes to texts"), "code", 1.0) == REPLY


def test_answers_age_and_make_room(cache):
    """The one unused for longest goes first, and none outlives its time."""
    assert cache.get(asking("How do I read 2 zip files?"), "chat", 1.0) is None
    cache.put(asking("What is a heap?"), "code", REPLY, 1.0)
    assert cache.get(asking("How do I read 2 zip files?"), "code", 2.0) == REPLY
    cache.put(asking("What is a queue made of?"), "code", REPLY, 3.0)
    assert cache.get(asking("What is a heap?"), "code", 4.0) is None
    assert cache.get(asking("How do I read 2 zip files?"), "code", 60.0) is None
    assert cache.figures.entries == 1


def test_nothing_is_kept_of_an_answer_that_is_none_or_without_a_size(cache):
    """What was not found is looked for again; a size of 0 is off and counts nothing."""
    cache.put(asking("Where is it?"), "code", msgspec.structs.replace(REPLY, found=False), 1.0)
    assert cache.get(asking("Where is it?"), "code", 1.0) is None
    off = AnswerCache(0, 0.95, 60.0)
    off.put(asking("Where is it?"), "code", REPLY, 1.0)
    assert off.get(asking("Where is it?"), "code", 1.0) is None
    assert off.figures.asked == 0


@pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="the extra llm is not installed")
async def test_a_model_is_asked_once_for_the_same():
    """Where it is turned on; the reply is the same, and the rate is told."""
    with serving() as server:
        endpoint = Endpoint(name="here", model="m", base_url=f"{server.url}/v1", retries=0)
        settings = ModelSettings(endpoints=(endpoint,), cache_size=10)
        async with Brain() as brain:
            await brain.register(MODULE, ModelRouter, factory=lambda: ModelRouter(settings, env={}))
            first = await brain.submit(MODULE, "answer", asking("How do I read a zip file?"))
            again = await brain.submit(MODULE, "answer", asking("how do I read a zip file"))
            figures = await brain.submit(MODULE, "cache")
        assert first == again
        assert (len(server.requests), figures.hit_rate) == (1, 0.5)


@pytest.mark.parametrize(
    ("name", "value"), [("cache_size", -1), ("cache_likeness", 0), ("cache_likeness", 1.5), ("cache_seconds", -1.0)]
)
def test_limits_that_are_none_are_refused(name, value):
    """Each by its name."""
    with pytest.raises(InvalidArgumentError, match=name):
        ModelSettings(**{name: value})
