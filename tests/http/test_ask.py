"""Questions over HTTP: whole, as they come, and given up."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import anyio
import httpx2
import pytest

from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig, KnowledgeSettings
from tests.http.servers import KINDS, a_brain, client_of, on_loopback
from tests.http.test_events import Listener

pytestmark = pytest.mark.feature("CB-56", "CB-57")


@asynccontextmanager
async def a_companion(tmp_path):
    (tmp_path / "tea.md").write_text("# Tea\n\nGreen tea is brewed with water of 70 degrees.\n")
    knowledge = KnowledgeSettings(documents=(str(tmp_path),))
    async with CompanionBrain(CompanionConfig(plugins=False, knowledge=knowledge, default_timeout=None)) as brain:
        await brain.learn()
        yield brain


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_has_its_sources_and_who_gave_it(kind, tmp_path):
    """`answer`, `sources` with title, location and excerpt, `responder`; within a conversation what was said counts."""
    async with a_companion(tmp_path) as brain, client_of(kind, brain) as client:
        asked = {"question": "How hot is the water for green tea?", "conversation": "c1"}
        answer = await client.post("/api/ask", json=asked)
        assert answer.status_code == 200
        told = answer.json()["data"]
        assert "70 degrees" in told["answer"]
        assert set(told["sources"][0]) == {"title", "location", "excerpt"}
        assert told["responder"] == "embedded-extractive"
        assert [turn.role for turn in await brain.history("c1")] == ["user", "assistant"]
        for wrong in ({"question": ""}, {"question": "  "}, {"question": "x" * 20_001}, {"question": 1}, {}):
            assert (await client.post("/api/ask", json=wrong)).status_code == 422, wrong


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_comes_in_pieces_and_then_whole(kind, tmp_path):
    """With `stream` the pieces come as events, and at the end the answer as it is given without."""
    async with (
        a_companion(tmp_path) as brain,
        on_loopback(kind, brain) as url,
        httpx2.AsyncClient(timeout=60) as client,
    ):
        asked = {"question": "How hot is the water for green tea?", "stream": True}
        async with client.stream("POST", f"{url}/api/ask", json=asked) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            heard = await Listener(answer.aiter_lines()).all()
        assert {name for name, _ in heard[:-1]} == {"piece"}
        name, told = heard[-1]
        assert name == "answer"
        assert "".join(data["text"] for _, data in heard[:-1]) == told["answer"]
        assert {data["responder"] for _, data in heard} == {told["responder"]}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stream_that_fails_ends_with_an_error_that_tells_nothing(kind, tmp_path, monkeypatch):
    """The last event is `error` with a code and an id."""

    async def broken(question, *, conversation=None):
        raise ValueError("the secret text")
        yield

    async with (
        a_companion(tmp_path) as brain,
        on_loopback(kind, brain) as url,
        httpx2.AsyncClient(timeout=60) as client,
    ):
        monkeypatch.setattr(brain, "stream", broken)
        async with client.stream("POST", f"{url}/api/ask", json={"question": "?", "stream": True}) as answer:
            ((name, error),) = await Listener(answer.aiter_lines()).all()
        assert (name, error["code"], "secret" in str(error)) == ("error", "internal_error", False)


async def test_a_bare_brain_cannot_be_asked():
    """Without the built-in modules there is nobody to ask, and the answer says so."""
    async with a_brain() as brain, client_of("serve", brain) as client:
        answer = await client.post("/api/ask", json={"question": "?"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (501, "no_companion")


@pytest.mark.parametrize("kind", ["serve", "fastapi"])
@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_nobody_waits_for_is_given_up(kind, stream, tmp_path, monkeypatch):
    """When the client goes, what is done for it alone is cancelled."""
    begun, given_up = asyncio.Event(), asyncio.Event()

    async def forever():
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            given_up.set()

    async def ask(question, *, conversation=None):
        await forever()

    async def come(question, *, conversation=None):
        await forever()
        yield

    async with a_companion(tmp_path) as brain, on_loopback(kind, brain) as url:
        monkeypatch.setattr(brain, "ask", ask)
        monkeypatch.setattr(brain, "stream", come)
        async with httpx2.AsyncClient(timeout=60) as client:
            asking = asyncio.create_task(client.post(f"{url}/api/ask", json={"question": "?", "stream": stream}))
            await begun.wait()
            asking.cancel()
            await asyncio.wait([asking])
        with anyio.fail_after(30):
            await given_up.wait()
