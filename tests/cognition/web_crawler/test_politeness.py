from __future__ import annotations

import asyncio
import itertools
import threading
import time

import pytest

from companion_async.cognition.web_crawler import fetcher
from companion_async.cognition.web_crawler.connection import Answer
from companion_async.cognition.web_crawler.page import FetchError, Missed
from tests.cognition.web_crawler.conftest import crawling
from tests.cognition.web_crawler.site import page

pytestmark = pytest.mark.feature("CB-44")


async def test_a_host_is_asked_one_thing_at_a_time_with_a_pause(site):
    """However many pages of it are wanted at once, a host sees one request, and then none for the delay."""
    for number in range(4):
        site.pages[f"/{number}"] = page(str(number))
    times = []

    def timed(asked, writer):
        times.append(time.monotonic())
        return (200, {}, page("x"))

    site.missing = timed
    async with crawling(delay=0.2) as crawler:
        await asyncio.gather(*(crawler.fetch(f"{site.url}/p{number}") for number in range(4)))
    assert site.most_at_once == 1
    assert all(later - sooner >= 0.19 for sooner, later in itertools.pairwise(times))


async def test_robots_txt_is_kept_to(site):
    """What it forbids is not asked for, wildcards and our own name in it included, and it is asked for once."""
    site.pages["/robots.txt"] = (
        200,
        {"content-type": "text/plain"},
        b"User-agent: *\nDisallow: /\n\n"
        b"User-agent: companion-async\nDisallow: /private\nDisallow: /*.pdf$\nAllow: /private/not\n",
    )
    site.missing = (200, {}, page("x"))
    async with crawling(robots=True) as crawler:
        assert await crawler.missed(f"{site.url}/private/x") == "robots"
        assert await crawler.missed(f"{site.url}/a/b.pdf") == "robots"
        await crawler.fetch(f"{site.url}/private/not")
        await crawler.fetch(f"{site.url}/other")
    assert site.targets == ["/robots.txt", "/private/not", "/other"]


@pytest.mark.parametrize(("status", "may"), [(404, True), (403, True), (500, False), (503, False), (429, False)])
async def test_a_robots_txt_that_cannot_be_had(site, status, may):
    """By RFC 9309 one that is not there allows everything, and one that fails allows nothing."""
    site.pages["/robots.txt"] = (status, {}, b"")
    site.pages["/"] = page("Home")
    async with crawling(robots=True) as crawler:
        if may:
            assert (await crawler.fetch(site.url)).title == "Home"
        else:
            assert await crawler.missed(site.url) == "robots"


async def test_of_a_robots_txt_without_end_the_beginning_counts(site):
    """One of ten megabytes is read as far as RFC 9309 asks for, and looking something up in it holds nobody up."""
    rules = b"User-agent: *\nDisallow: /private\n" + b"".join(b"Disallow: /%d*a*b\n" % n for n in range(20_000))
    site.pages["/robots.txt"] = (200, {"content-type": "text/plain"}, rules + b"#" * 10_000_000)
    site.pages["/"] = page("Home")
    threads = []

    def look(parsed, url, agent):
        threads.append(threading.current_thread())
        return parsed.can_fetch(url, agent), 0.0

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fetcher, "_verdict", look)
        async with crawling(robots=True) as crawler:
            assert await crawler.missed(f"{site.url}/private") == "robots"
            assert (await crawler.fetch(site.url)).title == "Home"
    assert threads
    assert threading.main_thread() not in threads


