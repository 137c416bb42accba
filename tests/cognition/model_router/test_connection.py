from __future__ import annotations

import importlib.util
import subprocess
import sys
from contextlib import aclosing

import anyio
import pytest

from companion_async.cognition.model_router.connection import KeyMissingError, check_installed, connect
from companion_async.cognition.model_router.prompt import Passage, Prompt, compose
from companion_async.cognition.model_router.reply import Usage
from companion_async.cognition.model_router.settings import Endpoint
from companion_async.errors import MissingExtraError
from tests.cognition.model_router.model_server import serving

pytestmark = [
    pytest.mark.feature("CB-40"),
    pytest.mark.skipif(
        any(importlib.util.find_spec(sdk) is None for sdk in ("openai", "anthropic")),
        reason="the extra llm is not installed",
    ),
]

PROMPT = compose(Prompt("How?", (Passage("zipfile", "zipfile", "Read zip files."),)), 1000)
PROVIDERS = ["openai", "ollama", "anthropic"]


def endpoint(server, provider, **more):
    base_url = server.url if provider == "anthropic" else f"{server.url}/v1"
    return Endpoint(name="here", model="m-1", provider=provider, base_url=base_url, retries=0, **more)


async def collected(connection):
    try:
        async with aclosing(connection.pieces(PROMPT)) as pieces:
            return [piece async for piece in pieces]
    finally:
        await connection.close()


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.feature("CB-56")
async def test_an_answer_comes_in_pieces_with_its_usage(provider):
    """Every provider's stream arrives word by word, followed by the tokens that the provider counted."""
    with serving() as server:
        items = await collected(connect(endpoint(server, provider)))
    assert items == ["Use ", "`ZipFile`", " [1].", Usage(11, 3)]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_the_request_is_what_the_provider_expects(provider):
    """Model, limit, rules and question stand where each protocol wants them."""
    with serving() as server:
        await collected(connect(endpoint(server, provider, max_output_tokens=77)))
    (request,) = server.requests
    body = request["body"]
    assert (body["model"], body["stream"], body["max_tokens"]) == ("m-1", True, 77)
    assert body["messages"][-1]["role"] == "user"
    assert "Question: How?" in body["messages"][-1]["content"]
    if provider == "anthropic":
        assert request["path"] == "/v1/messages"
        assert "numbered passages" in body["system"]
    else:
        assert request["path"] == "/v1/chat/completions"
        assert body["messages"][0]["role"] == "system"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_the_named_key_is_sent_and_no_other(provider, monkeypatch):
    """The key of the named variable is sent; a provider's own key in the environment goes to no other address."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-provider")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-provider")
    with serving() as server:
        await collected(connect(endpoint(server, provider, api_key_env="BOX_KEY"), {"BOX_KEY": "sk-box"}))
        await collected(connect(endpoint(server, provider)))
    named, unnamed = (str(request["headers"]) for request in server.requests)
    assert "sk-box" in named
    assert "sk-provider" not in named + unnamed


def test_a_missing_key_is_told_by_its_variable():
    """An endpoint whose key is not set cannot be connected, and the variable is named."""
    with pytest.raises(KeyMissingError, match="OPENAI_API_KEY"):
        connect(Endpoint(name="a", model="m"), {"OPENAI_API_KEY": " "})


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.feature("CB-56")
async def test_leaving_the_stream_ends_the_request(provider):
    """A reader that leaves after the first piece hangs up on the server."""
    import threading

    gate = threading.Event()
    with serving(gate=gate) as server:
        connection = connect(endpoint(server, provider))
        async with aclosing(connection.pieces(PROMPT)) as pieces:
            assert await anext(pieces) == "Use "
        await connection.close()
        assert await anyio.to_thread.run_sync(server.hung_up.wait, 5)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_refusal_is_an_error(provider):
    """A server that refuses raises the SDK's error, which carries the HTTP status."""
    with serving(status=401) as server:
        connection = connect(endpoint(server, provider))
        with pytest.raises(Exception) as caught:
            await collected(connection)
    assert getattr(caught.value, "status_code", None) == 401


def test_a_missing_sdk_names_the_extra(monkeypatch):
    """Where the SDK is not installed the error says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'companion-async\[llm\]'"):
        check_installed((Endpoint(name="a", model="m"),))


def test_no_sdk_is_imported_before_it_is_needed():
    """Importing the connection leaves both SDKs, which take seconds, alone."""
    code = (
        "import sys; import companion_async.cognition.model_router.connection; "
        "sys.exit('openai' in sys.modules or 'anthropic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
