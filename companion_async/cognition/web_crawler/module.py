"""The built-in module ``web_crawler``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import TYPE_CHECKING, Any

from companion_async.clock import Clock, SystemClock
from companion_async.cognition.web_crawler.frontier import Frontier, Stop
from companion_async.cognition.web_crawler.locations import checked, joined, origin
from companion_async.cognition.web_crawler.page import FetchError, Missed, Page
from companion_async.cognition.web_crawler.reading import PageReader, Reading, UnreadableError
from companion_async.cognition.web_crawler.settings import SCOPES, CrawlerSettings, Scope
from companion_async.errors import InvalidArgumentError
from companion_async.modules.module import BaseModule
from companion_async.scheduling.context import current_seat, current_task
from companion_async.security import check_count

if TYPE_CHECKING:
    from companion_async.cognition.web_crawler.fetcher import Fetched, Fetcher

MODULE = "web_crawler"
"""The name it is registered under."""

PACKAGES = ("httpx2", "lxml", "protego", "selectolax", "trafilatura")
"""What it cannot work without, by the name of its import."""


class WebCrawler(BaseModule):
    """Fetches pages of the web and reads them: main text, what they say of themselves, links.

    It keeps to robots.txt, asks a host one thing at a time with a pause between, connects to public addresses only
    (each hop of a redirect is checked at the moment of connecting), sends no cookies and no credentials, uses no proxy,
    runs no script of a page, and takes no more than its limits. Fetching goes on on the loop, reading in a process of
    its own, so that a page made to harm can keep nothing else busy.
    """

    def __init__(self, settings: CrawlerSettings | None = None, *, clock: Clock | None = None) -> None:
        super().__init__()
        self._settings = settings or CrawlerSettings()
        self._clock = clock or SystemClock()
        self._reader = PageReader()
        self._fetcher: Fetcher | None = None
        self._close: Callable[[], Any] | None = None
        self._making = asyncio.Lock()

    async def stop(self) -> None:
        """Let go of the connections and end the reading process."""
        if self._close is not None:
            await self._close()
        await asyncio.to_thread(self._reader.close)

    async def fetch(self, url: str) -> Page:
        """The page at ``url``; `FetchError` with its ``reason`` where there is none to be had. Cancelling ends it."""
        return await self._page(Stop(checked(url), 0))

    async def crawl(
        self,
        start: str | Iterable[str],
        max_pages: int | None = None,
        max_depth: int | None = None,
        scope: Scope = "host",
    ) -> AsyncGenerator[Page | Missed, None]:
        """The pages at ``start`` and those that they lead to, as they come; a `Missed` for each that was not had.

        ``scope``: ``"host"`` for pages of the same host, ``"path"`` for those below the same path, ``"any"`` for
        wherever links lead. Each page comes once. The settings' limits hold where none is given, and no more than they
        say is fetched in any case. Closing the generator ends what is under way.
        """
        given: Any = [start] if isinstance(start, str) else start
        starts = tuple(map(checked, given)) if isinstance(given, Iterable) else ()
        if not starts:
            raise InvalidArgumentError(f"start must be an address, or a list of at least one; {start!r:.80} is not.")
        if scope not in SCOPES:
            raise InvalidArgumentError(f"scope must be one of {', '.join(SCOPES)}; {scope!r:.80} is not.")
        settings = self._settings
        pages, depth = settings.max_pages, settings.max_depth
        if max_pages is not None:
            pages = min(pages, check_count(max_pages, "max_pages") or pages)
        if max_depth is not None:
            check_count(max_depth, "max_depth", minimum=0)
            depth = min(depth, max_depth)
        await self._fetching()  # the frontier compares addresses by one of its libraries
        frontier = Frontier(starts, scope, pages, depth)
        until = self._clock.monotonic() + settings.max_seconds
        at_work: dict[asyncio.Task[Page | Missed], Stop] = {}
        done = 0
        try:
            while True:
                while len(at_work) < settings.concurrency and self._clock.monotonic() < until:
                    stop = frontier.next(frozenset(origin(each.url) for each in at_work.values()))
                    if stop is None:
                        break
                    at_work[asyncio.create_task(self._visit(stop))] = stop
                if not at_work:
                    return
                ended, _ = await asyncio.wait(at_work, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    stop = at_work.pop(task)
                    found = task.result()
                    done += 1
                    if isinstance(found, Page):
                        if found.url != stop.url and frontier.been(found.url):
                            continue
                        frontier.found(found.links, stop.depth)
                    _tell(done, min(pages, done + len(at_work) + len(frontier)))
                    yield found
        finally:
            for task in at_work:
                task.cancel()
            await asyncio.gather(*at_work, return_exceptions=True)

    async def _visit(self, stop: Stop) -> Page | Missed:
        try:
            return await self._page(stop)
        except FetchError as error:
            return Missed(
                url=stop.url, depth=stop.depth, reason=error.reason, message=error.detail, status=error.status
            )

    async def _page(self, stop: Stop) -> Page:
        began = self._clock.monotonic()
        fetched = await (await self._fetching()).fetch(stop.url)
        kind, charset = _kind(fetched.answer.headers.get("content-type", ""))
        is_html = "html" in kind
        try:
            reading = await self._in_thread(self._reader.read, fetched.answer.body, charset, is_html)
        except UnreadableError:
            raise FetchError(stop.url, "content_type", "reading it took too long, or too much memory") from None
        return _page(stop, fetched, reading, kind, self._clock.monotonic() - began)

    async def _fetching(self) -> Fetcher:
        """What fetches, made with the first page: its libraries take most of a second to import."""
        async with self._making:
            if self._fetcher is None:
                connection, fetcher = await self._in_thread(self._make)
                self._close, self._fetcher = connection.close, fetcher
            return self._fetcher

    def _make(self) -> tuple[Any, Fetcher]:
        import courlan  # noqa: F401 (used on the loop, where it must not be imported)

        from companion_async.cognition.web_crawler.connection import Connection
        from companion_async.cognition.web_crawler.fetcher import Fetcher

        connection = Connection(self._settings)
        return connection, Fetcher(self._settings, self._clock, connection, self._in_thread)

    async def _in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        return await self.brain.submit(MODULE, function, *args, timeout=None)


def _page(stop: Stop, fetched: Fetched, reading: Reading, kind: str, seconds: float) -> Page:
    base = joined(fetched.url, reading.base) if reading.base else fetched.url
    links = (joined(base or fetched.url, link) for link in reading.links)
    images = (joined(base or fetched.url, image) for image in reading.images)
    return Page(
        url=fetched.url,
        asked=stop.url,
        redirects=fetched.redirects,
        status=fetched.answer.status,
        content_type=kind,
        charset=reading.charset,
        size=len(fetched.answer.body),
        title=reading.title,
        text=reading.text,
        description=reading.description,
        author=reading.author,
        date=reading.date,
        language=reading.language,
        links=tuple(dict.fromkeys(link for link in links if link)),
        images=tuple(dict.fromkeys(image for image in images if image)),
        depth=stop.depth,
        from_cache=fetched.answer.from_cache,
        seconds=seconds,
    )


def _kind(content_type: str) -> tuple[str, str]:
    kind, _, parameters = content_type.partition(";")
    charset = ""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip("\"'")
    return kind.strip().lower(), charset


def _tell(done: int, known: int) -> None:
    if current_seat() is not None:
        current_task().progress(done / max(done, known), f"{done} of {known} pages known of")
