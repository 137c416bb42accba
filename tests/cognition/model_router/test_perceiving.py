"""Pictures and sounds that are sent to models: by the wire formats, through the same faults as questions."""

from __future__ import annotations

import base64
import importlib.util
import threading
from contextlib import asynccontextmanager

import pytest

from companion_async.brain.brain import Brain
from companion_async.cognition.model_router.module import ModelRouter
from companion_async.cognition.model_router.prompt import LOOK, Medium, Prompt
from companion_async.cognition.model_router.reply import Failure, Usage
from companion_async.cognition.model_router.settings import EMBEDDED, Endpoint, ModelSettings
from companion_async.errors import InvalidArgumentError
from tests.cognition.model_router.model_server import serving

pytestmark = [
    pytest.mark.feature("CB-40", "CB-48"),
    pytest.mark.skipif(
        any(importlib.util.find_spec(sdk) is None for sdk in ("openai", "anthropic")),
        reason="the extra llm is not installed",
    ),
]

PICTURE = Medium("image/jpeg", b"\xff\xd8\xff a picture", tokens=1400)
SOUND = Medium("audio/flac", b"fLaC a sound")


def endpoint(name, server, *takes, provider="openai", **more):
    base_url = server.url if provider == "anthropic" else f"{server.url}/v1"
    options = {"retries": 0, **more}
    return Endpoint(name=name, model=f"{name}-model", provider=provider, base_url=base_url, takes=takes, **options)


@asynccontextmanager
async def routing(*endpoints, **options):
    settings = ModelSettings(endpoints=endpoints, **options)
    async with Brain() as brain:
        await brain.register("model_router", ModelRouter, factory=lambda: ModelRouter(settings, env={}))
        yield brain


@pytest.mark.parametrize("provider", ["openai", "ollama", "anthropic"])
async def test_a_picture_is_captioned_by_a_model_that_takes_images(provider):
    """It goes as each protocol wants it, with rules of its own; the reply says who wrote it and what it cost."""
    with serving(words=("A red ", "crane.")) as server:
        async with routing(endpoint("eyes", server, "image", provider=provider)) as brain:
            reply = await brain.submit("model_router", "caption", PICTURE)
    assert (reply.text, reply.responder, reply.model, reply.found) == ("A red crane.", "eyes", "eyes-model", True)
    assert (reply.kind, reply.usage, reply.failures) == ("image", Usage(11, 3), ())
    (request,) = server.requests
    body = request["body"]
    shown, words = body["messages"][-1]["content"]
    data = base64.b64encode(PICTURE.content).decode()
    assert words == {"type": "text", "text": "Describe this picture."}
    if provider == "anthropic":
        assert body["system"] == LOOK
        assert shown["source"] == {"type": "base64", "media_type": "image/jpeg", "data": data}
    else:
        assert body["messages"][0] == {"role": "system", "content": LOOK}
        assert shown == {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}


async def test_a_sound_is_transcribed_by_a_model_that_takes_audio():
    """It goes as a file with its name and type, with the name of the model."""
    with serving(words=("Good morning.",)) as server:
        async with routing(endpoint("ears", server, "audio")) as brain:
            reply = await brain.submit("model_router", "transcribe", SOUND)
    assert (reply.text, reply.responder, reply.kind, reply.usage) == ("Good morning.", "ears", "audio", Usage(11, 3))
    (request,) = server.requests
    assert request["path"] == "/v1/audio/transcriptions"
    assert b'filename="sound.flac"' in request["body"]
    assert b"Content-Type: audio/flac" in request["body"]
    assert SOUND.content in request["body"]
    assert b"ears-model" in request["body"]


async def test_where_nobody_speaks_the_transcript_is_empty():
    """No words are a finding; of a picture they are a failure."""
    with serving(words=("",)) as server:
        async with routing(endpoint("ears", server, "audio"), endpoint("eyes", server, "image")) as brain:
            heard = await brain.submit("model_router", "transcribe", SOUND)
            seen = await brain.submit("model_router", "caption", PICTURE)
    assert (heard.text, heard.responder, heard.found) == ("", "ears", True)
    assert (seen.found, seen.failures) == (False, (Failure("eyes", "an empty answer"),))


