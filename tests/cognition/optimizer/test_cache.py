"""A cache that knows why it missed."""

from __future__ import annotations

import pytest

from companion_async.cognition.optimizer.cache import TunedCache
from companion_async.errors import InvalidArgumentError
from companion_async.testing.clock import VirtualClock


class Clock(VirtualClock):
    def passes(self, seconds):
        self._now += seconds


@pytest.mark.feature("CB-46")
def test_it_keeps_what_was_used_last_and_knows_what_it_put_out():
    """A miss of what had been put out is told from one of what was never there."""
    cache = TunedCache("c", 2)
    for key in "abc":
        cache.put(key, key.upper())
    assert (cache.get("a"), cache.get("b"), cache.get("c"), cache.get("z", "none")) == (None, "B", "C", "none")
    figures = cache.figures()
    assert (figures.hits, figures.misses, figures.ghosts, figures.expired, figures.entries) == (2, 2, 1, 0, 2)
    assert cache.get_or_make("a", lambda: "again") == "again"
    assert cache.get_or_make("a", lambda: "not made") == "again"


@pytest.mark.feature("CB-46")
def test_what_was_asked_for_last_stays_and_a_ghost_that_came_back_is_none():
    """A look-up is a use; of what was put out it remembers as many as it has places, and none that it has again."""
    cache = TunedCache("c", 2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b")) == (1, None)
    cache.put("b", 2)
    cache.call_stale("b")
    assert cache.get("b") is None
    assert (cache.figures().misses, cache.figures().ghosts) == (2, 1)
    for key in "defgh":
        cache.put(key, key)
    assert [cache.get(key) for key in "def"] == [None] * 3
    assert cache.figures().ghosts == 1 + 2  # of e and f, which went last


@pytest.mark.feature("CB-46")
def test_it_forgets_with_time_and_counts_that_too():
    """What is too old is missed; what its user calls stale goes at once."""
    clock = Clock()
    cache = TunedCache("c", 2, 10.0, clock=clock)
    cache.put("a", None)
    clock.passes(10)
    assert cache.get("a", "missing") is None
    clock.passes(0.1)
    assert cache.get("a", "missing") == "missing"
    cache.put("b", 1)
    cache.call_stale("b")
    figures = cache.figures()
    assert (figures.expired, figures.stale, figures.entries) == (1, 1, 0)


@pytest.mark.feature("CB-46")
def test_tuned_it_counts_anew():
    """A smaller size puts out the oldest at once."""
    cache = TunedCache("c", 3)
    for key in "abc":
        cache.put(key, key)
    cache.get("z")
    cache.tune(size=1, ttl=5.0)
    figures = cache.figures()
    assert (figures.size, figures.ttl, figures.entries, figures.misses) == (1, 5.0, 1, 0)
    assert cache.get("c") == "c"
    cache.clear()
    assert cache.figures().entries == 0


@pytest.mark.parametrize("wrong", [{"size": 0}, {"ttl": 0}, {"ttl": float("nan")}])
def test_sizes_and_times_are_checked(wrong):
    """When it is made and when it is tuned, and then it stays as it was."""
    with pytest.raises(InvalidArgumentError):
        TunedCache("c", **wrong)
    cache = TunedCache("c", 7, 9.0)
    with pytest.raises(InvalidArgumentError):
        cache.tune(**wrong)
    assert (cache.figures().size, cache.figures().ttl) == (7, 9.0)
