"""Connections to public addresses only. Needs the extra ``web``."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

import httpcore2

from companion_async.cognition.web_crawler.address import Network, is_allowed


class NotPublicError(Exception):
    """The host has an address that may not be connected to."""


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Looks a host up once, refuses it if any of its addresses is not allowed, and connects to one of just these.

    Whoever answers for a name may answer differently the next time, so what was checked is what is connected to. The
    name stays that of the URL for TLS and for the ``Host`` header.
    """

    def __init__(self, allowed: tuple[Network, ...]) -> None:
        self._allowed = allowed
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await self._look_up(host, port)
        if not addresses or not all(is_allowed(address, self._allowed) for address in addresses):
            raise NotPublicError
        error: Exception | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore2.ConnectError as failure:
                error = failure
        raise error or NotPublicError

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore2.AsyncNetworkStream:
        raise NotPublicError

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)

    async def _look_up(self, host: str, port: int) -> list[str]:
        """The host's addresses, each once. Looked up in a thread of the loop's own, none of the brain's."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError("the name could not be looked up") from error
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))
