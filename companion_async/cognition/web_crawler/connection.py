"""One request and its answer: no cookies, no credentials, no proxy, no redirect. Needs the extra ``web``."""

from __future__ import annotations

from typing import Any

import httpcore2
import httpx2
import msgspec

from companion_async.cognition.web_crawler.address import parse_networks
from companion_async.cognition.web_crawler.network import GuardedBackend, NotPublicError
from companion_async.cognition.web_crawler.page import BlockedAddressError, FetchError
from companion_async.cognition.web_crawler.settings import CrawlerSettings
from companion_async.cognition.web_crawler.unpacking import (
    ACCEPTED,
    Body,
    BrokenBodyError,
    TooLargeError,
    UnknownEncodingError,
)

_PHASE = 10.0  # seconds without a byte


class Answer(msgspec.Struct, frozen=True):
    """What a server said. The headers have lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes
    from_cache: bool = False


class Connection:
    """Asks servers. Made in any thread, used and closed on the loop."""

    def __init__(self, settings: CrawlerSettings) -> None:
        tls = httpx2.create_ssl_context(trust_env=False)
        transport = httpx2.AsyncHTTPTransport(trust_env=False, verify=tls)
        # The pool's own backend is chosen as it is first used; this is the one seam that knows the address before it
        # is connected to.
        transport._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=GuardedBackend(parse_networks(settings.allow_addresses)),
        )
        self._transport: httpx2.AsyncBaseTransport = transport
        if settings.cache is not None:
            from hishel import AsyncSqliteStorage, CacheOptions
            from hishel.httpx2 import AsyncCacheTransport

            self._transport = AsyncCacheTransport(
                transport,
                storage=AsyncSqliteStorage(database_path=settings.cache, max_stream_size=settings.page_bytes),
                rfc=CacheOptions(shared=False),
            )
        self._headers = {
            "user-agent": settings.user_agent,
            "accept": "text/html,application/xhtml+xml,text/plain;q=0.8,*/*;q=0.1",
            "accept-encoding": ACCEPTED,
        }

    async def get(self, url: str, most: int, wanted: Any = None, cut: bool = False) -> Answer:
        """Ask for ``url`` and take at most ``most`` bytes; where ``wanted(headers)`` raises, none of them. What is
        longer is too large, or the beginning of it is taken (``cut``).

        `FetchError` for what is not had. Cancelled, it lets go of the connection.
        """
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), _PHASE)
        try:
            request = httpx2.Request("GET", url, headers=self._headers, extensions={"timeout": timeouts})
            response = await self._transport.handle_async_request(request)
            try:
                headers = {name.lower(): value for name, value in response.headers.items()}
                if wanted is not None:
                    wanted(response.status_code, headers)
                body = Body(headers.get("content-encoding", ""), most)
                try:
                    async for chunk in response.aiter_raw():
                        body.take(chunk)
                except TooLargeError:
                    if not cut:
                        raise
                    return Answer(response.status_code, headers, body.beginning())
                caching = response.extensions.get("caching")
                from_cache = bool(caching and caching["from_cache"])
                return Answer(response.status_code, headers, body.whole(), from_cache)
            finally:
                await response.aclose()
        except NotPublicError:
            raise BlockedAddressError(url) from None
        except TooLargeError:
            raise FetchError(url, "too_large", f"it is longer than {most:,} bytes") from None
        except UnknownEncodingError:
            raise FetchError(url, "encoding", "it is packed in a way that was not asked for") from None
        except BrokenBodyError:
            raise FetchError(url, "encoding", "what was sent is damaged") from None
        except (httpx2.TimeoutException, httpcore2.TimeoutException):
            raise FetchError(url, "timeout", f"its server was silent for {_PHASE:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            # The kind alone: the text of an error can tell the address that a name stands for.
            raise FetchError(url, "network", f"{type(error).__name__}") from None

    async def close(self) -> None:
        """Let go of the sockets, and of the cache's file."""
        await self._transport.aclose()
