"""A request as every framework can give it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping

import msgspec

Chunks = Callable[[], AsyncIterator[bytes]]


class Request(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What was asked, with the body still unread: ``chunks`` begins to read it.

    ``headers`` have lower-case names, values of one name joined by ``", "``. ``params`` are the variable parts of the
    path, decoded. ``server`` is the local end of the connection, None where it has none (a socket file, a test client).
    """

    method: str
    path: str
    query: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    chunks: Chunks
    server: str | None = None
    secure: bool = False
