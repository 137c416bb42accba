"""How well categories are sized: our rule, the very object that a brain runs, against others in three dozen simulated
workloads, and against the plain rule and a fixed limit with real threads in five.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from benchmarks.figures import Measurement
from benchmarks.machine import usable_cores
from benchmarks.report import Chart, Curve, Progress, Report, Verdict
from benchmarks.simulation.live import SECONDS, WORKLOADS, live
from benchmarks.simulation.score import OURS, Cell, Scores, geometric_mean, score
from benchmarks.simulation.shapes import FRESH, HELD_OUT, SHAPES
from benchmarks.simulation.trial import CONTROLLERS, Trial, attempt, effort
from benchmarks.simulation.world import LOOK

SWEPT = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20, 25, 32, 40, 50)
DRAWN = ("W1", "H6", "F2", "H5")
_REAL_SHARE = 0.6  # of the time of a full run
_LEVEL = 1.5
_QUICK = ("W1", "W2", "W3", "W4", "H5", "H6", "F2", "F3", "G4", "N5")


def measure(loop: str, *, quick: bool, progress: Progress) -> Report:
    """Every controller through every shape, the same arrivals for all; then, if not quick, real threads."""
    names = _QUICK if quick else tuple(SHAPES)
    seeds, swept = (1, SWEPT[::3]) if quick else (2, SWEPT)
    share = 1.0 if quick else 1.0 - _REAL_SHARE
    trials = _trials(names, seeds, swept, lambda part: progress(share * part))
    cells, fixed = ({name: getattr(trials[name], what) for name in names} for what in ("cells", "fixed"))
    # The best fixed limit and a fixed one that is compared must have met the same arrivals.
    compared = {name: {who: runs[:1] for who, runs in cells[name].items()} for name in names}
    found = score(cells, fixed, names)
    oracle = score(compared, fixed, names).oracle
    found = found._replace(oracle=oracle)
    measurements = [
        Measurement(who, name, "s", tuple(one.p99 for one in runs))
        for name in names
        for who, runs in cells[name].items()
    ]
    if not quick:
        measurements += live(loop, lambda part: progress(share + (1 - share) * part))
    # Who does not keep up has few threads: where the plain rule does about as well is the stricter comparison.
    level = [name for name in names if score(cells, fixed, (name,)).plain < _LEVEL]
    held = [name for name in names if name in FRESH or name in HELD_OUT]
    return Report(
        suite="scaling",
        loop=loop,
        asks="How well are the categories sized, whatever the work: waiting, computing, or before a downstream that "
        "collapses?",
        says_not="Simulated work is simpler than yours; the five workloads with real threads are one run each.",
        headline="W1",
        measurements=tuple(measurements),
        verdicts=(
            *_verdicts("all", found),
            *_verdicts("held out", score(cells, fixed, held)),
        ),
        charts=tuple(_chart(trials[name]) for name in DRAWN if name in trials),
        notes=(
            f"{len(names)} shapes, {seeds} seeds each, 99th percentile of the time in the system; kept aside while the "
            f"controller was tuned: {', '.join(held)}, of which F9 and F11 led to two corrections before {FRESH[0]} to "
            f"{FRESH[-1]} were run",
            "the best fixed limit of each shape: "
            + ", ".join(f"{name} {_best(fixed[name])}" for name in names)
            + f"; ours is {geometric_mean(oracle.values()):.2f} times its p99 on geometric mean, at most "
            f"{max(oracle.values()):.2f} (swept over {len(swept)} limits and one seed)",
            "limits on average: " + ", ".join(f"{who} {_mean(cells, names, who):.1f}" for who in CONTROLLERS),
            f"thread-seconds of ours until the same jobs are done {found.thread_seconds:.2f} times the plain rule's; "
            f"live threads on average {found.threads:.2f} times, where who falls behind spreads them over more time",
            *((f"{_level_pegging(level)} {score(cells, fixed, level).thread_seconds:.2f} times",) if level else ()),
            *((f"real threads: {', '.join(WORKLOADS)}, {SECONDS:.0f} s each",) if not quick else ()),
        ),
    )


def _trials(names: Sequence[str], seeds: int, swept: Sequence[int], progress: Progress) -> dict[str, Trial]:
    """Every shape on whatever core is free, the longest first: only virtual time counts."""
    found = dict[str, Trial]()
    with ProcessPoolExecutor(usable_cores(), get_context("spawn")) as processes:
        waiting = [processes.submit(attempt, name, seeds, swept) for name in sorted(names, key=effort, reverse=True)]
        for done in as_completed(waiting):
            trial = done.result()
            found[trial.name] = trial
            progress(len(found) / len(names))
    return found


def _verdicts(which: str, found: Scores) -> list[Verdict]:
    best, worst = geometric_mean(found.best.values()), max(found.best.values())
    far = max(found.best, key=lambda name: found.best[name])
    ours = OURS if which == "all" else f"{OURS}, {which}"
    return [
        Verdict("scaling: p99 <= 1.15 x the best controller's, geometric mean", ours, f"{best:.3f} x", best <= 1.15),
        Verdict("scaling: p99 <= 3 x the best controller's, worst shape", ours, f"{worst:.2f} x ({far})", worst <= 3),
        Verdict("scaling: p99 of the plain rule >= 5 x ours", ours, f"{found.plain:.2f} x", found.plain >= 5),
        Verdict(
            "scaling: no more thread-seconds than it",
            ours,
            f"{found.thread_seconds:.2f} x",
            found.thread_seconds <= 1,
        ),
        Verdict(
            "scaling: back within 20 % of need 60 s after a drop",
            ours,
            f"{max(0.0, found.left_over):.0%} above at most",
            found.left_over <= 0.2,
        ),
        Verdict("scaling: <= 6 reversals a minute", ours, f"{found.reversals:.1f} at most", found.reversals <= 6),
    ]


def _level_pegging(names: Sequence[str]) -> str:
    return (
        f"thread-seconds in the {len(names)} shapes in which the 99th percentile of the plain rule is less than "
        f"{_LEVEL:g} times ours ({', '.join(names)}):"
    )


def _curve(who: str, limits: list[int]) -> Curve:
    kept = [number for number in range(len(limits)) if number in (0, len(limits) - 1) or number % 10 == 0]
    return Curve(who, tuple(round(number * LOOK, 1) for number in kept), tuple(float(limits[n]) for n in kept))


def _chart(trial: Trial) -> Chart:
    return Chart(
        title=f"{trial.name}: {SHAPES[trial.name].about}",
        x="time (s)",
        y="limit (slots)",
        curves=tuple(_curve(who, limits) for who, limits in trial.limits.items()),
        steps=True,
        caption="The limit that each controller sets, over time; one seed.",
    )


def _best(swept: dict[str, list[Cell]]) -> str:
    return min(swept, key=lambda limit: geometric_mean(one.p99 for one in swept[limit]))


def _mean(cells: dict[str, dict[str, list[Cell]]], names: tuple[str, ...], who: str) -> float:
    figures = [one.limit for name in names for one in cells[name][who]]
    return math.fsum(figures) / len(figures)
