"""The event stream, over real connections."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest

from companion_async.http import events, replay
from tests.http.servers import GUARDED, KINDS, OPERATOR, READER, a_brain, on_loopback

pytestmark = pytest.mark.feature("X-12")


class Listener:
    """A client of the stream; each event as (name, data, id)."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last_id = ""

    async def next(self) -> tuple[str, dict[str, Any]]:
        name, data = "", None
        async for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "id":
                self.last_id = value
            elif field == "event":
                name = value
            elif field == "data":
                data = json.loads(value)
            elif not line and data is not None:
                return name, data
        raise EOFError

    async def all(self) -> list[tuple[str, dict[str, Any]]]:
        found = []
        try:
            while True:
                found.append(await self.next())
        except EOFError:
            return found


@asynccontextmanager
async def listening(url: str, kinds: str = "*", **headers: str) -> AsyncIterator[Listener]:
    async with (
        httpx2.AsyncClient(timeout=60) as client,
        client.stream("GET", f"{url}/api/events", params={"kinds": kinds}, headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        listener = Listener(lines)
        async for line in lines:  # the greeting: from here on everything is heard
            listener.last_id = line.removeprefix("id: ") if line.startswith("id: ") else listener.last_id
            if not line:
                break
        yield listener


@pytest.mark.parametrize("kind", KINDS)
async def test_events_come_in_order_soon_and_with_what_they_are_about(kind):
    """The dotted kind, one line of JSON with task and module, in the order of what happened, within 250 ms."""
    async with a_brain() as brain, on_loopback(kind, brain) as url, listening(url, "task.*,module.paused") as listener:
        began = time.monotonic()
        task = brain.submit("echo")
        heard = [await listener.next() for _ in range(3)]
        assert time.monotonic() - began < events.HEARTBEAT
        assert [name for name, _ in heard] == ["task.queued", "task.started", "task.completed"]
        assert {(data["task_id"], data["module"], data["kind"]) for _, data in heard} == {
            (task.id, "echo", name) for name, _ in heard
        }
        brain.pause("echo")
        assert (await listener.next())[0] == "module.paused"


def test_what_happens_together_goes_within_a_quarter_of_a_second():
    """Events are gathered for less than the time within which they are promised."""
    assert 0 < events.GATHER < 0.25


@pytest.mark.parametrize("kind", KINDS)
async def test_who_comes_back_misses_nothing(kind):
    """With Last-Event-ID the stream goes on where it broke off; of an unknown place that is said."""
    async with a_brain() as brain, on_loopback(kind, brain) as url:
        async with listening(url, "task.completed") as listener:
            await brain.submit("echo")
            await listener.next()
            last = listener.last_id
        missed = [brain.submit("echo", "run", number) for number in range(5)]
        for task in missed:
            await task
        async with listening(url, "task.completed", **{"last-event-id": last}) as listener:
            heard = [(await listener.next())[1]["task_id"] for _ in missed]
            assert sorted(heard) == sorted(task.id for task in missed)  # they ran side by side
        for unknown in ("elsewhere-3", "x", f"{last}9999"):
            async with (
                httpx2.AsyncClient(timeout=60) as client,
                client.stream("GET", f"{url}/api/events", headers={"last-event-id": unknown}) as answer,
            ):
                assert await Listener(answer.aiter_lines()).next() == ("dropped", {"count": None})


@pytest.mark.parametrize("kind", KINDS)
async def test_streams_end_on_our_signal(kind):
    """Closing ends every stream with an `end` event after what is still to be told, and opens no more."""
    async with (
        a_brain() as brain,
        on_loopback(kind, brain) as url,
        listening(url) as first,
        listening(url, "task.*") as second,
    ):
        await brain.submit("echo")
        await brain.shutdown()
        for listener in (first, second):
            heard = [name for name, _ in await listener.all()]
            assert heard[-1] == "end"
            assert "task.completed" in heard


@pytest.mark.parametrize("kind", KINDS)
async def test_no_text_of_an_error_is_in_the_stream(kind):
    """Failures carry type, id and time; the text is for operators, and only where the config says so."""
    kinds = "task.failed,task.retrying,module.error"
    async with (
        a_brain(expose_errors=True, failure_threshold=1, **GUARDED) as brain,
        on_loopback(kind, brain) as url,
        listening(url, kinds, **READER) as reader,
        listening(url, kinds, **OPERATOR) as operator,
    ):
        with pytest.raises(ValueError, match="secret"):
            await brain.submit("bad", retry=2)
        for listener, sees in ((reader, False), (operator, True)):
            heard: dict[str, dict[str, Any]] = {}
            while set(heard) != set(kinds.split(",")):
                name, data = await listener.next()
                heard[name] = data
            for name, data in heard.items():
                assert {"type", "id", "timestamp"} <= set(data["error"]), name
                assert ("secret" in json.dumps(data)) is (sees and name != "module.error")
            assert heard["task.failed"]["error"]["type"] == "ValueError"
            assert heard["task.failed"]["error"]["id"] == heard["task.failed"]["task_id"]


async def test_a_kind_that_there_is_not_is_422():
    """A pattern that matches nothing is a mistake of whoever asks, and says which kinds there are."""
    async with a_brain() as brain, on_loopback("serve", brain) as url, httpx2.AsyncClient(timeout=60) as client:
        for kinds in ("task", "task.*,none", "*.completed", "x" * 2000, "task.*,,"):
            assert (await client.get(f"{url}/api/events", params={"kinds": kinds})).status_code == 422, kinds


async def test_too_many_streams_are_429(monkeypatch):
    """The number of readers is bounded, and whoever is refused is told when to come back."""
    monkeypatch.setattr(replay, "MOST_READERS", 1)
    async with a_brain() as brain, on_loopback("serve", brain) as url, httpx2.AsyncClient(timeout=60) as client:
        async with listening(url):
            answer = await client.get(f"{url}/api/events")
            assert answer.status_code == 429
            assert int(answer.headers["retry-after"]) > 0
        await until_let_go(brain, url)
        async with listening(url):
            pass


@pytest.mark.parametrize("kind", KINDS)
async def test_a_reader_that_has_gone_is_let_go(kind):
    """When its connection is closed the server reads no more for it."""
    async with a_brain() as brain, on_loopback(kind, brain) as url:
        async with listening(url):
            assert await streams(url) == 1
        await until_let_go(brain, url)


async def streams(url: str) -> int:
    async with httpx2.AsyncClient(timeout=60) as client:
        figures = (await client.get(f"{url}/metrics")).text
    return int(float(figures.split("\ncompanion_event_streams ")[1].split()[0]))


async def until_let_go(brain, url: str) -> None:
    with anyio.fail_after(30):
        while await streams(url):
            await brain.submit("echo")  # a server that is told nothing of it finds out as it writes
