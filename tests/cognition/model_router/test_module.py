from __future__ import annotations

import importlib.util
import threading

import pytest

from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.cognition.model_router.module import ModelRouter
from companion_async.cognition.model_router.prompt import Passage, Prompt
from companion_async.cognition.model_router.reply import Failure, Piece, Reply, Usage
from companion_async.cognition.model_router.settings import EMBEDDED, Endpoint, ModelSettings
from companion_async.errors import MissingExtraError, TaskCancelledError
from companion_async.modules.handlers import collect
from tests.cognition.model_router.model_server import serving

pytestmark = pytest.mark.feature("CB-40")

needs_sdks = pytest.mark.skipif(
    any(importlib.util.find_spec(sdk) is None for sdk in ("openai", "anthropic")),
    reason="the extra llm is not installed",
)

PROMPT = Prompt(
    "How do I read the members of a zip file?",
    (
        Passage("tarfile.open", "tarfile", "Open a tar archive for reading."),
        Passage("zipfile.ZipFile.read", "zipfile", "Return the bytes of the file name in the zip archive."),
    ),
)


def endpoint(name, server, provider="openai", **more):
    base_url = server.url if provider == "anthropic" else f"{server.url}/v1"
    return Endpoint(name=name, model=f"{name}-model", provider=provider, base_url=base_url, retries=0, **more)


async def registered(brain, *endpoints, env=None):
    settings = ModelSettings(endpoints=endpoints)
    await brain.register(
        "model_router", ModelRouter, factory=lambda: ModelRouter(settings, env=env or {}), priority="critical"
    )


def test_handlers():
    """The handlers are the documented ones and no more."""
    assert set(collect(ModelRouter)) == {"route", "extract", "answer", "stream", "cache", "caption", "transcribe"}


async def test_without_endpoints_the_embedded_responder_answers_and_says_so():
    """With nothing configured the answer is quoted from the passages, under the embedded responder's name."""
    async with Brain() as brain:
        await registered(brain)
        reply = await brain.submit("model_router", "answer", PROMPT)
        route = await brain.submit("model_router", "route", PROMPT.question)
    assert (reply.responder, reply.failures, reply.model, reply.usage) == (EMBEDDED, (), None, None)
    assert "Return the bytes of the file name in the zip archive." in reply.text
    assert reply.cited[0] == 1
    assert route.reason.endswith("no endpoint is configured")


async def test_nothing_found_is_said():
    """Without a passage the embedded responder says that it found nothing, and cites nothing."""
    async with Brain() as brain:
        await registered(brain)
        reply = await brain.submit("model_router", "answer", Prompt("How?"))
    assert (reply.found, reply.cited) == (False, ())
    assert reply.text


async def test_a_full_category_answers_too():
    """With a single slot, the answer's own call for the embedded responder finds its place in it."""
    async with Brain(BrainConfig(categories={"core": 1})) as brain:
        await registered(brain)
        tasks = [brain.submit("model_router", "answer", PROMPT, timeout=5) for _ in range(4)]
        assert {(await task).responder for task in tasks} == {EMBEDDED}


@needs_sdks
@pytest.mark.parametrize("provider", ["openai", "ollama", "anthropic"])
async def test_a_configured_endpoint_answers(provider):
    """The endpoint's answer comes back with its name, its model, the provider's own count and the passages it cites."""
    with serving() as server:
        async with Brain() as brain:
            await registered(brain, endpoint("here", server, provider))
            reply = await brain.submit("model_router", "answer", PROMPT)
    assert reply == Reply("Use `ZipFile` [1].", "here", "chat", (0,), True, (), Usage(11, 3), "here-model")


@needs_sdks
async def test_the_kind_of_task_chooses_the_endpoint():
    """A task goes to the endpoint that is meant for its kind, hinted or found out."""
    with serving() as server:
        async with Brain() as brain:
            await registered(
                brain, endpoint("talker", server, kinds=("chat",)), endpoint("coder", server, kinds=("code",))
            )
            code = await brain.submit("model_router", "answer", Prompt("Write a function that adds"))
            chat = await brain.submit("model_router", "answer", Prompt("Hello!"))
            hinted = await brain.submit("model_router", "answer", Prompt("Hello!", kind="code"))
    assert [reply.responder for reply in (code, chat, hinted)] == ["coder", "talker", "coder"]


