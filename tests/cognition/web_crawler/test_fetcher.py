"""Manners towards servers, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from companion_async.cognition.web_crawler import fetcher
from companion_async.cognition.web_crawler.connection import Answer
from companion_async.cognition.web_crawler.fetcher import Fetcher
from companion_async.cognition.web_crawler.page import BlockedAddressError, FetchError
from companion_async.cognition.web_crawler.settings import CrawlerSettings

pytestmark = pytest.mark.feature("CB-44")

HOST = "http://a.example"
PAGE = (200, {"content-type": "text/plain"}, b"x")
GONE = FetchError(HOST, "network", "nobody there")


class Servers:
    """Answers in their order, the last one again and again, and when what was asked for."""

    def __init__(self, clock, **answers):
        self._clock = clock
        self.robots = answers.pop("robots", [(404, {}, b"")])
        self.pages = answers.pop("pages", [PAGE])
        self.asked = []

    @property
    def times(self):
        return [at for at, _ in self.asked]

    async def get(self, url, most, wanted=None, cut=False):
        self.asked.append((self._clock.monotonic(), url))
        line = self.robots if url.endswith("/robots.txt") else self.pages
        found = line.pop(0) if len(line) > 1 else line[0]
        if found is None:
            await asyncio.Event().wait()
        if isinstance(found, FetchError):
            raise found
        if wanted is not None:
            wanted(*found[:2])
        return Answer(*found)


async def inline(function, *args):
    return function(*args)


def fetching(clock, servers, **settings):
    return Fetcher(CrawlerSettings(**{"delay": 0.0, **settings}), clock, servers, inline)


async def over(clock, task, seconds=100):
    """Let the time pass that a fetch waits for, in steps of a second, and give its end."""
    fetch = asyncio.ensure_future(task)
    for _ in range(seconds):
        await clock.advance(1.0)
        if fetch.done():
            break
    return await fetch


@pytest.mark.feature("CB-54")
async def test_a_busy_server_is_asked_again_when_it_says_and_no_sooner(virtual_clock):
    """By a number of seconds, by a date, or in a second where it does not say."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=20.0), usegmt=True)
    for said, least, most in (("7", 7, 8), (date, 10, 21), ("soon", 1, 2)):
        servers = Servers(virtual_clock, pages=[(503, {"retry-after": said}, b""), PAGE])
        began = virtual_clock.monotonic()
        await over(virtual_clock, fetching(virtual_clock, servers, robots=False).fetch(f"{HOST}/"))
        first, second = servers.times
        assert first == began
        assert least <= second - first <= most


@pytest.mark.feature("CB-54")
@pytest.mark.parametrize(
    ("answer", "tries"),
    [((503, {"retry-after": "1"}, b""), 3), (GONE, 3), ((500, {}, b""), 1), ((404, {}, b""), 1), ((200, {}, b""), 1)],
)
async def test_only_what_may_pass_is_tried_again(virtual_clock, answer, tries):
    """A server that is busy or not there is asked ``retries`` times more; one that has said no, or what is nothing to
    be read, is not.
    """
    servers = Servers(virtual_clock, pages=[answer])
    with pytest.raises(FetchError):
        await over(virtual_clock, fetching(virtual_clock, servers, robots=False, retries=2).fetch(f"{HOST}/"))
    assert len(servers.asked) == tries


async def test_the_pause_that_robots_txt_asks_for_is_kept(virtual_clock):
    """A longer one than the settings' delay, between any two requests to the host."""
    servers = Servers(virtual_clock, robots=[(200, {}, b"User-agent: *\nCrawl-delay: 9\n")])
    fetches = fetching(virtual_clock, servers, delay=1.0)
    for number in range(3):
        await over(virtual_clock, fetches.fetch(f"{HOST}/{number}"))
    _, first, second, third = servers.times
    assert second - first >= 9
    assert third - second >= 9


@pytest.mark.parametrize("failure", [GONE, None, (500, {}, b""), (302, {"location": "/robots.txt"}, b"")])
async def test_a_robots_txt_that_cannot_be_had_means_no_for_a_minute(virtual_clock, failure):
    """Whatever keeps it away; then it is asked for again."""
    servers = Servers(virtual_clock, robots=[failure, (404, {}, b"")])
    fetches = fetching(virtual_clock, servers, timeout=0.05)
    for _ in range(2):
        with pytest.raises(FetchError) as caught:
            await fetches.fetch(f"{HOST}/")
        assert caught.value.reason == "robots"
    await virtual_clock.advance(61.0)
    assert (await fetches.fetch(f"{HOST}/")).url == f"{HOST}/"
    assert [url for _, url in servers.asked] == [f"{HOST}/robots.txt"] * 2 + [f"{HOST}/"]


