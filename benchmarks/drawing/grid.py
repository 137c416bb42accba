"""Contests in many settings: a field for each contender in each, how many times the best of that setting it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.contenders import OURS
from benchmarks.drawing.style import INK, unit_text
from benchmarks.figures import Measurement, better, summarize

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FROM = 8
"""More settings than this of one unit are a grid: as panels nobody could take them in."""
_WORST = 10.0  # times the best: whoever is worse is shown as this, with his own number in the field
_BEST_COLOUR, _MIDDLE_COLOUR, _WORST_COLOUR = "#d8efe2", "#f8e7b8", "#d9694f"
_ON_FIELD = "#1b1b1b"  # on these colours in a dark page too


def draw(measurements: Sequence[Measurement], unit: str) -> Figure:
    """Rows are settings, columns contenders."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    settings = list(dict.fromkeys(one.setting for one in measurements))
    names = list(dict.fromkeys(one.contender for one in measurements))
    times = relative(measurements, more=better(unit) == "more")
    figure = Figure(figsize=(max(6.0, 2.2 + 0.78 * len(names)), 1.5 + 0.27 * len(settings)))
    axes = figure.subplots()
    shades = LinearSegmentedColormap.from_list("times", [_BEST_COLOUR, _MIDDLE_COLOUR, _WORST_COLOUR])
    for (setting, name), value in times.items():
        across, down = names.index(name), len(settings) - 1 - settings.index(setting)
        shade = shades(min(math.log(value) / math.log(_WORST), 1.0))
        axes.barh(down, 0.94, left=across - 0.47, height=0.9, color=shade)
        said = f"{value:.2f}" if value < 9.995 else f"{value:.0f}"
        weight = "bold" if value == 1.0 else "normal"
        axes.text(across, down, said, ha="center", va="center", fontsize=8, color=_ON_FIELD, fontweight=weight)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(-0.5, len(settings) - 0.5)
    axes.set_xticks(range(len(names)), names, rotation=32, ha="left", rotation_mode="anchor")
    axes.xaxis.tick_top()
    for label in axes.get_xticklabels():
        label.set_color(INK)
        label.set_fontweight("bold" if label.get_text().startswith(OURS[0]) else "normal")
    axes.set_yticks(range(len(settings)), reversed(settings))
    axes.tick_params(axis="y", labelcolor=INK)
    axes.tick_params(axis="x", top=False)
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xlabel(f"{unit_text(unit)}: times the best of the row", fontsize=8)
    return figure


def relative(measurements: Sequence[Measurement], *, more: bool) -> dict[tuple[str, str], float]:
    """How many times worse than the best of its setting each is, by setting and contender; the best is 1."""
    medians = {(one.setting, one.contender): summarize(one.rounds).median for one in measurements}
    found = {}
    for (setting, name), value in medians.items():
        row = [other for (where, _), other in medians.items() if where == setting and other > 0]
        if value > 0:
            found[setting, name] = max(row) / value if more else value / min(row)
    return found
