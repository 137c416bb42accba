"""From an address to the bytes of a page: robots.txt first, in turn, hop by hop. Needs the extra ``web``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from companion_async.clock import Clock
from companion_async.cognition.web_crawler.connection import Answer, Connection
from companion_async.cognition.web_crawler.hosts import Host, Hosts
from companion_async.cognition.web_crawler.locations import joined, origin
from companion_async.cognition.web_crawler.page import BlockedAddressError, FetchError
from companion_async.cognition.web_crawler.settings import CrawlerSettings

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WHOLE = frozenset({200, 203})
_BUSY = frozenset({429, 503})
_ROBOTS_BYTES = 512 * 1024
_ROBOTS_SECONDS = 24 * 3600.0
_ROBOTS_AGAIN = 60.0  # seconds after which a robots.txt that could not be had is asked for again
_ROBOTS_REMEMBERED = 5_000
_ROBOTS_REMEMBERED_BYTES = 8 * 1024 * 1024  # in all; read, they take some thirty times as much
_READ = ("text/html", "application/xhtml+xml", "text/plain", "text/markdown")


class Fetched(msgspec.Struct, frozen=True):
    """A page as it was sent, where it was found in the end, and the addresses on the way."""

    url: str
    redirects: tuple[str, ...]
    answer: Answer


class Rules(msgspec.Struct, frozen=True):
    """What a robots.txt comes to, and until when that holds. ``parsed`` None: everything is allowed, or nothing."""

    parsed: Any
    allowed: bool
    until: float
    size: int = 0


class Fetcher:
    """Fetches for one crawler. ``in_thread`` runs what takes long beside the loop. Loop only."""

    def __init__(
        self,
        settings: CrawlerSettings,
        clock: Clock,
        connection: Connection,
        in_thread: Callable[..., Awaitable[Any]],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._connection = connection
        self._in_thread = in_thread
        self._hosts = Hosts(settings, clock)
        self._robots: dict[str, Rules] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def fetch(self, url: str) -> Fetched:
        """The page at ``url`` or where its redirects lead, every hop of them checked as if it had been asked for."""
        hops: list[str] = []
        while True:
            await self._keep_to_robots(url)
            answer = await self._ask(url)
            if answer.status not in _REDIRECTS:
                return Fetched(url, tuple(hops), answer)
            hops.append(url)
            url = _next_hop(url, answer, hops, self._settings.redirects)

    # -- one request -----------------------------------------------------------------------------------------------

    async def _ask(self, url: str) -> Answer:
        """The answer of a server that is there: it is asked again where it was busy, or could not be reached."""
        for left in reversed(range(self._settings.retries + 1)):
            async with self._hosts.turn(origin(url), url) as host:
                try:
                    async with asyncio.timeout(self._settings.timeout):
                        answer = await self._connection.get(url, self._settings.page_bytes, _wanted(url))
                except TimeoutError:
                    self._hosts.failed(host)
                    error = FetchError(url, "timeout", f"it took longer than {self._settings.timeout:g} s")
                except FetchError as failure:
                    error = failure
                    self._judge(host, failure)
                else:
                    self._hosts.answered(host)
                    return answer
            if not left or (error.reason not in ("network", "timeout") and error.status not in _BUSY):
                raise error
        raise AssertionError("the last try returns or raises")

    def _judge(self, host: Host, error: FetchError) -> None:
        if error.reason in ("network", "timeout") or error.status >= 500:
            self._hosts.failed(host)
        elif error.reason != "address":
            self._hosts.answered(host)
        if isinstance(error, BusyError):
            if error.wait > self._settings.longest_delay:
                raise error
            self._hosts.busy_until(host, error.wait)

    # -- robots.txt ------------------------------------------------------------------------------------------------

    async def _keep_to_robots(self, url: str) -> None:
        if not self._settings.robots:
            return
        where = origin(url)
        async with self._asking.setdefault(where, asyncio.Lock()):
            rules = self._robots.get(where)
            if rules is None or rules.until <= self._clock.monotonic():
                rules = await self._rules_of(where, url)
                remembered = sum(each.size for each in self._robots.values())
                if len(self._robots) >= _ROBOTS_REMEMBERED or remembered > _ROBOTS_REMEMBERED_BYTES:
                    self._robots.clear()
                    self._asking = {where: self._asking[where]}
                self._robots[where] = rules
        if rules.parsed is None:
            if not rules.allowed:
                raise FetchError(url, "robots", "its robots.txt cannot be had, which means no")
        else:
            # In a thread: ten thousand rules take a tenth of a second.
            may, delay = await self._in_thread(_verdict, rules.parsed, url, self._settings.user_agent)
            if not may:
                raise FetchError(url, "robots", "its robots.txt says no")
            if delay > self._settings.longest_delay:
                raise FetchError(url, "robots", f"its robots.txt asks for {delay:g} s between two requests")
            self._hosts.slow_down(where, delay)

    async def _rules_of(self, where: str, url: str) -> Rules:
        """By RFC 9309: none there allows everything, one that cannot be had allows nothing, and of a very long one the
        beginning counts.
        """
        now = self._clock.monotonic()
        at, hops = f"{where}/robots.txt", list[str]()
        try:
            while True:
                async with self._hosts.turn(origin(at), at) as host:
                    answer = await self._robots_at(at, host)
                if answer.status not in _REDIRECTS:
                    break
                hops.append(at)
                at = _next_hop(at, answer, hops, self._settings.redirects)
        except FetchError as error:
            if error.reason == "address":
                raise BlockedAddressError(url) from None
            if error.reason == "host":
                raise FetchError(url, "host", error.detail) from None
            return Rules(None, False, now + _ROBOTS_AGAIN)
        if 400 <= answer.status < 500 and answer.status != 429:
            return Rules(None, True, now + _ROBOTS_SECONDS)
        if answer.status >= 300:
            return Rules(None, False, now + _ROBOTS_AGAIN)
        parsed = await self._in_thread(_parsed, answer.body)
        return Rules(parsed, True, now + _ROBOTS_SECONDS, len(answer.body))

    async def _robots_at(self, at: str, host: Host) -> Answer:
        try:
            async with asyncio.timeout(self._settings.timeout):
                answer = await self._connection.get(at, _ROBOTS_BYTES, cut=True)
        except TimeoutError:
            self._hosts.failed(host)
            raise FetchError(at, "timeout", "it took too long") from None
        except FetchError as error:
            self._judge(host, error)
            raise
        self._hosts.answered(host)
        return answer


class BusyError(FetchError):
    """The server has no time; ``wait`` is how many seconds it asks for."""

    def __init__(self, url: str, status: int, wait: float) -> None:
        self.wait = wait
        FetchError.__init__(
            self, url, "status", f"its server is busy (HTTP {status}) and asks to wait for {wait:g} s", status
        )
        self._facts = (url, status, wait)


def _parsed(body: bytes) -> Any:
    from protego import Protego

    return Protego.parse(body.decode("utf-8", "replace"))


def _verdict(parsed: Any, url: str, agent: str) -> tuple[bool, float]:
    return parsed.can_fetch(url, agent), parsed.crawl_delay(agent) or 0.0


def _wanted(url: str) -> Callable[[int, dict[str, str]], None]:
    """Looks at what is coming, and raises where it is nothing to be read."""

    def look(status: int, headers: dict[str, str]) -> None:
        if status in _BUSY:
            raise BusyError(url, status, _seconds(headers.get("retry-after", "")))
        if status not in _WHOLE and status not in _REDIRECTS:
            raise FetchError(url, "status", f"its server says HTTP {status}", status)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if status not in _REDIRECTS and kind not in _READ:
            raise FetchError(url, "content_type", f"it is {kind[:80] or 'of no kind that it tells'}, which is not read")

    return look


def _seconds(retry_after: str) -> float:
    if retry_after.strip().isdecimal():
        return float(retry_after.strip()[:9])
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 1.0


def _next_hop(url: str, answer: Answer, hops: list[str], most: int) -> str:
    if len(hops) > most:
        raise FetchError(hops[0], "redirects", f"it was sent on more than {most} times")
    target = joined(url, answer.headers.get("location", ""))
    if target is None:
        raise FetchError(hops[0], "redirects", "it was sent on to what is no address of a page")
    if target in hops:
        raise FetchError(hops[0], "redirects", "it was sent on in a circle")
    if url.startswith("https:") and target.startswith("http:"):
        raise FetchError(hops[0], "redirects", "it was sent on from https to http")
    return target
