"""What is sent: limited before it is read, checked before it is believed."""

from __future__ import annotations

import asyncio
import gzip

import httpx2
import pytest

from companion_async.http import decoding
from companion_async.http.decoding import LARGEST
from companion_async.http.request import Request
from tests.http.servers import GUARDED, KINDS, OPERATOR, a_brain, client_of, on_loopback

pytestmark = pytest.mark.feature("X-12")

JSON = {"content-type": "application/json"}


async def pieces(*chunks, told=None):
    for chunk in chunks:
        if told is not None:
            told.append(len(chunk))
        yield chunk


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_no_json_is_400(kind):
    """Malformed text, NaN, infinities, numbers that no float holds, half characters and endless nesting."""
    wrong = [
        b"{",
        b"",
        b'{"module": NaN}',
        b'{"module": "echo", "args": [Infinity]}',
        b'{"module": "echo", "args": [-Infinity]}',
        b'{"module": "echo", "timeout": 1e999}',
        b'{"module": "echo"} {}',
        b"{'module': 'echo'}",
        b'{"module": "\xff"}',
        b'{"module": "\\ud800"}',
        b'{"module": "echo", "args": ' + b"[" * 100_000,
    ]
    async with a_brain() as brain, client_of(kind, brain) as client:
        for body in wrong:
            answer = await client.post("/api/tasks", content=body, headers=JSON)
            expected = 422 if body == b"" else 400
            assert (answer.status_code, answer.json()["success"]) == (expected, False), body[:40]
        assert brain.tasks() == []


@pytest.mark.parametrize("kind", KINDS)
async def test_wrong_and_unknown_fields_are_422_in_our_own_form(kind):
    """Missing, unknown, wrong and dangerous fields: named in the answer, and nothing is submitted."""
    wrong = [
        {},
        [],
        {"module": 1},
        {"module": "echo", "owner": "me"},
        {"module": "echo", "args": {}},
        {"module": "echo", "kwargs": []},
        {"module": "echo", "priority": "URGENT"},
        {"module": "echo", "timeout": 0},
        {"module": "echo", "timeout": -1},
        {"module": "echo", "timeout": "soon"},
        {"module": "echo", "key": ""},
        {"module": "x" * 65},
        {"module": "echo", "kwargs": {"__class__": 1}},
        {"module": "echo", "kwargs": {"a b": 1}},
        {"module": "echo", "args": [1] * 100},
        {"module": "echo", "args": [2**80]},
    ]
    async with a_brain() as brain, client_of(kind, brain) as client:
        for body in wrong:
            answer = await client.post("/api/tasks", json=body)
            assert answer.status_code == 422, body
            assert set(answer.json()) == {"success", "error"}
            assert set(answer.json()["error"]) == {"code", "message", "id"}
        for query in (
            "limit=0",
            "limit=1000000000",
            "limit=-1",
            "limit=x",
            "state=lost",
            "colour=red",
            "limit=1&limit=2",
        ):
            assert (await client.get(f"/api/tasks?{query}")).status_code == 422, query
        assert (await client.get("/api/modules?x=1")).status_code == 422
        assert brain.tasks() == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_body_must_say_that_it_is_json(kind):
    """Forms, text, compressed bodies and bodies of no type are 415; what may be left out may be left out."""
    async with a_brain() as brain, client_of(kind, brain) as client:
        for headers in (
            {"content-type": "text/plain"},
            {"content-type": "application/x-www-form-urlencoded"},
            {"content-type": "multipart/form-data; boundary=x"},
            {"content-type": "application/jsonp"},
            {},
        ):
            answer = await client.post("/api/tasks", content=b'{"module": "echo"}', headers=headers)
            assert answer.status_code == 415, headers
        bomb = gzip.compress(b'{"module": "echo"' + b" " * 10_000_000 + b"}")
        packed = {**JSON, "content-encoding": "gzip"}
        assert (await client.post("/api/tasks", content=bomb, headers=packed)).status_code == 415
        kept = {"content-type": "Application/JSON; charset=utf-8"}
        assert (await client.post("/api/tasks", content=b'{"module": "echo"}', headers=kept)).status_code == 202
        assert (await client.post("/api/modules/echo/pause")).status_code == 200
        assert (await client.post("/api/modules/echo/resume", json={})).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
