"""Contests: a panel for each setting, a row for each contender. Bars begin at zero; far apart, they become points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import OURS
from benchmarks.drawing.style import INK, MUTED, OURS_DEEP, OURS_LIGHT, PEER, compact, plain_axis, unit_text
from benchmarks.figures import Measurement, Summary, better, summarize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FAR_APART = 30.0
"""Times: a bar of this length beside one of length 1 cannot be read any more, so the axis becomes logarithmic."""
_COLUMNS = 3
_WIDTH = 8.8  # inches
_MARKS = {"more": "more is better", "less": "less is better", None: ""}


def draw(measurements: Sequence[Measurement]) -> Figure:
    """All settings in which there is one."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(each.contender for each in measurements))
    if len(names) == 1:
        return _draw_alone(measurements)
    settings = list(dict.fromkeys((each.setting, each.unit) for each in measurements))
    columns = min(_COLUMNS, len(settings))
    rows = -(-len(settings) // columns)
    figure = Figure(figsize=(_WIDTH, rows * _height(len(names))))
    panels = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(panels.flat):
        if place >= len(settings):
            axes.set_axis_off()
            continue
        setting, unit = settings[place]
        found = {each.contender: each for each in measurements if (each.setting, each.unit) == (setting, unit)}
        _panel(axes, names, found, {name: _colour(name) for name in names}, unit)
        axes.set_title(setting)
        if place % columns:
            axes.set_yticklabels([])
    return figure


def _draw_alone(measurements: Sequence[Measurement]) -> Figure:
    """Of one who is alone the settings are the rows, in a panel for each unit."""
    from matplotlib.figure import Figure

    units = list(dict.fromkeys(each.unit for each in measurements))
    parts = [{each.setting: each for each in measurements if each.unit == unit} for unit in units]
    heights = [_height(len(part)) for part in parts]
    figure = Figure(figsize=(_WIDTH, sum(heights)))
    panels = figure.subplots(len(units), squeeze=False, height_ratios=heights)
    for axes, unit, part in zip(panels.flat, units, parts, strict=True):
        _panel(axes, list(part), part, dict.fromkeys(part, _colour(measurements[0].contender)), unit)
    panels[0, 0].set_title(measurements[0].contender)
    return figure


def _height(rows: int) -> float:
    return 0.75 + 0.24 * max(rows, 1.4)


def _panel(
    axes: Axes, names: list[str], found: Mapping[str, Measurement], colours: Mapping[str, str], unit: str
) -> None:
    figures = {name: summarize(one.rounds) for name, one in found.items()}
    heights = [height for one in figures.values() for height in (one.median, one.high)]
    logarithmic = min(heights) > 0 and max(heights) / min(heights) > FAR_APART
    for row, name in enumerate(names):
        if name in figures:
            _row(axes, len(names) - 1 - row, figures[name], colours[name], logarithmic=logarithmic)
        else:
            place = (0.0, len(names) - 1.0 - row)
            axes.annotate("n/a", place, (4, 0), ("axes fraction", "data"), "offset points", **_LABEL)
    said = ", ".join(filter(None, (unit_text(unit), _MARKS[better(unit)], "log scale" if logarithmic else "")))
    axes.set_xlabel(said, fontsize=8)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_yticks(range(len(names)), list(reversed(names)))
    for label in axes.get_yticklabels():
        label.set_color(INK)
        label.set_fontweight("bold" if label.get_text() in OURS else "normal")
    axes.grid(visible=False, axis="y")
    if logarithmic:
        axes.set_xscale("log")
        axes.set_xlim(min(one.low or one.median for one in figures.values()) / 2, 4 * max(heights))
    else:
        axes.set_xlim(min(0.0, *heights), 1.25 * max(*heights, 1e-12))
        axes.locator_params(axis="x", nbins=4)
    plain_axis(axes, "x")


_LABEL: dict[str, Any] = {"va": "center", "fontsize": 8, "color": MUTED}


def _row(axes: Axes, place: int, one: Summary, colour: str, *, logarithmic: bool) -> None:
    if logarithmic:
        axes.plot([one.low, one.high], [place, place], color=colour, linewidth=3, solid_capstyle="round", alpha=0.45)
        axes.plot([one.median], [place], "o", color=colour, markersize=6)
    else:
        axes.barh(place, one.median, height=0.62, color=colour)
        if one.count > 1:
            axes.plot([one.low, one.high], [place, place], color=INK, linewidth=1, alpha=0.55)
    edge = max(one.high, one.median)
    axes.annotate(compact(one.median), (edge, place), (6, 0), "data", "offset points", **_LABEL | {"color": INK})


def _colour(name: str) -> str:
    return {OURS[0]: OURS_DEEP}.get(name, OURS_LIGHT if name.startswith(OURS[0]) else PEER)
