"""What a crawl has still to fetch, and what it has come by already."""

from __future__ import annotations

import pytest

from companion_async.cognition.web_crawler import frontier
from companion_async.cognition.web_crawler.frontier import Frontier

pytestmark = pytest.mark.feature("CB-44")

HOST = "http://a.example"


def stops(found, busy=frozenset()):
    return [stop.url for stop in iter(lambda: found.next(busy), None)]


def test_paths_that_go_in_a_circle_are_left_out():
    """What generated pages lead to without end is not followed."""
    found = Frontier([f"{HOST}/"], "host", 100, 5)
    found.found([f"{HOST}/a/b/a/b", f"{HOST}/a/b/a/b/a/b/a/b"], 0)
    assert stops(found) == [f"{HOST}/", f"{HOST}/a/b/a/b"]


def test_no_more_wait_than_may_be(monkeypatch):
    """A page with links without end makes no list without end."""
    monkeypatch.setattr(frontier, "_WAITING", 10)
    found = Frontier([f"{HOST}/"], "host", 1_000, 5)
    found.found([f"{HOST}/{number}" for number in range(100)], 0)
    assert len(stops(found)) == 10


def test_number_and_depth_bound_it_and_a_busy_host_is_passed_by():
    """The nearest come first, each once, of those whose host is free."""
    found = Frontier([f"{HOST}/", "http://b.example/"], "any", 3, 1)
    found.found([f"{HOST}/1", f"{HOST}/", "http://c.example/"], 0)
    found.found([f"{HOST}/deeper"], 1)
    stop = found.next(frozenset({HOST}))
    assert stop is not None
    assert stop.url == "http://b.example/"
    assert len(found) == 2
    assert stops(found) == [f"{HOST}/", f"{HOST}/1"]
