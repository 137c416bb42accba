"""``python -m benchmarks [suite ...] [--json FILE] [--quick]``: measure, and say beside each goal if it was reached."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import tables
from benchmarks.loops import available
from benchmarks.machine import Machine, describe
from benchmarks.report import Report
from benchmarks.suites import SuiteFailedError, measure_alone, plan, present

_PIPE_WIDTH = 140

app = App(name="python -m benchmarks", help_flags=["--help", "-h"], version_flags=[])


def _known(_annotation: object, name: str) -> None:
    if name not in present():
        raise ValueError(f"there is no suite {name!r}; there are {', '.join(present())}")


class Results(msgspec.Struct, frozen=True):
    """All of it, as ``--json`` writes it."""

    machine: Machine
    quick: bool
    reports: list[Report]


@app.default
def main(
    *suites: Annotated[
        str, Parameter(validator=_known, help=f"What to measure; without any, everything: {', '.join(present())}.")
    ],
    json: Annotated[
        Path | None, Parameter(help="Write every figure of every round here; - is standard output.")
    ] = None,
    quick: Annotated[bool, Parameter(negative=(), help="Fewer and shorter rounds: a look, not a measurement.")] = False,
) -> int:
    """Measure the runtime against asyncio.to_thread, anyio and a bare thread pool in the same run.

    Each suite has a process of its own for each kind of event loop. Contenders take turns within a round, figures are
    medians over the rounds with half their interquartile range as ±, and ratios are taken round by round.
    """
    to_stdout = json is not None and str(json) == "-"
    console = _console(to_stdout)
    described = describe()
    console.print(tables.machine(described))
    reports: list[Report] = []
    failures = 0
    for name, loop in plan(suites or present(), available()):
        try:
            one = _measured(name, loop, quick, console)
        except SuiteFailedError as error:
            console.print(f"\n[red]{error}")
            failures += 1
        else:
            reports.append(one)
            console.print()
            console.print(tables.report(one))
    console.print()
    console.print(tables.verdicts(reports))
    if json is not None:
        _write(json, Results(described, quick, reports), to_stdout)
    return 1 if failures else 0


def _measured(name: str, loop: str, quick: bool, console: Console) -> Report:
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        row = bar.add_task(f"{name} on {loop}", total=1.0)
        return measure_alone(name, loop, quick=quick, progress=lambda share: bar.update(row, completed=share))


def _console(to_stdout: bool) -> Console:
    stream = sys.stderr if to_stdout else sys.stdout
    return Console(file=stream, highlight=False, width=None if stream.isatty() else _PIPE_WIDTH)


def _write(path: Path, results: Results, to_stdout: bool) -> None:
    encoded = msgspec.json.format(msgspec.json.encode(results), indent=1).decode() + "\n"
    if to_stdout:
        sys.stdout.write(encoded)
    else:
        path.write_text(encoded, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(app())
