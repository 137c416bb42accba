"""Endpoints that fail are left alone, those that cost are counted, and the next one answers."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from types import SimpleNamespace

import pytest

from companion_async import Brain, TaskCancelledError
from companion_async.cognition.model_router import module
from companion_async.cognition.model_router.breaker import Breaker
from companion_async.cognition.model_router.module import MODULE, ModelRouter
from companion_async.cognition.model_router.prompt import Passage, Prompt
from companion_async.cognition.model_router.settings import EMBEDDED, Endpoint, ModelSettings
from companion_async.errors import InvalidArgumentError
from tests.cognition.model_router.model_server import serving

pytestmark = pytest.mark.feature("CB-40", "CB-54")
needs_sdks = pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="the extra llm is not installed")

PROMPT = Prompt("How do I read a zip file?", (Passage("zipfile", "zipfile", "Use ZipFile to read a zip file."),))


def test_too_many_failures_in_a_row_open_it_and_one_call_tries_it():
    """While it is open nobody asks; then one call may, and decides."""
    breaker = Breaker(2, 30.0)
    breaker.failed(0.0)
    assert breaker.refusal(0.0, 1) == ""
    breaker.failed(1.0)
    assert "left alone for 29 s" in breaker.refusal(2.0, 1)
    assert breaker.refusal(31.0, 1) == ""
    assert "being tried" in breaker.refusal(31.0, 1)
    breaker.failed(32.0)
    assert "left alone" in breaker.refusal(61.0, 1)
    assert breaker.refusal(62.0, 1) == ""
    breaker.answered(63.0, 1)
    breaker.failed(64.0)
    assert breaker.refusal(64.0, 1) == ""


def test_a_try_that_nobody_waited_for_leaves_the_next_one_to_try():
    """Cancelling is no verdict."""
    breaker = Breaker(1, 10.0)
    breaker.failed(0.0)
    assert breaker.refusal(10.0, 1) == ""
    breaker.left()
    assert breaker.refusal(10.0, 1) == ""


def test_a_server_that_asks_for_a_pause_gets_it():
    """After its first failure already."""
    breaker = Breaker(3, 10.0)
    breaker.failed(0.0, 60.0)
    assert "left alone for 50 s" in breaker.refusal(10.0, 1)
    breaker.failed(11.0, 5.0)  # a call that was under way, and was told of a shorter one
    assert "left alone for 44 s" in breaker.refusal(16.0, 1)
    assert breaker.refusal(60.0, 1) == ""


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("86400", 3600.0),
        ("-5", 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0),
        (None, 0.0),
    ],
)
def test_a_pause_that_a_server_asks_for_is_at_most_an_hour(said, seconds):
    """And none where it names no number of seconds."""
    headers = {} if said is None else {"retry-after": said}
    error = OSError("busy")
    error.response = SimpleNamespace(headers=headers)  # type: ignore[attr-defined]
    assert module._again_after(error) == seconds
    assert module._again_after(OSError("not there")) == 0.0


def test_a_budget_holds_for_any_hour():
    """What was used more than an hour ago is free again."""
    breaker = Breaker(3, 10.0, tokens_per_hour=100)
    assert breaker.refusal(0.0, 60) == ""
    breaker.answered(0.0, 60)
    assert "100 tokens an hour" in breaker.refusal(1_800.0, 60)
    assert breaker.refusal(1_800.0, 40) == ""
    assert breaker.refusal(3_600.0, 60) == ""


def test_a_try_that_the_budget_does_not_allow_is_none():
    """Who is refused for the budget leaves the next one to try, once there is some again."""
    breaker = Breaker(1, 10.0, tokens_per_hour=100)
    breaker.answered(0.0, 90)
    breaker.failed(1.0)
    assert "tokens an hour" in breaker.refusal(20.0, 60)
    assert breaker.refusal(3_601.0, 60) == ""


class Scripted:
    """An endpoint that says what it is to say: words, an error, or nothing for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = asyncio.Event()
        self.closed = False

    async def pieces(self, composed):
        said = self.answers.pop(0)
        if isinstance(said, Exception):
            raise said
        if said is None:
            self.asked.set()
            await asyncio.Event().wait()
        yield said

    async def close(self):
        self.closed = True


