"""How far a crawler goes, how politely, and how much it takes."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from companion_async.cognition.web_crawler.address import parse_networks
from companion_async.errors import InvalidArgumentError
from companion_async.security import check_count, check_seconds

Scope = Literal["host", "path", "any"]
SCOPES = ("host", "path", "any")
_MIB = 1024 * 1024


class CrawlerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``user_agent``: how it names itself, to servers and in robots.txt. ``timeout``: seconds for a page with all its
    redirects, waiting for the host's turn not counted. ``page_bytes``: the longest page, as it is once it is unpacked.
    ``redirects``: at most. ``retries``: further tries where a server is busy or cannot be reached.

    ``delay``: seconds between two requests to one host; its robots.txt may ask for more, up to ``longest_delay``, and a
    host that asks for more than that is left alone. ``robots``: whether robots.txt is kept to. ``concurrency``: pages
    that one crawl has under way at once, of different hosts: a host is asked one thing at a time. ``allow_addresses``:
    addresses and ranges that may be connected to although they are not public. ``max_pages``, ``max_depth``,
    ``max_seconds``: of one crawl. ``cache``: the file of an HTTP cache that outlives the process; without one nothing
    is kept. After ``give_up`` failures in a row a host is not asked for ``recovery`` seconds.
    """

    user_agent: str = "companion-async"
    timeout: float = 30.0
    page_bytes: int = 5 * _MIB
    redirects: int = 5
    retries: int = 1
    delay: float = 1.0
    longest_delay: float = 30.0
    robots: bool = True
    concurrency: int = 8
    allow_addresses: tuple[str, ...] = ()
    max_pages: int = 200
    max_depth: int = 5
    max_seconds: float = 3600.0
    cache: str | None = None
    give_up: int = 5
    recovery: float = 90.0

    def __post_init__(self) -> None:
        agent: Any = self.user_agent
        if not isinstance(agent, str) or not agent.strip() or not agent.isascii() or not agent.isprintable():
            raise InvalidArgumentError(f"user_agent must be plain printable text; {agent!r:.80} is not.")
        for name in ("timeout", "max_seconds", "recovery"):
            msgspec.structs.force_setattr(self, name, check_seconds(getattr(self, name), name))
        for name in ("delay", "longest_delay"):
            msgspec.structs.force_setattr(self, name, check_seconds(getattr(self, name), name, zero=True))
        for name in ("page_bytes", "concurrency", "max_pages", "give_up"):
            check_count(getattr(self, name), name)
        for name in ("redirects", "retries", "max_depth"):
            check_count(getattr(self, name), name, minimum=0)
        addresses: Any = self.allow_addresses
        try:
            parse_networks(() if isinstance(addresses, str) else addresses)
        except (TypeError, ValueError):
            addresses = str(addresses)
        if isinstance(addresses, str):
            raise InvalidArgumentError(
                f"allow_addresses must be a tuple of addresses and ranges, such as ('10.0.0.0/8',); "
                f"{addresses!r:.80} is not."
            )
        msgspec.structs.force_setattr(self, "allow_addresses", tuple(addresses))
        cache: Any = self.cache
        if cache is not None and not (isinstance(cache, str) and cache):
            raise InvalidArgumentError(f"cache must be the path of a file, or unset; {cache!r:.80} is not.")
