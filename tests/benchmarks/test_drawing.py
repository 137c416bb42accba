"""Plots: what they are made of, and that every kind is drawn whole."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import plots
from benchmarks.drawing import style
from benchmarks.drawing.grid import relative
from benchmarks.drawing.lines import nines, spread
from benchmarks.figures import Measurement, compare, distribute
from benchmarks.report import Chart, Curve, Report, Sample

drawn = pytest.mark.skipif(not plots.available(), reason="matplotlib is not installed")
CONTENDERS = {"companion": 9.0, "companion, watched": 8.0, "asyncio.to_thread": 40.0, "slow <peer>": 900.0}
MEASUREMENTS = tuple(
    Measurement(name, setting, unit, (base, 1.1 * base, 1.2 * base))
    for name, base in (
        ("companion", 9.0),
        ("companion, watched", 8.0),
        ("asyncio.to_thread", 40.0),
        ("slow <peer>", 900.0),
    )
    for setting, unit in (("p50", "us"), ("p99", "us"), ("alone", "tasks/s"), ("beside", "tasks/s"))
    if (name, setting) != ("slow <peer>", "beside")
)
REPORT = Report(
    suite="latency",
    loop="uvloop",
    measurements=MEASUREMENTS,
    comparisons=tuple(compare(MEASUREMENTS, ["companion"])),
    charts=(
        Chart(
            title="Lateness & load",
            x="clients",
            y="us",
            log_x=True,
            goal=5.0,
            curves=(
                Curve("companion", (1.0, 10.0, 100.0), (3.0, 4.0, 5.0), (2.0, 3.0, 4.0), (4.0, 5.0, 6.0)),
                Curve("slow <peer>", (1.0, 10.0), (3.0, 90.0)),
                Curve("never measured", (), ()),
            ),
        ),
        Chart(
            title="Limit", x="s", y="threads", steps=True, log_y=True, curves=(Curve("plain", (0.0, 1.0), (5.0, 7.0)),)
        ),
        Chart(title="Nothing", x="s", y="threads", curves=(Curve("plain", (), ()),)),
    ),
    distributions=tuple(
        distribute(name, setting, "ms", [base * number for number in range(1, 400)])
        for name, base in (("companion", 1.0), ("asyncio.to_thread", 3.0))
        for setting in ("quick", "slow")
    ),
    samples=(Sample("before", 1, 1e7), Sample("after", 9, 2e7)),
)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12), st.floats(0.01, 0.5))
def test_labels_keep_their_order_and_their_distance(wanted, gap):
    """No two labels overlap, none changes places with another, and as a whole they stay where they were wanted."""
    found = spread(wanted, gap)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    assert all(found[b] - found[a] >= gap - 1e-9 for a, b in pairwise(order))
    assert sum(found) == pytest.approx(sum(wanted), abs=1e-6)


def test_labels_that_have_room_stay():
    """Only those that are too close are moved, around their common middle."""
    assert spread([0.0, 1.0, 1.0, 3.0], 0.5) == pytest.approx([0.0, 0.75, 1.25, 3.0])
    assert spread([3.0, 0.0], 0.5) == [3.0, 0.0]


def test_each_nine_is_as_long_as_the_one_before():
    """The axis of rare calls gives a tenfold rarer one the same length, and the slowest a place of its own."""
    assert nines(99) - nines(90) == pytest.approx(nines(99.9) - nines(99)) == pytest.approx(1.0)
    assert nines(99.9) < nines(100) == nines(99.99999)


@pytest.mark.parametrize(
    ("value", "label", "tick"),
    [
        (0.0, "0", "0"),
        (0.0123, "0.012", "0.0123"),
        (0.5, "0.50", "0.5"),
        (9.994, "9.99", "9.994"),
        (10.0, "10.0", "10"),
        (812.4, "812", "812.4"),
        (999.7, "1.00k", "999.7"),
        (36_400.0, "36.4k", "36.4k"),
        (1_000_000.0, "1.00M", "1M"),
        (-2500.0, "-2.50k", "-2.5k"),
    ],
)
def test_numbers_are_short(value, label, tick):
    """Three digits in a label, as few as there are at an axis, and a letter for thousands."""
    assert (style.compact(value), style.round_number(value)) == (label, tick)


def test_units_are_written_as_people_do():
    """Microseconds have their sign; what only looks like them is left alone."""
    assert (style.unit_text("us"), style.unit_text("us/task"), style.unit_text("bonus")) == ("µs", "µs/task", "bonus")


def test_ours_have_the_accent():
    """Whoever begins with our name or is named ours is blue, the others differ from it and from each other."""
    found = style.colours(["a", "companion", "b", "companion, watched"], ())
    assert found["companion"] == style.OURS_DEEP
    assert found["companion, watched"] == style.OURS_LIGHT
    assert len(set(found.values())) == 4
    assert style.colours(["a", "mine"], ["mine"])["mine"] == style.OURS_DEEP


def test_the_best_of_a_setting_is_one():
    """Others are so many times worse, whichever way the unit goes; what is not above zero has no ratio."""
    measured = [
        Measurement("a", "s", "ms", (2.0, 2.0)),
        Measurement("b", "s", "ms", (5.0, 5.0)),
        Measurement("c", "s", "ms", (0.0,)),
        Measurement("a", "t", "ms", (9.0,)),
    ]
    assert relative(measured, more=False) == {("s", "a"): 1.0, ("s", "b"): 2.5, ("t", "a"): 1.0}
    assert relative(measured, more=True) == {("s", "a"): 2.5, ("s", "b"): 1.0, ("t", "a"): 1.0}


@drawn
def test_many_settings_are_a_grid():
    """More than fit into panels become fields, a row for each; settings of other units keep their panels."""
    many = [Measurement(name, f"shape {n}", "ms", (n + 1.0,)) for n in range(9) for name in ("companion", "plain")]
    few = [Measurement("companion", "alone", "tasks/s", (3.0,))]
    one = Report(suite="scaling", loop="asyncio", measurements=(*many, *few))
    assert [plot.name for plot in plots.of(one)] == ["scaling-asyncio-ms-grid", "scaling-asyncio"]


@drawn
def test_one_alone_has_its_settings_as_rows():
    """Where there is nobody to compare with, there is a panel for each unit, not one for each setting."""
    measured = tuple(Measurement("companion", f"quota {n}", "%", (10.0 * n,)) for n in (1, 2, 3))
    (one,) = plots.of(Report(suite="fairness", loop="uvloop", measurements=measured))
    assert len(one._figure.axes) == 1
    assert {"quota 1", "quota 2", "quota 3", "companion"} <= set(re.findall(r">([^<>]+)</text>", one.svg))


@pytest.fixture(scope="module")
def found() -> list[plots.Plot]:
    return plots.of(REPORT)


@drawn
def test_every_kind_is_drawn(found):
    """A plot for each chart that has points, one for the contest, one for the distributions, one for the course."""
    assert [one.name for one in found] == [
        "latency-uvloop-lateness-load",
        "latency-uvloop-limit",
        "latency-uvloop",
        "latency-uvloop-distribution",
        "latency-uvloop-course",
    ]
    for one in found:
        ET.fromstring(one.svg)
    texts = {"".join(text.itertext()).strip() for text in ET.fromstring(found[2].svg).iterfind(".//{*}text")}
    assert {"companion", "slow <peer>", "p50", "µs, less is better, log scale", "n/a", "44.0"} <= texts
    assert "never measured" not in found[0].svg


@drawn
def test_the_same_figures_give_the_same_file(found, tmp_path):
    """A plot in the repository changes only when its figures do."""
    course = found[-1]
    (again,) = plots.of(Report(suite="latency", loop="uvloop", samples=REPORT.samples))
    assert course.svg == again.svg
    course.save(tmp_path)
    assert (tmp_path / f"{course.name}.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / f"{course.name}.svg").read_text(encoding="utf-8") == course.svg


@drawn
def test_a_page_gives_a_plot_its_colours(found):
    """In a page a plot is one element, without sizes and names of its own, whose colours are the page's properties."""
    inline = found[0].inline
    root = ET.fromstring(inline)
    assert root.tag.endswith("svg")
    assert not {"width", "height"} & set(root.attrib)
    assert "<style" not in inline
    assert style.OURS_DEEP in found[0].svg
    assert not [colour for colour in style._PROPERTIES if colour in inline]
    assert "var(--ours)" in inline