async def test_a_robots_txt_holds_for_a_day(virtual_clock):
    """It is not asked for again sooner, and is so after."""
    servers = Servers(virtual_clock, robots=[(404, {}, b""), (200, {}, b"User-agent: *\nDisallow: /\n")])
    fetches = fetching(virtual_clock, servers)
    await fetches.fetch(f"{HOST}/")
    await virtual_clock.advance(23 * 3600.0)
    await fetches.fetch(f"{HOST}/")
    await virtual_clock.advance(2 * 3600.0)
    with pytest.raises(FetchError) as caught:
        await fetches.fetch(f"{HOST}/")
    assert caught.value.reason == "robots"


@pytest.mark.parametrize(("name", "bound"), [("_ROBOTS_REMEMBERED", 5), ("_ROBOTS_REMEMBERED_BYTES", 100)])
async def test_what_is_remembered_of_robots_txt_is_bounded(virtual_clock, monkeypatch, name, bound):
    """By the number of hosts and by how long they are: a crawl over the whole web goes by millions."""
    monkeypatch.setattr(fetcher, name, bound)
    servers = Servers(virtual_clock, robots=[(200, {}, b"User-agent: *\nDisallow: /x\n")])
    fetches = fetching(virtual_clock, servers)
    for number in range(40):
        await fetches.fetch(f"http://{number}.example/")
        assert len(fetches._robots) <= 5
        assert len(fetches._asking) <= 5


@pytest.mark.feature("CB-54")
async def test_only_what_is_the_hosts_own_fault_counts_against_it(virtual_clock):
    """An address that is none of the public ones says nothing of it; an answer of any kind begins the count anew."""
    bare: dict[str, str] = {}
    no, missing = (500, bare, b""), (404, bare, b"")
    blocked = BlockedAddressError(HOST)
    servers = Servers(virtual_clock, pages=[no, missing, no, blocked, no, PAGE])
    fetches = fetching(virtual_clock, servers, robots=False, retries=0, give_up=2, recovery=50.0)
    reasons = []
    for _ in range(6):
        try:
            await fetches.fetch(f"{HOST}/")
        except FetchError as error:
            reasons.append(error.reason)
    assert reasons == ["status", "status", "status", "address", "status", "host"]
    await virtual_clock.advance(51.0)
    assert (await fetches.fetch(f"{HOST}/")).answer.status == 200


async def test_a_host_is_remembered_while_it_matters(virtual_clock, monkeypatch):
    """Of very many hosts those are forgotten that nobody waits for: not one that is left alone for a while."""
    monkeypatch.setattr("companion_async.cognition.web_crawler.hosts._REMEMBERED", 3)
    servers = Servers(virtual_clock, pages=[(500, {}, b""), PAGE])
    fetches = fetching(virtual_clock, servers, robots=False, retries=0, give_up=1, recovery=50.0)
    with pytest.raises(FetchError):
        await fetches.fetch(f"{HOST}/")
    for number in range(20):
        await fetches.fetch(f"http://{number}.example/")
        await virtual_clock.advance(1.0)
        assert len(fetches._hosts._hosts) <= 4
    with pytest.raises(FetchError) as caught:
        await fetches.fetch(f"{HOST}/")
    assert caught.value.reason == "host"


@pytest.mark.feature("CB-54")
async def test_who_waits_for_a_turn_at_a_host_that_fails_meanwhile_is_told_so(virtual_clock):
    """The host is not asked once more by each of those that stood in line."""
    servers = Servers(virtual_clock, pages=[(500, {}, b"")])
    fetches = fetching(virtual_clock, servers, robots=False, retries=0, give_up=1)
    ended = await asyncio.gather(*(fetches.fetch(f"{HOST}/{n}") for n in range(4)), return_exceptions=True)
    assert [each.reason for each in ended if isinstance(each, FetchError)] == ["status", "host", "host", "host"]
    assert len(servers.asked) == 1
