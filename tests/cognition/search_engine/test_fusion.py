"""One ranking out of several."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async.cognition.search_engine.fusion import reciprocal_rank_fusion

pytestmark = pytest.mark.feature("CB-42")


def test_what_both_rank_well_comes_first():
    """Each ranking gives an item its weight over 60 and its rank."""
    fused = reciprocal_rank_fusion([(1.0, ["a", "b", "c"]), (1.0, ["b", "c", "d"])])
    assert [item for item, _ in fused] == ["b", "c", "a", "d"]
    assert dict(fused)["b"] == pytest.approx(1 / 62 + 1 / 61)


def test_weights_count():
    """A ranking with little weight moves only what the other leaves close."""
    assert [item for item, _ in reciprocal_rank_fusion([(1.0, ["a", "b"]), (0.001, ["b"])])] == ["a", "b"]
    assert [item for item, _ in reciprocal_rank_fusion([(1.0, ["a", "b"]), (1.0, ["b"])])] == ["b", "a"]


@given(st.lists(st.permutations(range(6)), min_size=1, max_size=4))
def test_nothing_is_lost_or_doubled(rankings):
    """Every item comes out once, whoever ranked it."""
    fused = reciprocal_rank_fusion([(1.0, ranking) for ranking in rankings])
    assert sorted(item for item, _ in fused) == list(range(6))
    assert [score for _, score in fused] == sorted((score for _, score in fused), reverse=True)
