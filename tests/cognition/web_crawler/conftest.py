from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from companion_async.brain.brain import Brain
from companion_async.cognition.web_crawler.module import MODULE, WebCrawler
from companion_async.cognition.web_crawler.page import FetchError
from companion_async.cognition.web_crawler.reading import PageReader
from companion_async.cognition.web_crawler.settings import CrawlerSettings
from tests.cognition.web_crawler.site import Site, serving


class Crawling:
    """A crawler in a brain, and short words for its handlers."""

    def __init__(self, brain, module):
        self.brain, self.module = brain, module

    async def fetch(self, url):
        return await self.brain.submit(MODULE, "fetch", url)

    async def missed(self, url):
        """The reason why a page was not had."""
        with pytest.raises(FetchError) as caught:
            await self.fetch(url)
        return caught.value.reason

    async def crawl(self, start, **options):
        return [each async for each in self.brain.submit(MODULE, "crawl", start, kwargs=options).items()]


class Kept:
    """Reads with one child for all tests: every new one would import its libraries anew. The last test ends it."""

    reader = PageReader()

    def __init__(self):
        self.read = self.reader.read

    def close(self):
        pass


@pytest.fixture(scope="session", autouse=True)
def reading_child():
    yield
    Kept.reader.close()


@asynccontextmanager
async def crawling(**settings):
    """A crawler that may go to loopback and does not wait between requests, if nothing else is said."""
    given = {"delay": 0.0, "allow_addresses": ("127.0.0.0/8",), "robots": False, "retries": 0, **settings}
    async with Brain() as brain:
        module = WebCrawler(CrawlerSettings(**given))
        module._reader = Kept()  # type: ignore[assignment]
        await brain.register(MODULE, module, category="phase3", timeout=None)
        yield Crawling(brain, module)


@pytest.fixture
async def site():
    async with serving(Site()) as site:
        yield site


@pytest.fixture
async def crawler():
    async with crawling() as crawler:
        yield crawler
