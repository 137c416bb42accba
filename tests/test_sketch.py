"""Percentiles in fixed memory."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from companion_async.sketch import BUCKETS, HIGHEST, LOWEST, RELATIVE_ERROR, WINDOW, DurationSketch

durations = st.floats(LOWEST, HIGHEST)
shares = st.floats(0, 1)


def sketch_of(values):
    sketch = DurationSketch()
    for value in values:
        sketch.add(value)
    return sketch


def exact(values, share):
    return sorted(values)[math.floor(share * (len(values) - 1))]


@pytest.mark.feature("CB-23")
@given(st.lists(durations, min_size=1, max_size=300), shares)
@example([LOWEST], 0.5)
@example([HIGHEST], 0.5)
@example([LOWEST, HIGHEST], 1.0)
def test_every_quantile_is_within_two_percent(values, share):
    """Any quantile of any durations in range differs from the exact one by at most 2 %."""
    true = exact(values, share)
    assert abs(sketch_of(values).quantile(share) - true) <= RELATIVE_ERROR * true


@pytest.mark.feature("CB-23")
@pytest.mark.parametrize("seed", range(3))
def test_real_shapes_are_met_at_p50_p95_and_p99(seed):
    """Log-normal service times of a full window: the three quantiles of a status are within 2 % of the exact ones."""
    chance = random.Random(seed)
    values = [min(max(chance.lognormvariate(-5, 2), LOWEST), HIGHEST) for _ in range(WINDOW)]
    found = sketch_of(values).quantiles((0.5, 0.95, 0.99))
    for share, value in zip((0.5, 0.95, 0.99), found, strict=True):
        assert value == pytest.approx(exact(values, share), rel=RELATIVE_ERROR)


def test_bucket_bounds_do_not_slip():
    """Values a hair beside a bucket's bound, where the logarithm rounds, keep the promised error."""
    sketch = DurationSketch()
    value = LOWEST
    while value < HIGHEST / 1.05:
        for near in (math.nextafter(value, 0), value, math.nextafter(value, math.inf)):
            if near >= LOWEST:
                sketch = sketch_of([near])
                assert abs(sketch.quantile(0.5) - near) <= RELATIVE_ERROR * near
        value *= 1.0404


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=200))
def test_count_and_total_cover_every_value(values):
    """``count`` and ``total`` are those of all values, in range or not."""
    sketch = sketch_of(values)
    assert sketch.count == len(values)
    assert sketch.total == pytest.approx(sum(values))


@given(st.lists(durations, max_size=200), st.lists(durations, max_size=200), shares)
def test_a_merge_equals_adding_all_to_one(one, other, share):
    """Two merged sketches answer exactly as one that saw both, and the second is left as it was."""
    first, second, both = sketch_of(one), sketch_of(other), sketch_of([*one, *other])
    before = (second.count, second.total, second.quantile(share))
    first.merge(second)
    assert first.quantile(share) == both.quantile(share)
    assert first.count == both.count
    assert first.total == pytest.approx(both.total)
    assert (second.count, second.total, second.quantile(share)) == before


def test_many_full_sketches_merge_without_loss():
    """A category's figures cover the windows of all its modules, not of the last one merged."""
    whole = DurationSketch()
    for tenth in range(10):
        whole.merge(sketch_of([0.001 * (tenth + 1)] * (WINDOW + 10)))
    assert whole.count == 10 * (WINDOW + 10)
    assert [whole.quantile(0.1 * tenth + 0.05) for tenth in range(10)] == pytest.approx(
        [0.001 * (tenth + 1) for tenth in range(10)], rel=RELATIVE_ERROR
    )
    whole.add(1.0)
    assert whole.count == 10 * (WINDOW + 10) + 1


def test_what_was_merged_is_forgotten_in_time():
    """Merged values fill the window as added ones do: they do not linger for a further one."""
    sketch = DurationSketch()
    sketch.merge(sketch_of([10.0] * (WINDOW - 1)))
    for _ in range(WINDOW + 1):
        sketch.add(0.01)
    assert sketch.quantile(1.0) == pytest.approx(0.01, rel=RELATIVE_ERROR)


def test_quantiles_speak_of_recent_behaviour():
    """A module that was slow for long shows its new speed within two windows; count and total still know all."""
    sketch = sketch_of([10.0] * 3 * WINDOW)
    for _ in range(WINDOW // 2):
        sketch.add(0.01)
    assert sketch.quantile(0.5) == pytest.approx(10.0, rel=RELATIVE_ERROR)
    for _ in range(WINDOW // 2, 2 * WINDOW):
        sketch.add(0.01)
    assert sketch.quantile(0.99) == pytest.approx(0.01, rel=RELATIVE_ERROR)
    assert sketch.count == 5 * WINDOW
    assert sketch.total == pytest.approx(3 * WINDOW * 10 + 2 * WINDOW * 0.01)


def test_at_least_one_window_is_always_covered():
    """At no moment do the quantiles rest on fewer than the last WINDOW values, nor on more than twice as many."""
    sketch = DurationSketch()
    for added in range(1, 3 * WINDOW):
        sketch.add(0.01)
        held = sum(sketch._buckets().values())
        assert min(added, WINDOW) <= held <= 2 * WINDOW


def test_memory_is_fixed():
    """Whatever the values, no more than twice BUCKETS counters are held."""
    chance = random.Random(1)
    sketch = DurationSketch()
    for _ in range(20 * WINDOW):
        sketch.add(10 ** chance.uniform(-9, 9))
    assert len(sketch._recent) <= BUCKETS
    assert len(sketch._before) <= BUCKETS


@pytest.mark.parametrize(
    ("value", "shown", "total"),
    [
        (0.0, LOWEST, 0.0),
        (-5.0, LOWEST, 0.0),
        (5e-324, LOWEST, 5e-324),
        (math.nan, LOWEST, 0.0),
        (1e7, HIGHEST, 1e7),
        (math.inf, HIGHEST, 0.0),
        (-math.inf, LOWEST, 0.0),
    ],
)
def test_what_lies_beyond_counts_as_the_bound(value, shown, total):
    """Zero, negatives, NaN and infinities are counted at a bound; none of them spoils the total or raises."""
    sketch = sketch_of([value])
    assert sketch.quantile(0.5) == pytest.approx(shown, rel=RELATIVE_ERROR)
    assert (sketch.count, sketch.total) == (1, total)


def test_an_empty_sketch_has_no_quantile():
    """Before the first value there is no percentile, rather than a zero that looks like one."""
    assert DurationSketch().quantile(0.5) is None
    assert DurationSketch().quantiles((0.5, 0.99)) == (None, None)
