"""What was worked out stands while what it was made of is the same."""

from __future__ import annotations

from companion_async.cognition.settled import Settled


def test_a_result_stands_while_what_it_was_made_of_is_the_same_and_its_time_is_not_over():
    """Objects by identity, numbers by value; another count of them, or the instant, ends it."""
    settled: Settled[str] = Settled()
    one, like = [1], [1]
    assert settled.get((one, 7), 0.0) is None
    settled.put("found", (one, 1_000_000), until=10.0)
    assert settled.get((one, 1_000_000), 9.9) == "found"
    for stamps, now in (((like, 1_000_000), 0.0), ((one, 2), 0.0), ((one,), 0.0), ((one, 1_000_000), 10.0)):
        assert settled.get(stamps, now) is None
