"""How long `import companion_async` takes, and how long until a brain is ready: each in fresh processes."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

import companion_async
from benchmarks.figures import Measurement
from benchmarks.goals import Limit, judge_limits
from benchmarks.report import Progress, Report

CACHED, UNCACHED = "companion", "companion, no bytecode caches"
GOALS = (Limit("start", "import", 150.0), Limit("start", "Brain ready", 20.0))

_PROGRAM = """
import time
begun = time.perf_counter()
import companion_async
imported = time.perf_counter()
{name} = companion_async.{name}
import asyncio, json

async def main():
    before = time.perf_counter()
    brain = {name}()
    await brain.start()
    ready = time.perf_counter()
    print(json.dumps([1e3 * (imported - begun), 1e3 * (before - begun), 1e3 * (ready - before)]))
    await brain.shutdown()

asyncio.run(main())
"""


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Processes one after the other, of this package with its bytecode caches and without; others have theirs."""
    rounds = 3 if quick else 11
    figures: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        places = {CACHED: Path(folder, "cached"), UNCACHED: Path(folder, "uncached")}
        for place in places.values():
            source, ignored = Path(companion_async.__file__).parent, shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, place / "companion_async", ignore=ignored)
        compileall.compile_dir(places[CACHED], quiet=2)
        steps = [(number, state, name) for number in range(rounds + 1) for state in places for name in _NAMES]
        for done, (number, state, name) in enumerate(steps, 1):
            imported, available, ready = _start(places[state], name)
            if number:  # the first is for the disk's sake
                if name == _NAMES[0]:
                    figures.setdefault((state, "import"), []).append(imported)
                else:
                    figures.setdefault((state, f"import {name}"), []).append(available)
                figures.setdefault((state, f"{name} ready"), []).append(ready)
            progress(done / len(steps))
    measurements = tuple(Measurement(state, what, "ms", tuple(taken)) for (state, what), taken in figures.items())
    return Report(
        suite="start",
        loop=loop,
        asks="How long does the front door take to import, and how long until a brain takes work?",
        says_not="Nothing about the interpreter's own start, nor about a disk that has to be read first.",
        headline="import",
        measurements=measurements,
        verdicts=tuple(judge_limits("start", CACHED, measurements, GOALS)),
        configurations={
            CACHED: "installed as pip does it: every module compiled",
            UNCACHED: "as with PYTHONDONTWRITEBYTECODE in a fresh checkout: every module of ours is compiled anew",
        },
        notes=(
            f"{rounds} fresh processes for each figure; asyncio, anyio, msgspec and loguru are in the import's time",
        ),
    )


_NAMES = ("Brain", "CompanionBrain")


def _start(place: Path, name: str) -> tuple[float, float, float]:
    """Milliseconds until the front door is imported, until ``name`` is there, and from then until a brain is ready."""
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", _PROGRAM.format(name=name)]
    ran = subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True, check=True)
    return msgspec.json.decode(ran.stdout.splitlines()[-1], type=tuple[float, float, float])
