"""Shares against quotas."""

from __future__ import annotations

import pytest

from benchmarks.suites.fairness import farthest_off


def test_the_share_that_is_farthest_from_its_quota_counts():
    """As a part of what it should be: a third of the runs for the smallest of the quotas is twice its share."""
    assert farthest_off({"three": 1 / 2, "two": 1 / 3, "one": 1 / 6}) == pytest.approx(0.0, abs=1e-12)
    assert farthest_off({"three": 1 / 3, "two": 1 / 3, "one": 1 / 3}) == pytest.approx(1.0)
    assert farthest_off({"three": 0.45, "two": 1 / 3, "one": 1 / 6 + 0.05}) == pytest.approx(0.3)