@needs_sdks
@pytest.mark.feature("CB-54")
async def test_failures_fall_back_and_are_told_without_their_text():
    """Refused, unreachable and unset endpoints are passed over one after the other; the reply names each, no secret."""
    with serving() as gone:
        pass
    with serving(status=401) as refusing, serving(words=("  ",)) as empty, serving() as fine:
        async with Brain() as brain:
            await registered(
                brain,
                endpoint("keyless", fine, api_key_env="NO_SUCH_KEY"),
                endpoint("refusing", refusing),
                endpoint("gone", gone),
                endpoint("empty", empty, "anthropic"),
                endpoint("fine", fine),
            )
            reply = await brain.submit("model_router", "answer", PROMPT)
    assert reply.responder == "fine"
    assert reply.failures == (
        Failure("keyless", "the environment variable NO_SUCH_KEY is not set"),
        Failure("refusing", "AuthenticationError (HTTP 401)"),
        Failure("gone", "APIConnectionError"),
        Failure("empty", "an empty answer"),
    )
    assert "sk-secret" not in reply.fell_back
    assert reply.fell_back.startswith("Answered by fine, because others could not (keyless: ")


@needs_sdks
async def test_when_every_endpoint_fails_the_embedded_responder_answers():
    """The last resort needs no network, and the reply says what did not work."""
    with serving(status=500) as server:
        async with Brain() as brain:
            await registered(brain, endpoint("broken", server))
            reply = await brain.submit("model_router", "answer", PROMPT)
    assert reply.responder == EMBEDDED
    assert reply.failures == (Failure("broken", "InternalServerError (HTTP 500)"),)
    assert "zip archive" in reply.text


@needs_sdks
@pytest.mark.feature("CB-56", "X-08")
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_streaming(provider):
    """Pieces come as the endpoint sends them, before the answer is whole, and the reply ends the stream."""
    gate = threading.Event()
    with serving(gate=gate) as server:
        async with Brain() as brain:
            await registered(brain, endpoint("here", server, provider))
            items = []
            async for item in brain.submit("model_router", "stream", PROMPT):
                items.append(item)
                gate.set()
    assert items[:3] == [Piece("Use ", "here"), Piece("`ZipFile`", "here"), Piece(" [1].", "here")]
    assert items[3].text == "Use `ZipFile` [1]."
    assert len(items) == 4


@needs_sdks
@pytest.mark.feature("CB-56")
@pytest.mark.parametrize("provider", ["openai", "ollama", "anthropic"])
async def test_a_stream_that_breaks_off_begins_anew(provider):
    """Pieces of an endpoint that breaks off are followed by another's, whose name says that the first are void."""
    with serving(break_after=2) as broken, serving(words=("Whole.",)) as fine:
        async with Brain() as brain:
            await registered(brain, endpoint("broken", broken, provider), endpoint("fine", fine))
            items = [item async for item in brain.submit("model_router", "stream", PROMPT)]
    reply = items[-1]
    assert (reply.text, reply.responder) == ("Whole.", "fine")
    assert reply.failures == (Failure("broken", "BrokenOffError"),)
    assert items[0] == Piece("Use ", "broken")
    assert items[-2] == Piece("Whole.", "fine")


@needs_sdks
@pytest.mark.feature("CB-56")
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_an_answer_without_end_is_broken_off(provider):
    """A model that writes on far beyond what it was allowed is a failure like others, and is hung up on."""
    with serving(words=("on and on " * 100,) * 5_000) as server:
        async with Brain() as brain:
            await registered(brain, endpoint("endless", server, provider, max_output_tokens=100))
            reply = await brain.submit("model_router", "answer", PROMPT)
            assert await brain.to_thread(server.hung_up.wait, 5)
    assert reply.responder == EMBEDDED
    assert reply.failures == (Failure("endless", "EndlessAnswerError"),)


@needs_sdks
@pytest.mark.feature("U-3")
async def test_cancelling_the_task_hangs_up():
    """A cancelled answer ends its request: the server sees the connection go."""
    gate = threading.Event()
    with serving(gate=gate) as server:
        async with Brain() as brain:
            await registered(brain, endpoint("here", server))
            task = brain.submit("model_router", "stream", PROMPT)
            async for _ in task:
                break
            assert task.cancel("not wanted any more")
            with pytest.raises(TaskCancelledError):
                await task
            assert await brain.to_thread(server.hung_up.wait, 5)


def test_a_missing_sdk_is_refused_at_the_door(monkeypatch):
    """A configured endpoint without its SDK raises at once what to install, before any work is sent."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"companion-async\[llm\]"):
        ModelRouter(ModelSettings(endpoints=(Endpoint(name="a", model="m"),)))


def test_no_key_is_ever_shown():
    """Neither the settings nor a connection's repr hold the key."""
    settings = ModelSettings(endpoints=(Endpoint(name="a", model="m", api_key_env="MY_KEY"),))
    assert "MY_KEY" in repr(settings)
    if importlib.util.find_spec("openai") is not None:
        router = ModelRouter(settings, env={"MY_KEY": "sk-hunter2"})
        router.start()
        assert "hunter2" not in f"{router!r}{router._connections!r}{vars(router._connections['a'])!r}"
