"""The suites by name. Each runs in a process of its own, on one kind of loop, so that none inherits another's state."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, cast

import msgspec

from benchmarks import turns
from benchmarks.report import Progress, Report

NAMES = (
    *("throughput", "latency", "depth", "priority", "fairness", "gil", "process", "scaling", "hang", "agents"),
    *("memory", "start", "telemetry", "locks", "state", "events", "http", "retrieval", "answers", "recall"),
)
ON_EACH = ("throughput", "latency")
ON_THE_FIRST = ("state", "events", "retrieval", "answers", "recall")
"""No loop takes part in them, or asyncio's own. All others are measured on the last, uvloop where there is one."""

SILENCE = 600.0
"""Seconds without a word after which a suite counts as stuck. Every suite tells its progress more often than that."""

_ROOT = Path(__file__).parents[1]


class SuiteFailedError(RuntimeError):
    """The process of a suite ended without a report; the message is the last line that it wrote."""


class _Suite(Protocol):
    def measure(self, loop: str, *, quick: bool, progress: Progress) -> Report: ...


def present() -> tuple[str, ...]:
    """The suites that this checkout has."""
    return tuple(name for name in NAMES if importlib.util.find_spec(f"benchmarks.suites.{name}"))


def plan(names: Iterable[str], loops: Sequence[str]) -> list[tuple[str, str]]:
    """Which suite is measured on which loop, in order; each suite once."""
    return [(name, loop) for name in dict.fromkeys(names) for loop in _loops_of(name, loops)]


def _loops_of(name: str, loops: Sequence[str]) -> Sequence[str]:
    return loops if name in ON_EACH else loops[:1] if name in ON_THE_FIRST else loops[-1:]


def measure(name: str, loop: str, *, quick: bool, progress: Progress) -> Report:
    """Run the suite here and now."""
    suite = cast("_Suite", importlib.import_module(f"benchmarks.suites.{name}"))
    begun = time.perf_counter()
    report = suite.measure(loop, quick=quick, progress=progress)
    absences = (*report.absences, *turns.LOST)
    spent = dict(sorted(turns.SPENT.items(), key=lambda entry: -entry[1]))
    return msgspec.structs.replace(report, seconds=time.perf_counter() - begun, spent=spent, absences=absences)


def measure_alone(name: str, loop: str, *, quick: bool, progress: Callable[[float], None]) -> Report:
    """Run the suite in a process of its own, which is ended when it says nothing for `SILENCE` seconds."""
    command = [sys.executable, "-m", "benchmarks.alone", name, loop, *(["--quick"] if quick else [])]
    last: Any = None
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaint,
        subprocess.Popen(
            command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=complaint, text=True, encoding="utf-8"
        ) as process,
        _Patience(process) as patience,
    ):
        for line in cast("Any", process.stdout):
            patience.renew()
            last = msgspec.json.decode(line)
            if isinstance(last, float | int):
                progress(float(last))
        process.wait()
        if patience.lost:
            raise SuiteFailedError(f"{name} on {loop} was ended: it had said nothing for {SILENCE:g} s")
        if process.returncode or not isinstance(last, dict):
            complaint.seek(0)
            lines = complaint.read().strip().splitlines() or ["nothing"]
            raise SuiteFailedError(f"{name} on {loop} ended with {process.returncode}: {lines[-1]}")
    return msgspec.convert(last, Report)


class _Patience:
    """Kills the process when it is not renewed in time, and always at the end: nothing of a suite outlives it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self.lost = process, False

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        self._process.kill()

    def renew(self) -> None:
        self._timer.cancel()
        self._begin()

    def _begin(self) -> None:
        self._timer = threading.Timer(SILENCE, self._lose)
        self._timer.daemon = True
        self._timer.start()

    def _lose(self) -> None:
        self.lost = True
        self._process.kill()
