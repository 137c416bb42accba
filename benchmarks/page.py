"""The report as one HTML file to read: nothing is fetched from anywhere, plots are in it, light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import plots
from benchmarks.contenders import KNOWN, OURS
from benchmarks.drawing.style import compact, unit_text
from benchmarks.figures import Summary, median_text, summarize, times_text
from benchmarks.headlines import Headline, headlines
from benchmarks.report import Report, Verdict, told
from benchmarks.results import Results

_TEMPLATE = Path(__file__).with_name("page.html.j2")


class Cell(msgspec.Struct, frozen=True):
    """A figure of a table: the median, the spread in percent, and how many times it ours is."""

    median: str
    spread: str = ""
    times: str = ""


class Row(msgspec.Struct, frozen=True):
    """A contender of a table. ``reasons`` say why cells are empty."""

    name: str
    ours: bool
    cells: Sequence[Cell | None]
    reasons: Sequence[str]


def write(path: Path, made: Results) -> None:
    """Make the page and write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(made), encoding="utf-8")


def render(made: Results) -> str:
    """The page's text."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"times": times, "unit": unit_text, "duration": duration, "signs": signs, "title": title}
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    verdicts = [verdict for one in made.reports for verdict in one.verdicts]
    found = [one for one in headlines(made.reports) if peers([one])]
    return template.render(
        made=made,
        reached=sum(verdict.reached for verdict in verdicts),
        goals=len(verdicts),
        missed=missed(made.reports),
        suites=len({one.suite for one in made.reports}),
        headlines=found,
        shown={(one.suite, one.loop) for one in found},
        peers=peers(found),
        sections=[section(one) for one in made.reports],
    )


def section(one: Report) -> dict[str, Any]:
    """What the template needs of one report beside the report itself."""
    settings = list(dict.fromkeys((each.setting, each.unit) for each in one.measurements))
    return {
        "report": one,
        "anchor": anchor(one),
        "plots": plots.of(one) if plots.available() else [],
        "settings": settings,
        "rows": rows(one, settings),
        "told": told(one.absences),
        "verdicts": sorted(one.verdicts, key=by_verdict),
    }


def anchor(one: Report) -> str:
    """Where the page has it."""
    return f"{one.suite}-{one.loop}"


def missed(reports: Iterable[Report]) -> list[tuple[str, str, list[tuple[str, str, bool]]]]:
    """Each goal that was not reached, with its place; and who missed it, on which loop, by how much, and surely."""
    found: dict[tuple[str, str], list[tuple[str, str, bool]]] = {}
    first: dict[str, str] = {}
    for one in reports:
        for verdict in one.verdicts:
            if not verdict.reached:
                place = first.setdefault(verdict.goal, anchor(one))
                told = (f"{verdict.ours} on {one.loop}", verdict.measured, verdict.sure)
                found.setdefault((place, verdict.goal), []).append(told)
    return [(place, goal, told) for (place, goal), told in found.items()]


def by_verdict(verdict: Verdict) -> tuple[bool, bool]:
    """What was missed first: it is what one should know."""
    return verdict.reached, verdict.sure


def rows(one: Report, settings: Sequence[tuple[str, str]]) -> list[Row]:
    """The table of a contest: who was measured, and below them who was not."""
    found = {(each.contender, each.setting, each.unit): each for each in one.measurements}
    ratios = {(each.peer, each.setting): each.ratio.median for each in one.comparisons if each.ours == OURS[0]}
    names = [*(each.contender for each in one.measurements), *(each.contender for each in one.absences)]
    made = []
    for name in dict.fromkeys(names):
        cells: list[Cell | None] = []
        for setting, unit in settings:
            measured = found.get((name, setting, unit))
            if measured is None:
                cells.append(None)
                continue
            summary, ratio = summarize(measured.rounds), ratios.get((name, setting))
            spread = f"±{100 * summary.spread:.0f} %" if summary.count > 1 else ""
            cells.append(Cell(median_text(summary), spread, "" if ratio is None else times_text(ratio)))
        reasons = [
            each.reason + (f" ({each.setting})" if each.setting else "")
            for each in one.absences
            if each.contender == name
        ]
        made.append(Row(name, name in OURS, cells, reasons))
    return made


def peers(found: Iterable[Headline]) -> list[str]:
    """The columns of the first table, in the order of the contenders. Peers of one suite alone stand in its section."""
    names = {name for one in found for name in one.times} | {
        name for one in found if set(one.times) & set(KNOWN) for name in one.reasons
    }
    return [name for name in KNOWN if name in names and name not in OURS]


def times(summary: Summary) -> str:
    """How many times better."""
    return f"{summary.median:,.0f} x" if summary.median >= 1000 else f"{compact(summary.median)} x"


def signs(goal: str) -> str:
    """With the signs that a keyboard lacks."""
    return goal.replace(">=", "≥").replace("<=", "≤")


def title(suite: str) -> str:
    """The name of a suite as a heading: abbreviations are written as such."""
    return suite.upper() if suite in ("gil", "http") else suite.capitalize()


def duration(seconds: float) -> str:
    """Minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
