"""What goes back: an envelope of JSON, a page, or a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import msgspec

JSON = "application/json"
EVENT_STREAM = "text/event-stream"

_ALWAYS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_STREAMED = {"cache-control": "no-store, no-transform", "x-accel-buffering": "no"}


class Answer(msgspec.Struct, frozen=True, eq=False):
    """A status, headers with lower-case names, and a body, whole or in chunks as they come.

    ``closing``: the connection cannot be used again, since the body of the request was not read to its end.
    """

    status: int
    body: bytes | AsyncGenerator[bytes, None]
    media: str = JSON
    headers: Mapping[str, str] = {}
    closing: bool = False

    def all_headers(self) -> dict[str, str]:
        """Those of every answer under those of this one."""
        streamed = {} if isinstance(self.body, bytes) else _STREAMED
        return {**_ALWAYS, **streamed, **self.headers, "content-type": self.media}


def success(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """``{"success": true, "data": ...}``."""
    return Answer(status, msgspec.json.encode({"success": True, "data": data}), headers=headers or {})


def failure(
    status: int,
    code: str,
    message: str,
    error_id: str,
    *,
    headers: Mapping[str, str] | None = None,
    closing: bool = False,
) -> Answer:
    """``{"success": false, "error": {"code", "message", "id"}}``."""
    error = {"code": code, "message": message, "id": error_id}
    body = msgspec.json.encode({"success": False, "error": error})
    return Answer(status, body, headers=headers or {}, closing=closing)
