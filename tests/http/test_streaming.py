"""A stream as it is made, before any server has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import anyio
import pytest

from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.http.api import Api
from companion_async.http.events import GATHER, HEARTBEAT
from companion_async.http.operations import OPERATIONS
from companion_async.http.request import Request
from companion_async.testing.clock import settle

pytestmark = pytest.mark.feature("X-12")

EVENTS = next(operation for operation in OPERATIONS if operation.name == "events")


async def nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def stream_of(api: Api, kinds: str = "module.*"):
    request = Request(
        method="GET",
        path="/api/events",
        query=f"kinds={kinds}",
        params={},
        headers={"host": "localhost"},
        chunks=nothing,
    )
    answer = await api.handle(EVENTS, request)
    assert answer.status == 200
    assert not isinstance(answer.body, bytes)
    assert (await anext(answer.body)).startswith(b"retry")
    return answer.body


@pytest.fixture
async def brain(virtual_clock):
    async with Brain(BrainConfig(plugins=False), clock=virtual_clock) as brain:
        await brain.register("m", lambda: None)
        yield brain


async def test_what_happens_together_is_sent_together(brain, virtual_clock):
    """The first event goes at once, those of the next moment in one piece at its end."""
    stream = await stream_of(Api(brain, virtual_clock))
    coming = asyncio.ensure_future(anext(stream))
    await virtual_clock.advance(GATHER)
    brain.pause("m")
    assert b"module.paused" in await coming
    coming = asyncio.ensure_future(anext(stream))
    await settle()
    brain.resume("m")
    brain.pause("m")
    await settle()
    assert not coming.done()
    await virtual_clock.advance(GATHER)
    assert (await coming).count(b"event: ") == 2
    await stream.aclose()


async def test_closing_ends_a_stream_of_a_brain_that_goes_on(brain, virtual_clock):
    """The signal alone is enough: nothing has to happen, and the brain need not end."""
    api = Api(brain, virtual_clock)
    stream = await stream_of(api)
    ending = asyncio.ensure_future(anext(stream))
    await virtual_clock.advance(GATHER)
    assert not ending.done()
    api.close()
    with anyio.fail_after(30):
        assert b"event: end" in await ending
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert brain.phase == "running"
    refused = await api.handle(EVENTS, Request(**_fields()))
    assert refused.status == 503


async def test_a_stream_that_is_never_read_lets_go_of_its_place(brain, virtual_clock):
    """An answer that is closed before its first piece is no reader any more."""
    api = Api(brain, virtual_clock)
    answer = await api.handle(EVENTS, Request(**_fields()))
    assert api.replay.readers == 1
    assert not isinstance(answer.body, bytes)
    await answer.body.aclose()
    assert api.replay.readers == 0


async def test_silence_is_broken_by_a_sign_of_life(brain, virtual_clock):
    """Where nothing happens that is wanted, the place to come back to is sent all the same, and no event."""
    stream = await stream_of(Api(brain, virtual_clock), "lock.deadlock")
    coming = asyncio.ensure_future(anext(stream))
    await settle()
    brain.pause("m")
    await virtual_clock.advance(HEARTBEAT + GATHER)
    sign = (await coming).decode()
    assert sign.startswith(": ")
    assert "event:" not in sign
    assert int(sign.rstrip().rpartition("-")[2]) >= 1
    await stream.aclose()


def _fields():
    return {
        "method": "GET",
        "path": "/api/events",
        "query": "",
        "params": {},
        "headers": {"host": "localhost"},
        "chunks": nothing,
    }
