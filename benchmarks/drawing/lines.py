"""Charts and distributions: curves whose names stand where they end, so that no legend has to be read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.contenders import OURS
from benchmarks.drawing.style import GOOD, MUTED, colours, compact, plain_axis, unit_text
from benchmarks.figures import PERCENTS, Distribution
from benchmarks.report import Chart, Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FAR_APART = 30.0
_LEAST_GAP = 0.062  # of the height of the axes: what a line of text needs
_FROM = 50.0  # percent: below the middle, nobody waits long
_LAST = 3.6  # where the slowest call stands, on an axis on which each nine has a length of 1


def draw_chart(chart: Chart) -> Figure:
    """One chart, over an axis of numbers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.9))
    axes = figure.subplots()
    if chart.log_x:
        axes.set_xscale("log")
    if chart.log_y:
        axes.set_yscale("log")
    _curves(axes, chart.curves, chart.ours, steps=chart.steps)
    if chart.goal is not None:
        axes.axhline(chart.goal, color=GOOD, linewidth=1.2, linestyle=(0, (5, 3)))
        axes.annotate(
            "goal", (0, chart.goal), (3, 3), ("axes fraction", "data"), "offset points", color=GOOD, fontsize=8
        )
    if not chart.log_y:
        low = min((min((*one.y, *one.low), default=0.0) for one in chart.curves), default=0.0)
        axes.set_ylim(bottom=min(0.0, low))
    axes.set_title(chart.title)
    axes.set_xlabel(unit_text(chart.x))
    axes.set_ylabel(unit_text(chart.y))
    plain_axis(axes, "x")
    plain_axis(axes, "y")
    _name(axes, chart.curves, chart.ours)
    return figure


def draw_distributions(found: Sequence[Distribution]) -> Figure:
    """A panel for each setting: how long calls take, from the middle one to the slowest."""
    from matplotlib.figure import Figure

    settings = list(dict.fromkeys((one.setting, one.unit) for one in found))
    figure = Figure(figsize=(8, 3.7 * len(settings)))
    for axes, (setting, unit) in zip(figure.subplots(len(settings), squeeze=False).flat, settings, strict=True):
        curves = [_tail(one) for one in found if (one.setting, one.unit) == (setting, unit)]
        heights = [height for curve in curves for height in curve.y]
        if min(heights) > 0 and max(heights) / min(heights) > FAR_APART:
            axes.set_yscale("log")
        else:
            axes.set_ylim(0, 1.05 * max(heights))
        _curves(axes, curves, OURS)
        shown = [percent for percent in PERCENTS if percent in (50, 90, 99, 99.9, 100)]
        axes.set_xticks([nines(percent) for percent in shown], [_said(percent) for percent in shown])
        axes.set_title(setting)
        axes.set_xlabel("share of the calls that took no longer")
        axes.set_ylabel(unit_text(unit))
        plain_axis(axes, "y")
        _name(axes, curves, OURS)
    return figure


def nines(percent: float) -> float:
    """The place on an axis on which 90, 99 and 99.9 % are equally far apart."""
    return min(-math.log10(1 - percent / 100), _LAST) if percent < 100 else _LAST


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Places as near to those that are ``wanted``, and in their order, as they can be with ``gap`` between neighbours.

    Groups of neighbours that are too close are put around their common middle until none are (pool adjacent violators).
    """
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    groups: list[tuple[float, int]] = []  # the middle of a group, and how many are in it
    for place in order:
        middle, count = wanted[place], 1
        while groups and middle - groups[-1][0] < gap * (count + groups[-1][1]) / 2:
            before, many = groups.pop()
            middle, count = (before * many + middle * count) / (many + count), many + count
        groups.append((middle, count))
    places = [middle + gap * (number - (count - 1) / 2) for middle, count in groups for number in range(count)]
    found = [0.0] * len(wanted)
    for place, at in zip(order, places, strict=True):
        found[place] = at
    return found


def _tail(one: Distribution) -> Curve:
    points = [(nines(at), value) for at, value in zip(PERCENTS, one.values, strict=True) if at >= _FROM]
    return Curve(one.contender, *(tuple(each) for each in zip(*points, strict=True)))


def _said(percent: float) -> str:
    return "slowest" if percent == 100 else f"{percent:g} %"


def _curves(axes: Axes, curves: Sequence[Curve], ours: Sequence[str], *, steps: bool = False) -> None:
    hue = colours([one.name for one in curves], ours)
    style = "steps-post" if steps else "default"
    # Ours are drawn last, over the others.
    for one in sorted(curves, key=lambda curve: _is_ours(curve.name, ours)):
        mine = _is_ours(one.name, ours)
        marker = "" if steps or len(one.x) > 24 else "o"
        axes.plot(
            one.x,
            one.y,
            marker=marker,
            color=hue[one.name],
            linewidth=2.4 if mine else 1.3,
            markersize=4.5 if mine else 3,
            drawstyle=style,
            alpha=1.0 if mine else 0.9,
        )
        if one.low and one.high:
            axes.fill_between(one.x, one.low, one.high, color=hue[one.name], alpha=0.13, linewidth=0)


def _name(axes: Axes, curves: Sequence[Curve], ours: Sequence[str]) -> None:
    drawn = [one for one in curves if one.x]
    if not drawn:
        return
    hue = colours([one.name for one in curves], ours)
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]  # so that limits and sizes are known
    across, last = axes.transAxes.inverted(), max(one.x[-1] for one in drawn)
    ends = [across.transform(axes.transData.transform((one.x[-1], one.y[-1]))) for one in drawn]
    for one, end, height in zip(drawn, ends, spread([float(end[1]) for end in ends], _LEAST_GAP), strict=True):
        axes.annotate(
            f"{one.name}  {compact(one.y[-1])}",
            (float(end[0]), float(end[1])),
            (1.025, height),
            "axes fraction",
            "axes fraction",
            va="center",
            color=hue[one.name],
            fontsize=8.5,
            fontweight="bold" if _is_ours(one.name, ours) else "normal",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": hue[one.name],
                "linewidth": 0.7,
                "alpha": 0.55,
                "linestyle": "-" if one.x[-1] == last else ":",
                "shrinkA": 0,
                "shrinkB": 3,
            },
        )
    axes.tick_params(colors=MUTED)


def _is_ours(name: str, ours: Sequence[str]) -> bool:
    return name in ours or name.startswith(OURS[0])
