"""Figures: medians, spreads, and ratios taken round by round."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import (
    PERCENTS,
    Measurement,
    compare,
    distribute,
    pairs,
    percentile,
    ratios,
    summarize,
    times_text,
)

FIGURES = st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=40)


@given(FIGURES)
def test_a_quarter_of_the_figures_lies_on_each_side_of_the_spread(values):
    """The median is between the quartiles, those within the figures, and at most a quarter beyond each, rounded up."""
    summary = summarize(values)
    slack = 1e-9 * max(values)
    assert min(values) - slack <= summary.low <= summary.median <= summary.high <= max(values) + slack
    quarter = math.ceil(len(values) / 4)
    assert sum(value < summary.low - slack for value in values) <= quarter
    assert sum(value > summary.high + slack for value in values) <= quarter
    assert summary.count == len(values)


def test_the_spread_is_a_share_of_the_median():
    """Half the distance of the quartiles over the median; 0 of a single figure."""
    assert summarize([90.0, 95.0, 100.0, 105.0, 110.0]).spread == pytest.approx(0.05)
    assert summarize([7.0]).spread == 0.0
    assert summarize([0.0, 0.0]).spread == 0.0


def test_percentiles_are_interpolated():
    """Of 0 to 100, the percentile is its own number; a single figure is every percentile."""
    values = [float(value) for value in range(101)]
    assert [percentile(values, percent) for percent in (1, 50, 99)] == pytest.approx([1.0, 50.0, 99.0])
    assert percentile([3.0], 99) == 3.0


def test_ratios_are_taken_round_by_round():
    """A machine that was slow for a whole round changes no ratio, however much it changes the medians."""
    ours = Measurement("ours", "busy", "tasks/s", (400.0, 40.0, 4000.0))
    theirs = Measurement("theirs", "busy", "tasks/s", (100.0, 10.0, 1000.0))
    (comparison,) = compare([ours, theirs], ["ours"])
    assert (comparison.ours, comparison.peer, comparison.setting) == ("ours", "theirs", "busy")
    assert (comparison.ratio.low, comparison.ratio.median, comparison.ratio.high) == (4.0, 4.0, 4.0)
    uneven = [Measurement("a", "s", "u", (100.0, 400.0, 900.0)), Measurement("b", "s", "u", (50.0, 400.0, 100.0))]
    assert compare(uneven, ["a"])[0].ratio.median == 2.0  # that of the medians would be 4


def test_each_of_ours_is_compared_with_every_peer_in_its_own_setting():
    """Settings are never mixed, and ours are not compared with each other."""
    measurements = [
        Measurement(name, setting, "us", (1.0, 2.0))
        for name in ("plain", "watched", "peer", "other")
        for setting in ("p50", "p99")
    ]
    made = {(one.ours, one.peer, one.setting) for one in compare(measurements, ["plain", "watched"])}
    assert made == {(o, p, s) for o in ("plain", "watched") for p in ("peer", "other") for s in ("p50", "p99")}


def test_rounds_that_do_not_match_are_refused():
    """A contender that missed a round cannot be compared round by round, and is not compared silently."""
    with pytest.raises(ValueError, match="shorter"):
        compare([Measurement("ours", "s", "us", (1.0, 2.0)), Measurement("peer", "s", "us", (1.0,))], ["ours"])


def test_a_round_that_one_sat_out_counts_for_nothing():
    """Figures are paired by the number of their round; a measurement without numbers took part in all."""
    ours = Measurement("ours", "s", "us", (1.0, 2.0, 3.0, 4.0))
    slow = Measurement("slow", "s", "us", (2.0, 6.0), (0, 2))
    assert pairs(ours, slow) == [(1.0, 2.0), (3.0, 6.0)]
    (comparison,) = compare([ours, slow], ["ours"])
    assert (comparison.ratio.median, comparison.ratio.count) == (0.5, 2)


@pytest.mark.parametrize(
    ("ratio", "said"), [(0.0, "0.00"), (0.00123, "0.0012"), (0.094, "0.094"), (0.1, "0.10"), (12.345, "12.35")]
)
def test_a_small_ratio_is_not_nothing(ratio, said):
    """A hundredth of a percent is shown as that, not as 0.00."""
    assert times_text(ratio) == said


def test_nothing_is_a_multiple_of_zero():
    """A round in which the other's figure is 0 has no ratio, and without any there is no comparison."""
    ours = Measurement("ours", "s", "ms", (1.0, 2.0))
    assert ratios(ours, Measurement("peer", "s", "ms", (0.0, 4.0))) == [0.5]
    assert compare([ours, Measurement("peer", "s", "ms", (0.0, 0.0))], ["ours"]) == []


def test_only_figures_of_one_unit_are_compared():
    """Two figures of one setting in different units have nothing to do with each other."""
    ours, theirs = Measurement("ours", "s", "ms", (1.0,)), Measurement("peer", "s", "tasks/s", (4.0,))
    assert compare([ours, theirs], ["ours"]) == []


def test_a_distribution_keeps_the_bounds_of_its_shares():
    """From the smallest to the largest, interpolated, with the number of figures."""
    found = distribute("ours", "s", "ms", [float(value) for value in range(1000, -1, -1)])
    assert found.values == pytest.approx([10 * percent for percent in PERCENTS])
    assert found.count == 1001
    assert set(distribute("ours", "s", "ms", [7.0]).values) == {7.0}
