from __future__ import annotations

import asyncio
import gzip

import pytest

from companion_async.cognition.web_crawler.module import MODULE
from companion_async.cognition.web_crawler.page import Missed, Page
from companion_async.errors import InvalidArgumentError, MissingExtraError
from companion_async.testing.clock import until
from tests.cognition.web_crawler.conftest import crawling
from tests.cognition.web_crawler.site import page

pytestmark = pytest.mark.feature("CB-44")


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_a_site_of_a_few_hundred_pages_is_crawled_once_each(site):
    """Every page within depth and number comes once, with what was missed and why; traps come to an end."""
    for number in range(250):
        links = [f"/page/{2 * number + 1}", f"/page/{2 * number + 2}", "/", f"/page/{number}?utm_source=mail#top"]
        site.pages[f"/page/{number}"] = page(f"Page {number}", *(link for link in links if link != "/page/0"))
    site.pages["/"] = page(
        "Home",
        "/page/0",
        "/gone",
        "/loop",
        "/moved",
        "/trap/",
        "/big",
        "/bomb",
        "/pdf",
        "http://other.example/",
        "/latin",
    )
    site.pages["/loop"] = (302, {"location": "/loop"}, b"")
    site.pages["/moved"] = (301, {"location": "/page/0"}, b"")
    site.pages["/big"] = "x" * 400_000
    site.pages["/bomb"] = (200, {"content-encoding": "gzip"}, gzip.compress(bytes(50_000_000)))
    site.pages["/pdf"] = (200, {"content-type": "application/pdf"}, b"%PDF")
    site.pages["/latin"] = (200, {"content-type": "text/html; charset=latin-1"}, page("Caf\xe9").encode("latin-1"))

    def elsewhere(asked, writer):
        if asked.target.startswith("/trap/"):
            return (200, {}, page("Trap", "more/", asked.target + "?n=1"))
        return (404, {}, b"")

    site.missing = elsewhere
    async with crawling(page_bytes=300_000, max_pages=400, max_depth=20) as crawler:
        found = await crawler.crawl(site.url)
    pages = [each for each in found if isinstance(each, Page)]
    titles = [each.title for each in pages]
    assert {f"Page {number}" for number in range(250)} <= set(titles)
    assert len({each.url for each in found}) == len(found)
    assert "Caf\xe9" in titles
    why = {each.url.removeprefix(site.url): each.reason for each in found if isinstance(each, Missed)}
    expected = {
        "/gone": "status",
        "/loop": "redirects",
        "/big": "too_large",
        "/bomb": "too_large",
        "/pdf": "content_type",
    }
    assert expected.items() <= why.items()
    assert titles.count("Trap") < 60  # twelve of its names, each with a few queries
    assert site.most_at_once == 1
    assert not any("other.example" in each.url for each in found)


async def test_a_crawl_comes_as_it_goes_and_can_be_left(site):
    """The first page is there before the rest is fetched; closing the crawl ends it; progress is told."""
    for number in range(50):
        site.pages[f"/{number}"] = page(str(number), f"/{number + 1}")
    async with crawling() as crawler:
        task = crawler.brain.submit(MODULE, "crawl", f"{site.url}/0")
        items = task.items()
        first = await anext(items)
        assert first.title == "0"
        assert (await anext(items)).depth == 1
        assert 0 < task.progress.fraction <= 1
        await items.aclose()
        task.cancel("enough")
        await crawler.brain.drain()
    assert len(site.asked) < 50


@pytest.mark.parametrize(
    ("options", "titles"),
    [
        ({"max_pages": 1}, ["start"]),
        ({"max_depth": 0}, ["start"]),
        ({"max_depth": 1, "scope": "path"}, ["start", "below"]),
        ({"max_depth": 1}, ["start", "below", "beside"]),
    ],
)
async def test_a_crawl_goes_as_far_as_it_was_told(site, crawler, options, titles):
    """Number, depth and scope bound it."""
    site.pages["/docs/"] = page("start", "/docs/below", "/beside")
    site.pages["/docs/below"], site.pages["/beside"] = page("below"), page("beside", "/docs/below")
    found = await crawler.crawl(f"{site.url}/docs/", **options)
    assert [each.title for each in found if isinstance(each, Page)] == titles