async def test_a_redirect_is_asked_about_too(site):
    """The page that a redirect leads to is asked for only where robots.txt lets it."""
    site.pages["/robots.txt"] = (200, {"content-type": "text/plain"}, b"User-agent: *\nDisallow: /secret\n")
    site.pages["/open"] = (302, {"location": "/secret"}, b"")
    async with crawling(robots=True) as crawler:
        assert await crawler.missed(f"{site.url}/open") == "robots"
    assert "/secret" not in site.targets


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("https://a.example/x", "http://a.example/y", None),
        ("https://a.example/x", "https://b.example/y", "https://b.example/y"),
        ("http://a.example/x", "https://a.example/y", "https://a.example/y"),
        ("http://a.example/x", "?y", "http://a.example/x?y"),
        ("http://a.example/x", "", None),
        ("http://a.example/x", "/x#again", None),
        ("http://a.example/x", "ftp://a.example/y", None),
    ],
)
def test_where_a_redirect_may_lead(url, location, target):
    """Anywhere that can be fetched, but not from https to http, and not to where it came from."""
    answer = Answer(302, {"location": location}, b"")
    if target is not None:
        assert fetcher._next_hop(url, answer, [url], 5) == target
        return
    with pytest.raises(FetchError) as caught:
        fetcher._next_hop(url, answer, [url], 5)
    assert caught.value.reason == "redirects"


async def test_a_host_that_wants_to_be_asked_rarely_is_left_alone(site):
    """A pause that is longer than the settings allow means no, and a shorter one is kept."""
    text = b"User-agent: *\nCrawl-delay: 3600\n"
    site.pages["/robots.txt"] = (200, {"content-type": "text/plain"}, text)
    site.pages["/"] = page("Home")
    async with crawling(robots=True) as crawler:
        assert await crawler.missed(site.url) == "robots"
    site.pages["/robots.txt"] = (200, {"content-type": "text/plain"}, b"User-agent: *\nCrawl-delay: 0.3\n")
    times = []

    def timed(asked, writer):
        times.append(time.monotonic())
        return (200, {}, page("Home"))

    site.pages["/"] = timed
    async with crawling(robots=True) as crawler:
        await asyncio.gather(crawler.fetch(site.url), crawler.fetch(site.url))
    assert times[1] - times[0] >= 0.29


@pytest.mark.feature("CB-54")
async def test_a_server_that_is_busy_is_asked_again_when_it_says(site):
    """After a 503 with Retry-After the page comes at the second try, and not before its time."""
    answers = [(503, {"retry-after": "1"}, b"")]
    site.pages["/"] = lambda asked, writer: answers.pop() if answers else (200, {}, page("Home"))
    async with crawling(retries=1) as crawler:
        began = time.monotonic()
        assert (await crawler.fetch(site.url)).title == "Home"
        assert time.monotonic() - began >= 0.99
        answers.append((429, {"retry-after": "3600"}, b""))
        assert await crawler.missed(site.url) == "status"


@pytest.mark.parametrize("odd", ["\u00b2", "-1", "nan", "9" * 400, "Thu, 99 Foo 99999 99:99:99 GMT"])
async def test_a_time_to_wait_that_is_none_is_passed_over(site, odd):
    """A busy server that asks to wait for no number and no date is a busy server."""
    site.missing = (503, {"retry-after": odd}, b"")
    async with crawling() as crawler:
        assert await crawler.missed(site.url) == "status"


@pytest.mark.feature("CB-54")
async def test_a_host_that_keeps_failing_is_left_alone_for_a_while(site):
    """After so many failures in a row it is not asked any more, until the recovery is over; others are."""
    site.missing = (500, {}, b"")
    site.pages["/"] = page("Home")
    async with crawling(give_up=3, recovery=0.3) as crawler:
        assert [await crawler.missed(f"{site.url}/{n}") for n in range(5)] == ["status"] * 3 + ["host"] * 2
        assert len(site.asked) == 3
        other = site.url.replace("127.0.0.1", "127.0.0.2")
        assert await crawler.missed(other) == "network"  # nobody listens there: it was tried
        while (found := (await crawler.crawl(site.url, max_pages=1))[0]) and isinstance(found, Missed):
            assert found.reason == "host"
        assert found.title == "Home"
        assert await crawler.missed(f"{site.url}/x") == "status"
