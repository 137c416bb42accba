"""How all plots look: one accent for ours, quiet colours for the rest, and colours that a page can swap for its own.

Everything is drawn for a white page. `themed` turns the SVG of a figure into one whose colours are the custom
properties of the page around it, so that it is readable in its dark dress too.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#16191d", "#68707b", "#e3e6ea", "#fffffe"
OURS_DEEP, OURS_LIGHT, PEER, GOOD = "#0b62d6", "#4f93ea", "#b3bac4", "#178a50"
_HUES = ("#c2570c", "#7d4cdb", "#0d8a72", "#c43a78", "#937000", "#3f7d20", "#a3423c", "#1583a8", "#8a6d5a", "#6b6f9c")
_PROPERTIES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    PAPER: "--paper",
    OURS_DEEP: "--ours",
    OURS_LIGHT: "--ours-light",
    PEER: "--peer",
    GOOD: "--good",
    **{hue: f"--hue-{number}" for number, hue in enumerate(_HUES)},
}

SETTINGS: Any = {
    "font.family": "DejaVu Sans",  # which matplotlib brings, so that pictures look the same everywhere
    "text.hinting": "none",  # hinted, small bold letters look as if they had serifs
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.facecolor": PAPER,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "figure.facecolor": PAPER,
    "figure.constrained_layout.use": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "ytick.left": False,
    "xtick.bottom": False,
    "xtick.minor.bottom": False,
    "ytick.minor.left": False,
    # Text stays text, and the same figures give the same file.
    "svg.fonttype": "none",
    "svg.hashsalt": "companion_async",
    "svg.image_inline": True,
}


def colours(names: Iterable[str], ours: Iterable[str]) -> dict[str, str]:
    """A colour for each curve: ours first in the accent, the others in their order."""
    mine = [name for name in names if name in set(ours) or name.startswith("companion")]
    accents = dict(zip(mine, (OURS_DEEP, OURS_LIGHT), strict=False))
    others = [name for name in dict.fromkeys(names) if name not in accents]
    return accents | {name: _HUES[place % len(_HUES)] for place, name in enumerate(others)}


def compact(value: float) -> str:
    """Three digits and a letter: 1.24M, 36.4k, 812, 9.52."""
    for bound, letter in _LETTERS:
        if abs(value) >= 0.9995 * bound:
            return f"{_three(value / bound)}{letter}"
    return _three(value)


def round_number(value: float) -> str:
    """The same for the ticks of an axis, without digits that say nothing: 1M, 40k, 2.5."""
    for bound, letter in _LETTERS:
        if abs(value) >= bound:
            return f"{value / bound:g}{letter}"
    return f"{value:g}"


_LETTERS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def _three(value: float) -> str:
    size = abs(value)
    if size >= 99.95 or value == 0:
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 9.995 else f"{value:.2f}" if size >= 0.095 else f"{value:.2g}"


def unit_text(unit: str) -> str:
    """The unit as people write it."""
    return re.sub(r"\bus\b", "µs", unit)


def plain_axis(axes: Axes, which: str) -> None:
    """Ticks as `round_number` writes them, with none between the powers on a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _place: round_number(value)))
    axis.set_minor_formatter(NullFormatter())


def svg(figure: Figure) -> str:
    """The figure as a standalone SVG file."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def themed(standalone: str) -> str:
    """The same for a page: colours are custom properties, nothing but the element itself, no ids that could clash."""
    inline = standalone[standalone.index("<svg") :]
    inline = re.sub(r"<(metadata|style)\b.*?</\1>", "", inline, flags=re.DOTALL)
    inline = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", inline)
    inline = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1", inline, count=1)
    inline = re.sub(r'font-family: [^;"]*', "font-family: inherit", inline)
    for colour, name in _PROPERTIES.items():
        inline = inline.replace(colour, f"var({name})")
    return inline
