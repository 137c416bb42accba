"""Whose turn it is at each host, and which hosts are left alone for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from companion_async.clock import Clock
from companion_async.cognition.web_crawler.page import FetchError
from companion_async.cognition.web_crawler.settings import CrawlerSettings

_REMEMBERED = 10_000


class Host:
    """One origin: who is at it, when it may be asked again, and how often in a row it has failed."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.next_at = 0.0
        self.delay = 0.0
        self.failures = 0
        self.closed_until = 0.0


class Hosts:
    """Lets one request at a time to each origin, with a pause after it, and none to one that keeps failing.

    A circuit breaker for each: closed for ``recovery`` seconds after ``give_up`` failures in a row, then one request
    tries it. Here and not from a library since those go by the wall clock. Loop only.
    """

    def __init__(self, settings: CrawlerSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._hosts: dict[str, Host] = {}

    @asynccontextmanager
    async def turn(self, origin: str, url: str) -> AsyncIterator[Host]:
        """Wait until it is one's turn at ``origin``; `FetchError` at once for one that is left alone."""
        host = self._host(origin)
        self._check(host, url)
        async with host.lock:
            self._check(host, url)
            wait = host.next_at - self._clock.monotonic()
            if wait > 0:
                await self._clock.sleep(wait)
            try:
                yield host
            finally:
                host.next_at = max(host.next_at, self._clock.monotonic() + max(self._settings.delay, host.delay))

    def slow_down(self, origin: str, delay: float) -> None:
        """Leave so many seconds between two requests to ``origin``, if that is more than is left anyway."""
        self._host(origin).delay = delay

    def answered(self, host: Host) -> None:
        """The host has answered, whatever it said."""
        host.failures = 0

    def failed(self, host: Host) -> None:
        """The host could not be reached, or failed itself."""
        host.failures += 1
        if host.failures >= self._settings.give_up:
            host.closed_until = self._clock.monotonic() + self._settings.recovery

    def busy_until(self, host: Host, seconds: float) -> None:
        """The host asks not to be asked again for so long."""
        host.next_at = max(host.next_at, self._clock.monotonic() + seconds)

    def _check(self, host: Host, url: str) -> None:
        if host.closed_until > self._clock.monotonic():
            left = host.closed_until - self._clock.monotonic()
            raise FetchError(
                url, "host", f"its host failed {host.failures} times in a row and is left alone for {left:.0f} s more"
            )

    def _host(self, origin: str) -> Host:
        if origin not in self._hosts:
            if len(self._hosts) >= _REMEMBERED:
                now = self._clock.monotonic()
                idle = [
                    name
                    for name, host in self._hosts.items()
                    if not host.lock.locked() and max(host.next_at, host.closed_until) <= now
                ]
                for name in idle:
                    del self._hosts[name]
            self._hosts[origin] = Host()
        return self._hosts[origin]
