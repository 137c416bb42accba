"""Calls that are timed one against the other: plain functions, each in its setting, in interleaved rounds."""

from __future__ import annotations

import gc
import importlib.util
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec

from benchmarks.contenders import OURS
from benchmarks.figures import Measurement, compare
from benchmarks.goals import judge, judge_limits
from benchmarks.report import Progress, Report
from benchmarks.turns import rotated

QUEUES, BLINKER = "queue per subscriber", "blinker"

Act = Callable[[int], object]
"""What is timed, given the number of the call."""


def compete(report: Report, acts: Sequence[tuple[str, str, Act]], *, quick: bool, progress: Progress) -> Report:
    """``report`` with the figures of rounds in which each ``(contender, setting, act)`` has its turn: the mean time of
    the turn's calls.
    """
    rounds, seconds = (3, 0.03) if quick else (7, 0.1)
    figures: dict[tuple[str, str], list[float]] = defaultdict(list)
    for number in range(rounds):
        for place, (contender, setting, act) in enumerate(rotated(acts, number)):
            figures[contender, setting].append(1e6 * duration(act, seconds))
            progress((number * len(acts) + place + 1) / (rounds * len(acts)))
    measurements = [
        Measurement(contender, setting, "us", tuple(figures[contender, setting])) for contender, setting, _ in acts
    ]
    comparisons = compare(measurements, OURS)
    missing = importlib.util.find_spec(BLINKER) is None
    return msgspec.structs.replace(
        report,
        measurements=tuple(measurements),
        comparisons=tuple(comparisons),
        verdicts=(*judge_limits(report.suite, OURS[0], measurements), *judge(report.suite, comparisons)),
        notes=(
            *report.notes,
            f"{rounds} rounds of {seconds} s for each figure; the collector is off within a turn",
            *(("blinker is not installed and was not measured: pip install blinker",) if missing else ()),
        ),
    )


def duration(act: Act, seconds: float) -> float:
    """Seconds of one call, the mean over as many as fit, after a warm-up of a tenth of the time."""
    for span in (seconds / 10, seconds):
        gc.collect()
        gc.disable()
        calls, begun = 0, time.perf_counter()
        while (taken := time.perf_counter() - begun) < span:
            # Few enough not to run over the span by much, many enough for the clock not to be what is measured.
            for _ in range(1 + calls // 8):
                act(calls)
                calls += 1
        gc.enable()
    return taken / calls
