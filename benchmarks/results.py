"""All of a run: where, when and of which commit it was made, every report, and which suites failed."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.machine import Machine, describe
from benchmarks.report import Report

_ROOT = Path(__file__).parents[1]


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


def begin(*, quick: bool) -> Results:
    """A run without reports, here and now."""
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return Results(machine=describe(), quick=quick, reports=[], commit=_commit(), made=made)


def read(path: Path) -> Results:
    """What `write` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Results)


def write(path: Path, results: Results) -> None:
    """As JSON, a figure a line; ``-`` is standard output."""
    encoded = msgspec.json.format(msgspec.json.encode(results), indent=1).decode() + "\n"
    if str(path) == "-":
        sys.stdout.write(encoded)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(encoded, encoding="utf-8")


def _commit() -> str:
    try:
        head = _git("rev-parse", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(_ROOT), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()
