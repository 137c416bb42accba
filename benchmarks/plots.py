"""The plots of a report, each as an SVG and a PNG. They need matplotlib, which the extra ``bench`` brings."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.drawing import bars, course, grid, lines, style
from benchmarks.figures import better
from benchmarks.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ADVICE = "plots and the report need matplotlib and Jinja2: pip install -e '.[bench]'"
_DOTS_PER_INCH = 130


class Plot:
    """One picture: ``name`` is that of its files, ``caption`` what to see in it."""

    def __init__(self, name: str, caption: str, draw: Callable[[], Figure]) -> None:
        from matplotlib import rc_context

        self.name, self.caption = name, caption
        with rc_context(style.SETTINGS):
            self._figure = draw()
            self.svg = style.svg(self._figure)

    @property
    def inline(self) -> str:
        """The SVG in the colours of the page that it is put into."""
        return style.themed(self.svg)

    def save(self, folder: Path) -> None:
        """Write both files."""
        from matplotlib import rc_context

        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.svg").write_text(self.svg, encoding="utf-8")
        with rc_context(style.SETTINGS):
            self._figure.savefig(folder / f"{self.name}.png", dpi=_DOTS_PER_INCH, metadata={"Software": None})


def available() -> bool:
    """Whether anything can be drawn here."""
    return all(importlib.util.find_spec(name) for name in ("matplotlib", "jinja2"))


def of(one: Report) -> list[Plot]:
    """All plots of one suite on one loop."""
    return [Plot(name, caption, draw) for name, caption, draw in _wanted(one)]


def save(reports: Iterable[Report], folder: Path) -> dict[str, list[str]]:
    """Write all plots of all reports. Gives the names of the SVG files by ``suite-loop``."""
    written: dict[str, list[str]] = {}
    for one in reports:
        for plot in of(one):
            plot.save(folder)
            written.setdefault(f"{one.suite}-{one.loop}", []).append(f"{plot.name}.svg")
    return written


def clear(folder: Path) -> None:
    """Remove the plots of an earlier run, some of which this one may not have."""
    for suffix in ("svg", "png"):
        for path in folder.glob(f"*.{suffix}"):
            path.unlink()


def _wanted(one: Report) -> Iterator[tuple[str, str, Callable[[], Figure]]]:
    stem = f"{one.suite}-{one.loop}"
    for chart in one.charts:
        if any(curve.x for curve in chart.curves):
            yield f"{stem}-{_slug(chart.title)}", chart.caption, partial(lines.draw_chart, chart)
    units = {
        each.unit: {other.setting for other in one.measurements if other.unit == each.unit} for each in one.measurements
    }
    many = [unit for unit, settings in units.items() if len(settings) > grid.FROM and better(unit)]
    for unit in many:
        fields = [each for each in one.measurements if each.unit == unit]
        yield f"{stem}-{_slug(unit)}-grid", "The best of a row is 1.", partial(grid.draw, fields, unit)
    rest = [each for each in one.measurements if each.unit not in many]
    if rest:
        yield stem, "Medians, and the middle half of the rounds as a line.", partial(bars.draw, rest)
    if one.distributions:
        caption = "Each step to the right is a tenfold rarer call."
        yield f"{stem}-distribution", caption, partial(lines.draw_distributions, one.distributions)
    if one.samples:
        yield f"{stem}-course", "", partial(course.draw, one.samples)


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
