"""What would go wrong with a page beside the work: foreign doors, readers that do not read, floods, secrets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import anyio
import pytest

from companion_async.clock import SystemClock
from companion_async.events.kinds import TaskCompleted, TaskStarted, utc
from companion_async.http import asgi
from companion_async.http.access import Role
from companion_async.http.api import Api
from companion_async.http.asgi import Application
from companion_async.http.events import EventsQuery, events
from companion_async.http.operation import Call
from companion_async.http.operations import OPERATIONS
from companion_async.http.request import Request
from tests.http.servers import GUARDED, OPERATOR, READER, a_brain, client_of

pytestmark = pytest.mark.feature("X-12")


async def no_chunks() -> AsyncIterator[bytes]:
    yield b""


SECRET = "hunter2-the-password"


async def test_there_is_no_websocket_to_be_opened_from_elsewhere():
    """The page has no use for one: an upgrade is closed before it is accepted."""
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async with a_brain() as brain:
        scope = {"type": "websocket", "path": "/api/events", "headers": [(b"origin", b"http://evil.example")]}
        await Application(Api(brain))(scope, receive, send)
    assert [message["type"] for message in said] == ["websocket.close"]


async def test_a_client_that_stops_reading_is_given_up_and_nobody_else_notices(monkeypatch):
    """Its stream is ended once a piece could not be sent for a while; meanwhile others are answered."""
    monkeypatch.setattr(asgi, "STALLED", 0.05)
    sent: list[Any] = []
    never = asyncio.Event()

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) > 2:
            await never.wait()

    async def receive() -> Any:
        if not received:
            received.append(1)
            return {"type": "http.request"}
        await never.wait()
        return None

    received: list[int] = []
    async with a_brain() as brain:
        api = Api(brain)
        headers = [(b"host", b"localhost")]
        scope = {"type": "http", "method": "GET", "path": "/api/events", "query_string": b"", "headers": headers}
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                group.start_soon(Application(api), scope, receive, send)
                while api.replay.readers or not sent:
                    await brain.submit("echo")
        assert api.replay.readers == 0
        # Without the message that ends a response: the server closes the connection.
        assert sent[-1].get("more_body")
        api.close()


@pytest.mark.slow
@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_ten_thousand_events_a_second_do_not_make_the_loop_late():
    """With the task stream asked for twice a second and a reader of all events, the loop stays within 50 ms."""
    clock = SystemClock()
    async with a_brain() as brain:
        api = Api(brain)
        request = Request(
            method="GET", path="/api/events", query="", params={}, headers={}, chunks=no_chunks, server=None
        )
        stream = await events(Call(api, request, Role.OPERATOR, EventsQuery(), None))
        body = stream.body
        assert isinstance(body, AsyncGenerator)
        late: list[float] = []
        told = [0, 0]

        async def read() -> None:
            async for chunk in body:
                told[1] += chunk.count(b"\nevent: ")

        async def ask() -> None:
            cursor = None
            while True:
                picture = api.runs.picture(cursor, 1000)
                cursor = picture.cursor
                told[0] += len(picture.runs) + picture.left_out
                await clock.sleep(0.5)

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            group.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            began, published = clock.monotonic(), 0
            while clock.monotonic() - began < 5:
                due = clock.monotonic()
                while published < (due - began) * 10_000:
                    now = utc(clock.time())
                    name = f"t-{published}"
                    brain.events.publish(TaskStarted(name, "echo", "core", now, worker="companion-core-1"))
                    brain.events.publish(TaskCompleted(name, "echo", "core", now, 1, 0.0001))
                    published += 2
                asked = clock.monotonic()
                await clock.sleep(0.01)
                late.append(clock.monotonic() - asked - 0.01)
            await clock.sleep(1)
            group.cancel_scope.cancel()
        late.sort()
        assert published > 45_000
        assert told[0] == published // 2
        assert late[int(len(late) * 0.99)] < 0.05, late[-5:]
        api.close()


async def test_no_secret_of_a_task_leaves_the_process():
    """Arguments, texts of errors and stacks are told to operators only, and only where they may see them."""

    def leaks(password: str) -> None:
        raise ValueError(f"cannot log in with {password}")

    async with a_brain(**GUARDED) as brain, client_of("serve", brain) as client:
        await brain.register("leaking", leaks)
        await client.get("/api/threads/runs", headers=READER)
        task = brain.submit("leaking", "run", SECRET)
        with pytest.raises(ValueError, match=SECRET):
            await task
        paths = [
            each.path for each in OPERATIONS if each.method == "GET" and not each.streams and "file" not in each.path
        ]
        for path in paths:
            filled = path.replace("{name}", "leaking").replace("{task_id}", task.id)
            for headers in (READER, OPERATOR):
                answer = await client.get(filled, headers=headers)
                assert SECRET not in answer.text, (filled, headers)
        detail = (await client.get(f"/api/tasks/{task.id}", headers=OPERATOR)).json()["data"]
        assert (detail["error"]["type"], detail["error"]["id"]) == ("ValueError", task.id)
