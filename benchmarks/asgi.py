"""Calling an ASGI application as a server does, without sockets and the parsing of a client, the same for all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Get = Callable[[str], Awaitable[None]]


def getter(app: Any) -> Get:
    """What calls the application with a GET for a path, and raises when the answer is not a good one."""

    async def get(path: str) -> None:
        answered: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answered.append(message["status"])

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
        }
        await app(scope, receive, send)
        if answered != [200]:
            raise RuntimeError(f"{path} answered {answered}")

    return get