async def test_a_body_over_a_mebibyte_is_413(kind):
    """Whether its length was announced or not; one byte less is read."""
    filler = LARGEST - len(b'{"module": "echo"}')
    exact = b'{"module": "echo"' + b" " * filler + b"}"
    async with a_brain() as brain, client_of(kind, brain) as client:
        assert (await client.post("/api/tasks", content=exact, headers=JSON)).status_code == 202
        assert (await client.post("/api/tasks", content=exact + b" ", headers=JSON)).status_code == 413
        chunked = pieces(*[b" " * 65_536] * 17)
        assert (await client.post("/api/tasks", content=chunked, headers=JSON)).status_code == 413


@pytest.mark.parametrize("kind", ["serve", "fastapi"])
async def test_no_more_is_read_than_may_be_sent(kind):
    """Of a body without an end no more is taken than the limit; of a stranger's nothing at all."""
    told: list[int] = []
    async with a_brain(**GUARDED) as brain, client_of(kind, brain) as client:
        endless = pieces(*[b" " * 65_536] * 1000, told=told)
        assert (await client.post("/api/tasks", content=endless, headers={**JSON, **OPERATOR})).status_code == 413
        assert sum(told) <= LARGEST + 2 * 65_536
        told.clear()
        body = pieces(b'{"module": "echo"}', told=told)
        assert (await client.post("/api/tasks", content=body, headers=JSON)).status_code == 401
        assert told == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stranger_is_refused_before_the_body_is_asked_for(kind):
    """A client that asks whether to send its body is told 401, and not to go on."""
    async with a_brain(**GUARDED) as brain, on_loopback(kind, brain) as url:
        host, _, prefix = url.removeprefix("http://").partition("/")
        prefix = f"/{prefix}" if prefix else ""
        reader, writer = await asyncio.open_connection(*host.split(":"))
        head = f"POST {prefix}/api/tasks HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n".encode())
        assert b"401" in await reader.readline()
        writer.close()
        await writer.wait_closed()

        reader, writer = await asyncio.open_connection(*host.split(":"))
        body = b'{"module": "echo"}'
        told = f"{head}Authorization: {OPERATOR['authorization']}\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{told}Expect: 100-continue\r\n\r\n".encode())
        assert b"100" in await reader.readline()
        await reader.readline()
        writer.write(body)
        assert b"202" in await reader.readline()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_body_that_comes_too_slowly_is_408(kind, monkeypatch):
    """A client that begins its body and does not go on does not hold the request for ever."""
    monkeypatch.setattr(decoding, "PATIENCE", 0.05)
    async with a_brain() as brain, on_loopback(kind, brain) as url:
        host, _, prefix = url.removeprefix("http://").partition("/")
        reader, writer = await asyncio.open_connection(*host.split(":"))
        path = f"/{prefix}/api/tasks" if prefix else "/api/tasks"
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert b"408" in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_a_pause_of_ours_is_not_the_clients(monkeypatch):
    """A body that came while the process stood still, for longer than bodies may take, is read all the same."""
    monkeypatch.setattr(decoding, "PATIENCE", 0.1)

    async def paused():
        yield b"{"
        late = asyncio.get_running_loop().time() + 0.2
        while asyncio.get_running_loop().time() < late:
            """The loop stands still."""
        await asyncio.sleep(0)
        yield b"}"

    request = Request(method="POST", path="/", query="", params={}, headers={}, chunks=paused)
    assert await decoding.read_body(request) == b"{}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("headers", [b"X-%d: 1\r\n", b"X-Long: " + b"a" * 1000 + b"%d\r\n"], ids=["many", "long"])
async def test_headers_without_end_are_the_servers_to_refuse(kind, headers):
    """A hundred thousand of them are cut off with a refusal or the end of the connection, and others are answered."""
    async with a_brain() as brain, on_loopback(kind, brain) as url:
        host, _, prefix = url.removeprefix("http://").partition("/")
        prefix = f"/{prefix}" if prefix else ""
        reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(f"GET {prefix}/livez HTTP/1.1\r\nHost: {host}\r\n".encode())
        sent = 0
        try:
            for number in range(100_000):
                writer.write(headers % number)
                sent += 1
                if number % 100 == 0:
                    await writer.drain()
                    await asyncio.sleep(0)
                if reader.at_eof():
                    break
            answer = await reader.read()
        except ConnectionError:
            answer = b""
        assert sent < 100_000
        assert answer == b"" or answer.split()[1] in (b"400", b"431")
        writer.close()
        async with httpx2.AsyncClient(timeout=60) as client:
            assert (await client.get(f"{url}/livez")).status_code == 200
