"""All of a run: where, when and of which commit it was made, every report, and which suites failed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.machine import Machine, describe
from benchmarks.registry import NAMES
from benchmarks.report import Report

_ROOT = Path(__file__).parents[1]


class UnreadableError(ValueError):
    """A file that is not one of a run, or runs that must not be put together; the message says what is wrong."""


class Failure(msgspec.Struct, frozen=True):
    """A suite that ended without a report, and the last that it said."""

    suite: str
    loop: str
    message: str


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` writes. ``commit`` is empty outside of a checkout, and ends with ``+`` if files were changed."""

    machine: Machine
    quick: bool
    reports: list[Report]
    failures: list[Failure] = []
    commit: str = ""
    made: str = ""
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def dirty(self) -> bool:
        """Whether files were changed and not committed, so that nobody can repeat exactly this."""
        return self.commit.endswith("+")


def begin(*, quick: bool) -> Results:
    """A run without reports, here and now."""
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return Results(machine=describe(), quick=quick, reports=[], commit=_commit(), made=made)


def read(path: Path) -> Results:
    """What `write` wrote."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Results)
    except (OSError, msgspec.DecodeError) as error:
        raise UnreadableError(f"{path} is not what --json writes: {error}") from error


def merge(runs: Sequence[Results]) -> Results:
    """Pieces of one run as one: a suite that several have is the last one's. They must be of the same machine and
    packages, of the same commit, and all of them quick or none.
    """
    first = runs[0]
    for what, different in (
        ("machines, or with other packages", {_unloaded(run.machine) != _unloaded(first.machine) for run in runs}),
        ("commits", {run.commit != first.commit for run in runs}),
        ("lengths: one was --quick", {run.quick != first.quick for run in runs}),
    ):
        if any(different):
            raise UnreadableError(f"runs of different {what} are not one run")
    reports = {(one.suite, one.loop): one for run in runs for one in run.reports}
    failures = {(one.suite, one.loop): one for run in runs for one in run.failures}
    return msgspec.structs.replace(
        first,
        machine=max((run.machine for run in runs), key=lambda machine: machine.load or 0.0),
        reports=sorted(reports.values(), key=lambda one: NAMES.index(one.suite) if one.suite in NAMES else len(NAMES)),
        failures=[one for where, one in failures.items() if where not in reports],
        made=min(run.made for run in runs),
        seconds=sum(run.seconds for run in runs),
        interrupted=runs[-1].interrupted,
    )


def write(path: Path, results: Results) -> None:
    """As JSON, a figure a line; ``-`` is standard output."""
    encoded = msgspec.json.format(msgspec.json.encode(results), indent=1).decode() + "\n"
    if str(path) == "-":
        sys.stdout.write(encoded)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(encoded, encoding="utf-8")


def _unloaded(machine: Machine) -> Machine:
    return msgspec.structs.replace(machine, load=None)


def _commit() -> str:
    try:
        head = _git("rev-parse", "HEAD")
        # The results of the run before are changed when this one begins, and nothing follows from that.
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!benchmarks/results")
        return head + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(_ROOT), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()
