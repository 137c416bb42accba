"""The interface behind ASGI: what `companion serve` runs, and what frameworks on ASGI hand their requests to."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from typing import Any

import anyio

from companion_async.http.answer import Answer
from companion_async.http.api import Api
from companion_async.http.operation import Operation
from companion_async.http.operations import OPERATIONS, methods_at
from companion_async.http.refusal import Refusal, answer_to
from companion_async.http.request import Request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

STALLED = 30.0
"""Seconds after which a reader that takes nothing is given up."""


class Application:
    """The interface alone, as an ASGI application."""

    def __init__(self, api: Api) -> None:
        self._api = api
        paths = dict.fromkeys(operation.path for operation in OPERATIONS)
        self._routes = [(re.compile(_pattern(path)), path) for path in paths]
        self._operations = {(operation.path, operation.method): operation for operation in OPERATIONS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] != "http":
            # How ASGI wants it said; servers then go on without.
            raise ValueError(f"this takes requests; {scope['type']!r} belongs to the application that serves it")
        for pattern, path in self._routes:
            if found := pattern.fullmatch(scope["path"]):
                operation = self._operations.get((path, scope["method"]))
                params = found.groupdict()
                if operation is None:
                    await refuse_method(self._api, path, scope, params, receive, send)
                else:
                    await serve(self._api, operation, scope, params, receive, send)
                return
        refusal: Exception = Refusal(404, "not_found", "There is nothing here.", closing=True)
        try:
            self._api.access.check_host(_request(scope, {}, _Inbound(receive)))
        except Refusal as foreign:
            refusal = foreign
        await _send(answer_to(refusal, expose=False), _Inbound(receive), send)


async def serve(
    api: Api, operation: Operation, scope: Scope, params: Mapping[str, str], receive: Receive, send: Send
) -> None:
    """Answer one request. A client that leaves ends what is done for it alone: a stream, or an answer being found."""
    inbound = _Inbound(receive)
    request = _request(scope, params, inbound)
    if not operation.streams:
        await _send(await api.handle(operation, request), inbound, send)
        return
    async with anyio.create_task_group() as group:
        group.start_soon(inbound.cancel_when_gone, group.cancel_scope)
        answer = await api.handle(operation, request)
        inbound.watched.set()
        await _send(answer, inbound, send)
        group.cancel_scope.cancel()


async def refuse_method(
    api: Api, path: str, scope: Scope, params: Mapping[str, str], receive: Receive, send: Send
) -> None:
    """Answer a request with a method that ``path`` does not have."""
    inbound = _Inbound(receive)
    await _send(await api.refuse_method(methods_at(path), _request(scope, params, inbound)), inbound, send)


class _Inbound:
    """What comes from the client: the chunks of its body, then perhaps the news that it is gone."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.watched = anyio.Event()
        """Set when nobody reads the body any more, so that the rest of what comes can be watched."""

    async def chunks(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Refusal(400, "disconnected", "The connection was closed.", closing=True)
            more = message.get("more_body", False)
            yield message.get("body", b"")
        self.watched.set()

    async def cancel_when_gone(self, scope: anyio.CancelScope) -> None:
        await self.watched.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        scope.cancel()


async def _send(answer: Answer, inbound: _Inbound, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.all_headers().items()]
    if isinstance(answer.body, bytes):
        headers.append((b"content-length", str(len(answer.body)).encode()))
    if answer.closing:
        headers.append((b"connection", b"close"))
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    if isinstance(answer.body, bytes):
        await send(start)
        await send({"type": "http.response.body", "body": answer.body})
    else:
        await _send_chunks(start, answer.body, send)


async def _send_chunks(start: dict[str, Any], body: AsyncGenerator[bytes, None], send: Send) -> None:
    async with aclosing(body) as chunks:
        await send(start)
        async for chunk in chunks:
            with anyio.move_on_after(STALLED) as patience:
                try:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                except OSError:
                    return
            if patience.cancelled_caught:
                return  # without the end: the server closes a connection whose response is not complete
    await send({"type": "http.response.body", "body": b""})


def _request(scope: Scope, params: Mapping[str, str], inbound: _Inbound) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    server = scope.get("server")
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        params=params,
        headers=headers,
        chunks=inbound.chunks,
        server=server[0] if server else None,
        secure=scope.get("scheme") == "https",
    )


def _pattern(path: str) -> str:
    """The regular expression of a path template."""
    pattern = ""
    for part in re.split(r"(\{[^}]*\})", path):
        name, _, kind = part.strip("{}").partition(":")
        pattern += f"(?P<{name}>{'.+' if kind == 'path' else '[^/]+'})" if part.startswith("{") else re.escape(part)
    return pattern
