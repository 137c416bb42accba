"""The figure that stands for a suite: how many times better, whichever way its unit goes."""

from __future__ import annotations

import pytest

from benchmarks.figures import Measurement, better, compare
from benchmarks.headlines import headline_setting, headlines
from benchmarks.report import Absence, Report


def report(suite: str, unit: str, *settings: str, loop: str = "asyncio", **more) -> Report:
    measurements = tuple(
        Measurement(name, setting, unit, rounds)
        for setting in settings
        for name, rounds in (("companion", (8.0, 8.0, 8.0)), ("asyncio.to_thread", (1.0, 2.0, 4.0)))
    )
    comparisons = tuple(compare(measurements, ["companion"]))
    return Report(suite=suite, loop=loop, measurements=measurements, comparisons=comparisons, **more)


@pytest.mark.parametrize(
    ("unit", "way"),
    [("tasks/s", "more"), ("us", "less"), ("bytes/task", "less"), ("MiB", "less"), ("share", None), ("threads", None)],
)
def test_the_unit_tells_the_good_way(unit, way):
    """Rates should be high, times and memory low; of others nothing is known."""
    assert better(unit) == way


def test_above_one_ours_is_better():
    """A higher rate and a shorter time both count as more; the spread is turned around with them."""
    (rate,) = headlines([report("throughput", "tasks/s", "200 clients")])
    (time,) = headlines([report("latency", "us", "p50")])
    (ratio,) = rate.times.values()
    assert (ratio.low, ratio.median, ratio.high) == (3.0, 4.0, 6.0)
    (ratio,) = time.times.values()
    assert (ratio.low, ratio.median, ratio.high) == pytest.approx((1 / 6, 1 / 4, 1 / 3))


def test_one_setting_and_one_loop_stand_for_a_suite():
    """What the report says it is, else that of its goal, else the last; and of several loops the last."""
    assert headline_setting(report("throughput", "tasks/s", "200 clients", "5,000 clients")) == "200 clients"
    assert headline_setting(report("throughput", "tasks/s", "200 clients", "x", headline="x")) == "x"
    assert headline_setting(report("throughput", "tasks/s", "200 clients", headline="gone")) == "200 clients"
    assert headline_setting(report("unknown", "tasks/s", "a", "b")) == "b"
    both = [report("latency", "us", "p50"), report("latency", "us", "p50", loop="uvloop")]
    assert [one.loop for one in headlines(both)] == ["uvloop"]


def test_who_has_no_figure_has_a_reason():
    """Absences of the whole suite and of its setting are kept, those of other settings are not."""
    absences = (Absence("Ray", "not installed"), Absence("dask", "slow", "p50"), Absence("aiojobs", "slow", "p99"))
    (one,) = headlines([report("latency", "us", "p50", "p99", absences=absences)])
    assert one.reasons == {"Ray": "not installed", "dask": "slow"}


def test_what_nobody_is_compared_in_has_no_headline():
    """A suite without peers, or with a unit of which no way is known to be good, makes none."""
    assert headlines([Report(suite="memory", loop="asyncio"), report("retrieval", "share", "hits")]) == []
