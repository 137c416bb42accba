"""Reports as tables for a person."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.contenders import OURS
from benchmarks.figures import Measurement, Summary, median_text, summarize, times_text
from benchmarks.machine import Machine
from benchmarks.report import Report, Verdict, told

_MIB = 2**20
_MOST_COLUMNS = 8
_SIDE_BY_SIDE = 4  # settings that fit beside each other, each with its ratio


def machine(described: Machine) -> RenderableType:
    """Where and with what it was measured."""
    load = "" if described.load is None else f", load {described.load:.1f} before the start"
    lock = "with" if described.interpreter_lock else "without"
    packages = ", ".join(f"{name} {version}" for name, version in described.packages.items())
    busy = "; the machine is busy, so times say little" if described.busy else ""
    return Text(
        f"{described.python} {lock} the interpreter lock, switch interval {1e3 * described.switch_interval:g} ms\n"
        f"{described.platform}, {described.cores} cores of {described.processor}, "
        f"{described.memory_bytes / 2**30:.1f} GiB{load}{busy}\n{packages}",
        style="dim",
    )


def report(one: Report) -> RenderableType:
    """Everything a suite measured on one loop."""
    parts: list[RenderableType] = [Text(one.asks, style="italic")] if one.asks else []
    if one.measurements:
        parts.extend(_contests(one))
    if one.samples:
        parts.append(_course(one))
    parts.extend(Text(reason, style="yellow") for reason in told(one.absences))
    parts.extend(Text(note, style="dim") for note in one.notes)
    if one.says_not:
        parts.append(Text(one.says_not, style="dim italic"))
    return Group(*parts)


def verdicts(reports: Iterable[Report]) -> RenderableType:
    """Every goal beside what was measured, reached or not."""
    table = _table("Goals", "Goal")
    for heading in ("On", "Ours", "Measured", ""):
        table.add_column(heading)
    for one in reports:
        for verdict in one.verdicts:
            table.add_row(verdict.goal, one.loop, verdict.ours, verdict.measured, _said(verdict))
    return table if table.row_count else Group()


def figure(summary: Summary) -> str:
    """The median and, in percent of it, the spread; a single figure has none."""
    return median_text(summary) + (f" ±{100 * summary.spread:3.0f} %" if summary.count > 1 else "")


def _table(title: str, first: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column(first)
    return table


def _said(verdict: Verdict) -> Text:
    doubt = "" if verdict.sure else ", narrowly"
    return Text(f"reached{doubt}", style="green") if verdict.reached else Text(f"not reached{doubt}", style="red")


def _contests(one: Report) -> list[Table]:
    settings = list(dict.fromkeys((each.setting, each.unit) for each in one.measurements))
    if len(settings) > _MOST_COLUMNS:
        return [_by_setting(one, settings)]
    return [_contest(one, settings[at : at + _SIDE_BY_SIDE]) for at in range(0, len(settings), _SIDE_BY_SIDE)]


def _contest(one: Report, settings: list[tuple[str, str]]) -> Table:
    table = _table(f"{one.suite.capitalize()} on {one.loop}", "")
    for setting, unit in settings:
        table.add_column(f"{setting}\n{unit}", justify="right")
        if one.comparisons:
            table.add_column(f"{OURS[0]}\n/ this", justify="right", style="cyan")
    names = list(dict.fromkeys(each.contender for each in one.measurements))
    table.columns[0].min_width = max(map(len, names))
    for name in names:
        cells: list[str] = []
        for setting, _unit in settings:
            found = _find(one, name, setting)
            cells.append(figure(summarize(found.rounds)) if found is not None else "")
            if one.comparisons:
                cells.append(_times(one, name, setting))
        table.add_row(name, *cells, style="bold" if name in OURS else "")
    return table


def _by_setting(one: Report, settings: list[tuple[str, str]]) -> Table:
    """A row for each setting, where there are too many for a column each: medians alone."""
    names = list(dict.fromkeys(each.contender for each in one.measurements))
    table = _table(f"{one.suite.capitalize()} on {one.loop}", "")
    for name in names:
        table.add_column(name, justify="right", style="bold" if name in OURS else "")
    for setting, unit in settings:
        found = [_find(one, name, setting) for name in names]
        cells = ["" if each is None else median_text(summarize(each.rounds)) for each in found]
        table.add_row(f"{setting}, {unit}", *cells)
    return table


def _find(one: Report, name: str, setting: str) -> Measurement | None:
    # Not every contender can do everything.
    return next((each for each in one.measurements if (each.contender, each.setting) == (name, setting)), None)


def _times(one: Report, peer: str, setting: str) -> str:
    found = [each.ratio for each in one.comparisons if (each.ours, each.peer, each.setting) == (OURS[0], peer, setting)]
    return times_text(found[0].median) if found else ""


def _course(one: Report) -> Table:
    table = _table(f"{one.suite.capitalize()} on {one.loop}", "Moment")
    for heading in ("Threads", "Resident MiB", "Since the moment before"):
        table.add_column(heading, justify="right")
    before = one.samples[0].resident
    for sample in one.samples:
        change = f"{(sample.resident - before) / _MIB:+.2f}"
        table.add_row(sample.moment, str(sample.threads), f"{sample.resident / _MIB:.2f}", change)
        before = sample.resident
    return table