@pytest.mark.parametrize(("bound", "most"), [({"max_pages": 2}, 2), ({"max_depth": 1}, 3), ({"max_seconds": 0.001}, 9)])
async def test_the_settings_bound_every_crawl(site, bound, most):
    """Whatever a caller asks for, no crawl goes farther than they say, nor for longer."""
    for number in range(10):
        site.pages[f"/{number}"] = page(str(number), f"/{number + 1}")
    site.pages["/10"] = page("10")
    async with crawling(**bound) as crawler:
        found = await crawler.crawl(f"{site.url}/0", max_pages=100, max_depth=100)
    assert len(found) <= most


async def test_as_many_pages_are_under_way_as_may_be_and_none_after_the_end():
    """A crawl that is closed cancels what it has begun, and the reading process ends with the module."""
    under_way, most, cancelled = 0, 0, 0

    async def visit(stop):
        nonlocal under_way, most, cancelled
        under_way += 1
        most = max(most, under_way)
        try:
            if stop.depth:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise
        finally:
            under_way -= 1
        links = tuple(f"http://{number}.example/" for number in range(20))
        return Page(
            url=stop.url,
            asked=stop.url,
            links=links,
            depth=stop.depth,
            status=200,
            content_type="text/html",
            charset="utf-8",
            size=0,
        )

    class Reader:
        closed = False

        def close(self):
            self.closed = True

    reader = Reader()
    async with crawling(concurrency=3) as crawler:
        crawler.module._page = visit
        crawler.module._reader = reader
        crawl = crawler.module.crawl("http://start.example/", scope="any")
        assert (await anext(crawl)).depth == 0
        following = asyncio.ensure_future(anext(crawl))
        await until(lambda: under_way == 3)
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(following, 10)
        assert (most, under_way) == (3, 0)
        assert cancelled == 3
    assert reader.closed


@pytest.mark.parametrize("options", [{"scope": "world"}, {"max_pages": 0}, {"max_depth": -1}])
async def test_bounds_that_could_not_be_meant_are_refused(site, crawler, options):
    """A scope, a number or a depth that is none is refused before anything is sent."""
    with pytest.raises(InvalidArgumentError, match=next(iter(options))):
        await crawler.crawl(site.url, **options)
    with pytest.raises(InvalidArgumentError, match="start"):
        await crawler.crawl([])
    assert not site.asked


async def test_hosts_are_crawled_side_by_side(site):
    """While one host makes us wait, another is asked."""
    release = asyncio.Event()
    other = site.url.replace("127.0.0.1", "localhost")
    site.pages["/"] = page("Home", f"{other}/fast", "/slow")

    async def slow(asked, writer):
        await release.wait()
        body = page("slow").encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    def fast(asked, writer):
        release.set()
        return (200, {}, page("fast"))

    site.pages["/slow"], site.pages["/fast"] = slow, fast
    async with crawling() as crawler:
        found = await crawler.crawl(site.url, scope="any", max_depth=1)
    assert sorted(each.title for each in found if isinstance(each, Page)) == ["Home", "fast", "slow"]


async def test_without_its_extra_a_companion_names_the_line(monkeypatch):
    """With its libraries not installed the crawler is off, and work for it says what to install."""
    import importlib.util

    from companion_async.companion.companion import CompanionBrain

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "protego" else real(name, *more)
    )
    async with CompanionBrain() as brain:
        assert brain.modules_off[MODULE] == "pip install 'companion-async[web]'"
        with pytest.raises(MissingExtraError, match=r"\[web\]"):
            brain.submit(MODULE, "fetch", "http://example.com/")
