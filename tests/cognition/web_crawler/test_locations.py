from __future__ import annotations

import pytest

from companion_async.cognition.web_crawler.frontier import Frontier, Stop
from companion_async.cognition.web_crawler.locations import checked, fetchable, identity, in_scope, is_trap, joined
from companion_async.errors import InvalidArgumentError

pytestmark = pytest.mark.feature("CB-44")


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("HTTP://Example.COM", "http://example.com/"),
        ("http://example.com:80/a/../b/./c#part", "http://example.com/b/c"),
        ("https://example.com:443/?q=1", "https://example.com/?q=1"),
        ("http://example.com:8080/", "http://example.com:8080/"),
        ("http://[::1]:81/x", "http://[::1]:81/x"),
        (" http://example.com/a ", "http://example.com/a"),
    ],
)
def test_an_address_is_asked_for_in_its_plain_form(given, asked):
    """Case, ports that go without saying, dots and fragments are settled before anything is asked for."""
    assert fetchable(given) == asked


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://example.com/",
        "javascript:alert(1)",
        "data:text/html,x",
        "//example.com/",
        "http://",
        "http:///path",
        "http://user:secret@example.com/",
        "http://example.com@127.0.0.1/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://exa mple.com/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com/\r\nHost: evil",
        "http://[::1/",
        "http://" + "a" * 2000 + ".com/",
        "",
        None,
        5,
        b"http://example.com/",
    ],
)
def test_what_is_no_page_of_the_web_is_refused(url):
    """Other schemes, credentials, broken and tricky addresses are refused at the door."""
    with pytest.raises(InvalidArgumentError, match="no address of a page"):
        checked(url)


def test_links_are_joined_to_where_they_stand():
    """A link means what it means on its page, and one that leads nowhere is none."""
    assert joined("http://a.com/x/y", "../z?q#f") == "http://a.com/z?q"
    assert joined("http://a.com/x/", "//b.com") == "http://b.com/"
    assert joined("http://a.com/", "mailto:x@y.z") is None
    assert joined("http://a.com/", "http://[") is None


def test_one_page_is_known_by_many_addresses():
    """The order of a query and the marks of campaigns make no other page; a path and a value do."""
    assert identity("http://a.com/?b=2&a=1&utm_source=mail") == identity("http://a.com/?a=1&b=2")
    assert identity("http://a.com/?a=1") != identity("http://a.com/?a=2")
    assert identity("http://a.com/a") != identity("http://a.com/b")


def test_a_crawl_stays_in_its_scope():
    """Of the same host, below the same path, or anywhere, as was asked for."""
    start = "http://a.com/docs/index.html"
    assert in_scope("http://a.com/other", start, "host")
    assert not in_scope("http://a.com:81/other", start, "host")
    assert not in_scope("http://b.com/", start, "host")
    assert in_scope("http://a.com/docs/more/x", start, "path")
    assert not in_scope("http://a.com/docsother", start, "path")
    assert in_scope("http://b.com/", start, "any")


def test_paths_that_go_in_circles_are_seen():
    """A name that comes again and again in a path is taken for a circle."""
    assert is_trap("http://a.com/x/y/x/y/x/y/x/y")
    assert not is_trap("http://a.com/x/y/x/z")


def test_a_frontier_gives_each_page_once_and_within_its_bounds():
    """No page twice, none too deep, no more than asked for, and none whose host is busy."""
    frontier = Frontier(("http://a.com/",), "any", max_pages=4, max_depth=1)
    first = frontier.next(frozenset())
    assert first == Stop("http://a.com/", 0)
    frontier.found(["http://a.com/", "http://a.com/x", ["http://a.com/x", "2"][0], "http://b.com/y"], 0)
    assert frontier.next(frozenset({"http://a.com"})) == Stop("http://b.com/y", 1)
    assert frontier.next(frozenset({"http://a.com"})) is None
    assert frontier.next(frozenset()) == Stop("http://a.com/x", 1)
    frontier.found(["http://a.com/deeper"], 1)
    assert frontier.next(frozenset()) is None
    assert frontier.been("http://a.com/x")
    assert not frontier.been("http://a.com/new")


def test_a_calendar_without_end_comes_to_one():
    """Pages that differ in their query alone are followed up to a number."""
    frontier = Frontier(("http://a.com/",), "host", max_pages=1000, max_depth=5)
    frontier.found([f"http://a.com/calendar?day={day}" for day in range(500)], 0)
    assert len(frontier) == 51
