"""Pure: what a crawl has still to fetch, and what it has come by already."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec

from companion_async.cognition.web_crawler.locations import identity, in_scope, is_trap, origin

_QUERIES = 50  # addresses that differ in their query alone; calendars and filters have no end
_WAITING = 100_000


class Stop(msgspec.Struct, frozen=True):
    """An address on the way of a crawl, and how many links it is from where the crawl began."""

    url: str
    depth: int


class Frontier:
    """The stops ahead, nearest first; each page once, in scope, within ``max_depth`` and ``max_pages``."""

    def __init__(self, starts: Iterable[str], scope: str, max_pages: int, max_depth: int) -> None:
        self._starts = tuple(starts)
        self._scope = scope
        self._left = max_pages
        self._max_depth = max_depth
        self._ahead: deque[Stop] = deque()
        self._seen: set[str] = set()
        self._queries: Counter[str] = Counter()
        for start in self._starts:
            self._add(Stop(start, 0))

    def __len__(self) -> int:
        return min(len(self._ahead), self._left)

    def found(self, links: Iterable[str], depth: int) -> None:
        """Add what a page of this depth leads to."""
        if depth >= self._max_depth:
            return
        for link in links:
            if any(in_scope(link, start, self._scope) for start in self._starts) and not is_trap(link):
                self._add(Stop(link, depth + 1))

    def been(self, url: str) -> bool:
        """Whether ``url``, to which a redirect led, was known of before; it is from now on."""
        key = identity(url)
        known = key in self._seen
        self._seen.add(key)
        return known

    def next(self, busy: frozenset[str]) -> Stop | None:
        """The next stop whose origin is not ``busy``, taken out; None where there is none, or enough were taken."""
        if self._left <= 0:
            return None
        for index, stop in enumerate(self._ahead):
            if origin(stop.url) not in busy:
                del self._ahead[index]
                self._left -= 1
                return stop
            if index >= _WAITING:
                break
        return None

    def _add(self, stop: Stop) -> None:
        key = identity(stop.url)
        if key in self._seen or len(self._ahead) >= _WAITING:
            return
        parts = urlsplit(stop.url)
        if parts.query:
            page = f"{parts.netloc}{parts.path}"
            self._queries[page] += 1
            if self._queries[page] > _QUERIES:
                return
        self._seen.add(key)
        self._ahead.append(stop)
