"""``python -m benchmarks [suite ...]``: measure, and say beside each goal if it was reached."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import page, plots, results, summary, tables
from benchmarks.contenders import KNOWN, OURS
from benchmarks.loops import available
from benchmarks.registry import SuiteFailedError, measure_alone, plan, present
from benchmarks.report import Report
from benchmarks.results import Failure, Results

_FAILED, _MISUSED, _INTERRUPTED = 1, 2, 130
_PIPE_WIDTH = 140

app = App(
    name="python -m benchmarks",
    usage="Usage: python -m benchmarks [SUITE ...] [OPTIONS]",
    help_flags=["--help", "-h"],
    version_flags=[],
)


File = Annotated[Path | None, Parameter(negative=())]


@app.default
def main(
    *suites: Annotated[str, Parameter(help=f"What to measure; without any, everything: {', '.join(present())}.")],
    json: Annotated[File, Parameter(help="Write every figure of every round here; - is standard output.")] = None,
    plot: Annotated[File, Parameter(help="Draw everything into this folder, as SVG and PNG.")] = None,
    html: Annotated[File, Parameter(help="Write a report to read here, one file with all plots in it.")] = None,
    into: Annotated[
        File,
        Parameter(
            name="--results",
            help="All three into this folder, and a summary: README.md, results.json, report.html, plots.",
        ),
    ] = None,
    measured: Annotated[
        tuple[Path, ...],
        Parameter(
            name="--from",
            negative=(),
            help="Measure nothing: show what --json wrote here in an earlier run. Given more than once, the pieces of "
            "a run are put together; of a suite that several have, the last counts.",
        ),
    ] = (),
    loop: Annotated[
        Literal["asyncio", "uvloop"] | None, Parameter(help="Measure on this kind of event loop only.")
    ] = None,
    quick: Annotated[bool, Parameter(negative=(), help="Fewer and shorter rounds: a look, not a measurement.")] = False,
) -> int:
    """Measure the runtime beside its peers, on this machine, now.

    Each suite has a process of its own for each kind of event loop. Contenders take turns within a round, figures are
    medians over the rounds with half their interquartile range as ±, and ratios are taken round by round. A suite that
    fails is told as failed, the others go on, and the exit code is 1.
    """
    console = _console(to_stdout=json is not None and str(json) == "-")
    if unknown := [name for name in suites if name not in present()]:
        print(f"There is no suite {unknown[0]!r}; there are {', '.join(present())}.", file=sys.stderr)
        return _MISUSED
    if into is not None:
        json, html, plot = json or into / "results.json", html or into / "report.html", plot or into / "plots"
    if (plot or html) and not plots.available():
        console.print(plots.ADVICE, style="red")
        return _MISUSED
    if measured:
        try:
            made = _chosen(results.merge([results.read(path) for path in measured]), suites)
        except results.UnreadableError as error:
            console.print(str(error), style="red")
            return _MISUSED
        _show(made, console)
    else:
        loops = tuple(each for each in available() if loop in (None, each))
        made = _measure(plan(suites or present(), loops), console, json, quick=quick)
    if json is not None:
        results.write(json, made)
    if html is not None:
        page.write(html, made)
    if into is not None:
        plots.clear(into / "plots")
    if plot is not None:
        written = plots.save(made.reports, plot)
        if into is not None:
            _sum_up(into, plot, made, written)
    return _INTERRUPTED if made.interrupted else _FAILED if made.failures else 0


def _measure(steps: list[tuple[str, str]], console: Console, json: Path | None, *, quick: bool) -> Results:
    begun, made = time.monotonic(), results.begin(quick=quick)
    console.print(tables.machine(made.machine))
    # Whoever ends us ends the suite under way too, which is not in their reach.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for number, (name, loop) in enumerate(steps, 1):
            try:
                one = _measured(name, loop, f"{number}/{len(steps)}", quick, console)
            except SuiteFailedError as error:
                console.print(f"\n{error}", style="red")
                made.failures.append(Failure(name, loop, str(error)))
            else:
                made.reports.append(one)
                console.print()
                console.print(tables.report(one))
            made = msgspec.structs.replace(made, seconds=time.monotonic() - begun)
            if json is not None and str(json) != "-":
                results.write(json, made)  # so that what breaks later takes nothing with it
    except KeyboardInterrupt:
        console.print("\nInterrupted; what was measured until now is kept.", style="red")
        made = msgspec.structs.replace(made, interrupted=True)
    finally:
        signal.signal(signal.SIGTERM, before)
    console.print()
    console.print(tables.verdicts(made.reports))
    return made


def _measured(name: str, loop: str, count: str, quick: bool, console: Console) -> Report:
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        row = bar.add_task(f"{count} {name} on {loop}", total=1.0)
        return measure_alone(name, loop, quick=quick, progress=lambda share: bar.update(row, completed=share))


def _sum_up(into: Path, plot: Path, made: Results, written: dict[str, list[str]]) -> None:
    folder = Path(os.path.relpath(plot, into)).as_posix()
    pictures = {name: [f"{folder}/{file}" for file in files] for name, files in written.items()}
    peers = [name for name in KNOWN if name not in OURS]
    (into / "README.md").write_text(summary.markdown(made, pictures, peers), encoding="utf-8")


def _chosen(made: Results, suites: tuple[str, ...]) -> Results:
    if not suites:
        return made
    reports = [one for one in made.reports if one.suite in suites]
    failures = [one for one in made.failures if one.suite in suites]
    return msgspec.structs.replace(made, reports=reports, failures=failures)


def _show(made: Results, console: Console) -> None:
    console.print(tables.machine(made.machine))
    for one in made.reports:
        console.print()
        console.print(tables.report(one))
    console.print()
    console.print(tables.verdicts(made.reports))


def _console(*, to_stdout: bool) -> Console:
    stream = sys.stderr if to_stdout else sys.stdout
    # No markup: messages and names may have brackets of their own.
    return Console(file=stream, highlight=False, markup=False, width=None if stream.isatty() else _PIPE_WIDTH)


if __name__ == "__main__":
    sys.exit(app())