async def test_each_goes_only_to_those_who_take_it():
    """Text, pictures and sounds find their endpoints; one may take text and pictures; with none there is no answer."""
    with serving() as server:
        async with routing(
            endpoint("ears", server, "audio"),
            endpoint("talker", server, "text"),
            endpoint("both", server, "text", "image"),
        ) as brain:
            said = await brain.submit("model_router", "answer", Prompt("Hello!"))
            seen = await brain.submit("model_router", "caption", PICTURE)
            heard = await brain.submit("model_router", "transcribe", SOUND)
        async with routing(endpoint("ears", server, "audio")) as brain:
            unsaid = await brain.submit("model_router", "answer", Prompt("Hello!"))
            unseen = await brain.submit("model_router", "caption", PICTURE)
    assert [reply.responder for reply in (said, seen, heard)] == ["talker", "both", "ears"]
    assert (unsaid.responder, unsaid.failures) == (EMBEDDED, ())
    assert (unseen.text, unseen.responder, unseen.found, unseen.failures) == ("", "", False, ())


@pytest.mark.feature("CB-54")
@pytest.mark.parametrize(
    ("handler", "medium", "takes", "broken"),
    [
        ("caption", PICTURE, "image", ("BrokenOffError", "JSONDecodeError")),
        ("transcribe", SOUND, "audio", ("APIConnectionError", "NoAnswerError")),
    ],
)
async def test_faults_fall_back_and_are_told(handler, medium, takes, broken):
    """Refused, hanging, cut short or nonsense: the next is asked, and the reply names each that could not."""
    silence = threading.Event()
    with (
        serving(status=401) as refusing,
        serving(silence=silence) as hanging,
        serving(break_after=2) as cut,
        serving(garbage=True) as nonsense,
        serving(words=("Well.",)) as fine,
    ):
        async with routing(
            endpoint("refusing", refusing, takes),
            endpoint("hanging", hanging, takes, timeout=0.2),
            endpoint("cut", cut, takes),
            endpoint("nonsense", nonsense, takes),
            endpoint("fine", fine, takes),
        ) as brain:
            reply = await brain.submit("model_router", handler, medium)
    assert (reply.text, reply.responder) == ("Well.", "fine")
    reasons = {failure.endpoint: failure.reason for failure in reply.failures}
    assert list(reasons) == ["refusing", "hanging", "cut", "nonsense"]
    assert reasons["refusing"] == "AuthenticationError (HTTP 401)"
    assert reasons["hanging"] == "APITimeoutError"
    assert (reasons["cut"], reasons["nonsense"]) == broken
    assert "sk-secret" not in reply.fell_back


@pytest.mark.parametrize(
    ("handler", "medium", "takes"), [("caption", PICTURE, "image"), ("transcribe", SOUND, "audio")]
)
async def test_who_asks_for_patience_is_tried_again_and_then_left_alone(handler, medium, takes):
    """A refusal for now is retried as its endpoint says; after too many it is left alone, and so the reply says."""
    with serving(refusals=1, retry_after="0") as patient, serving(status=429, retry_after="60") as busy:
        async with routing(endpoint("patient", patient, takes, retries=1)) as brain:
            first = await brain.submit("model_router", handler, medium)
        async with routing(endpoint("busy", busy, takes, breaker_failures=1)) as brain:
            second = await brain.submit("model_router", handler, medium)
            third = await brain.submit("model_router", handler, medium)
    assert (first.responder, first.failures, len(patient.requests)) == ("patient", (), 2)
    assert second.failures == (Failure("busy", "RateLimitError (HTTP 429)"),)
    assert third.failures[0].reason.startswith("left alone for 60 s")
    assert len(busy.requests) == 1


async def test_a_picture_counts_in_the_budget_and_is_never_cached():
    """Its estimated size is held against what is left; two equal pictures are two calls."""
    with serving() as server:
        async with routing(endpoint("eyes", server, "image", tokens_per_hour=1_600), cache_size=10) as brain:
            replies = [await brain.submit("model_router", "caption", PICTURE) for _ in range(2)]
        async with routing(endpoint("eyes", server, "image", tokens_per_hour=1_000)) as brain:
            refused = await brain.submit("model_router", "caption", PICTURE)
    assert [reply.found for reply in replies] == [True, True]
    assert len(server.requests) == 2
    assert refused.failures == (Failure("eyes", "its budget of 1000 tokens an hour is used up"),)


@pytest.mark.parametrize(
    "given",
    [
        {"takes": ()},
        {"takes": ("smell",)},
        {"takes": ("text", "audio")},
        {"takes": ("audio",), "provider": "anthropic"},
    ],
)
def test_what_no_endpoint_takes_is_refused(given):
    """At the door, with what may stand there."""
    with pytest.raises(InvalidArgumentError, match="takes"):
        Endpoint(name="a", model="m", **given)