@needs_sdks
async def test_a_try_that_is_cancelled_leaves_the_next_one_to_try(virtual_clock, monkeypatch):
    """A question that nobody waits for any more does not keep an endpoint shut; at the stop it is let go of."""
    scripted = Scripted(OSError("down"), None, "Use ZipFile [1].")
    monkeypatch.setattr(module, "connect", lambda endpoint, env: scripted)
    endpoint = Endpoint(name="here", model="m", breaker_failures=1, breaker_seconds=30.0)
    settings = ModelSettings(endpoints=(endpoint,))
    async with Brain() as brain:
        await brain.register(
            MODULE, ModelRouter, factory=lambda: ModelRouter(settings, env={}, clock=virtual_clock), timeout=None
        )
        assert (await brain.submit(MODULE, "answer", PROMPT)).responder == EMBEDDED
        await virtual_clock.advance(31.0)
        trial = brain.submit(MODULE, "answer", PROMPT)
        await scripted.asked.wait()
        trial.cancel("not wanted any more")
        with pytest.raises(TaskCancelledError):
            await trial
        assert (await brain.submit(MODULE, "answer", PROMPT)).responder == "here"
        assert not scripted.closed
    assert scripted.closed


@needs_sdks
async def test_what_an_endpoint_does_not_count_is_estimated(monkeypatch):
    """The prompt and the answer both."""
    scripted = Scripted("a long answer " * 100, "another")
    monkeypatch.setattr(module, "connect", lambda endpoint, env: scripted)
    settings = ModelSettings(endpoints=(Endpoint(name="here", model="m", tokens_per_hour=2 * PROMPT.tokens + 100),))
    async with Brain() as brain:
        await brain.register(MODULE, ModelRouter, factory=lambda: ModelRouter(settings, env={}))
        replies = [await brain.submit(MODULE, "answer", PROMPT) for _ in range(2)]
    assert [reply.responder for reply in replies] == ["here", EMBEDDED]
    assert replies[0].usage is None
    assert "tokens an hour" in replies[1].fell_back


async def routed(brain, url, provider="openai", **more):
    address = f"{url}/v1" if provider == "openai" else url
    endpoint = Endpoint(
        name="here", model="m", provider=provider, base_url=address, **{"retries": 0, "breaker_failures": 2, **more}
    )
    settings = ModelSettings(endpoints=(endpoint,))
    await brain.register(MODULE, ModelRouter, factory=lambda: ModelRouter(settings, env={}))


@needs_sdks
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("fault", [{"status": 500}, {"garbage": True}, {"break_after": 1}])
async def test_every_fault_counts_and_the_embedded_responder_answers(provider, fault):
    """A refusal, what is no JSON and a stream cut short: twice, and the server is not asked a third time."""
    with serving(**fault) as server:
        async with Brain() as brain:
            more = {"api_key_env": None}
            await routed(brain, server.url, provider, **more)
            replies = [await brain.submit(MODULE, "answer", PROMPT) for _ in range(3)]
        assert [reply.responder for reply in replies] == [EMBEDDED] * 3
        assert len(server.requests) == 2
        assert "left alone" in replies[2].fell_back
        assert "sk-secret" not in replies[0].fell_back


@needs_sdks
async def test_a_server_that_hangs_is_given_up_after_its_time():
    """Then the embedded responder answers, and says why."""
    with serving(silence=threading.Event()) as server:
        async with Brain() as brain:
            await routed(brain, server.url, timeout=0.2)
            reply = await brain.submit(MODULE, "answer", PROMPT)
        assert reply.responder == EMBEDDED
        assert "Timeout" in reply.fell_back


@needs_sdks
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_too_many_requests_are_made_again_as_the_server_asks(provider):
    """Within the retries of the endpoint, and the answer is its own."""
    with serving(refusals=1, retry_after="0.01") as server:
        async with Brain() as brain:
            await routed(brain, server.url, provider, retries=1)
            reply = await brain.submit(MODULE, "answer", PROMPT)
        assert (reply.responder, reply.failures, len(server.requests)) == ("here", (), 2)


@needs_sdks
async def test_a_server_that_goes_on_refusing_is_left_alone_for_as_long_as_it_asks():
    """One request, and none before the time it named."""
    with serving(refusals=5, retry_after="600") as server:
        async with Brain() as brain:
            await routed(brain, server.url)
            replies = [await brain.submit(MODULE, "answer", PROMPT) for _ in range(2)]
        assert len(server.requests) == 1
        assert "left alone for" in replies[1].fell_back


@needs_sdks
async def test_a_budget_that_is_used_up_sends_questions_on():
    """The provider's own count is what counts."""
    with serving() as server:
        async with Brain() as brain:
            await routed(brain, server.url, tokens_per_hour=PROMPT.tokens + 5)
            replies = [await brain.submit(MODULE, "answer", PROMPT) for _ in range(2)]
        assert [reply.responder for reply in replies] == ["here", EMBEDDED]
        assert "tokens an hour" in replies[1].fell_back


def test_limits_that_are_none_are_refused():
    """Each by its name."""
    for wrong in ({"breaker_failures": 0}, {"breaker_seconds": -1.0}, {"tokens_per_hour": 0}):
        with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
            Endpoint(name="here", model="m", **wrong)
