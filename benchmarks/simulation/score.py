"""Pure: from the courses of all controllers through all shapes to what is said of ours."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

from benchmarks.simulation.shapes import START, Shape, offered
from benchmarks.simulation.world import LOOK, Course

OURS, PLAIN = "companion", "plain rule"


class Cell(NamedTuple):
    """One run of ``seconds``: 99th percentile of the time in the system, thread-seconds until the last job was done,
    the limit on average, changes of direction per minute, and by how much the limit was above the need a minute after
    the load fell (0.2: a fifth).
    """

    p99: float
    thread_seconds: float
    seconds: float
    limit: float
    reversals: float
    left_over: float


def cell(shape: Shape, course: Course) -> Cell:
    """What is kept of a run."""
    limits, sojourns = course.limits, sorted(course.sojourns)
    steps = [later - earlier for earlier, later in pairwise(limits) if later != earlier]
    reversals = sum(a * b < 0 for a, b in pairwise(steps))
    return Cell(
        sojourns[min(len(sojourns) - 1, int(0.99 * len(sojourns)))],
        course.thread_seconds,
        course.seconds,
        sum(limits) / len(limits),
        reversals / (len(limits) * LOOK / 60),
        max((_left_over(shape, limits, drop + 60) for drop in shape.drops), default=0.0),
    )


def _left_over(shape: Shape, limits: list[int], at: float) -> float:
    load = offered(shape, at)
    wanted = max(START, math.ceil(load + 2 * math.sqrt(load)))
    return limits[min(len(limits) - 1, int(at / LOOK))] / wanted - 1.0


def geometric_mean(values: Iterable[float]) -> float:
    """Of positive figures."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs))


class Scores(NamedTuple):
    """Ours over some shapes: ratios of p99 to the best controller of each shape (at least 1), to the best fixed limit,
    and of the plain rule's to ours; thread-seconds for the same jobs as a share of the plain rule's, and likewise the
    threads that lived on average while they lasted: who is behind takes longer.
    """

    best: dict[str, float]
    oracle: dict[str, float]
    plain: float
    thread_seconds: float
    threads: float
    reversals: float
    left_over: float


def score(
    cells: Mapping[str, Mapping[str, list[Cell]]], fixed: Mapping[str, Mapping[str, list[Cell]]], names: Collection[str]
) -> Scores:
    """``cells`` and ``fixed`` by shape and contender, a run for each seed; over the shapes in ``names``."""
    p99 = {
        shape: {who: geometric_mean(one.p99 for one in runs) for who, runs in cells[shape].items()} for shape in names
    }
    swept = {shape: min(geometric_mean(one.p99 for one in runs) for runs in fixed[shape].values()) for shape in names}
    ours = [one for shape in names for one in cells[shape][OURS]]
    plain = [one for shape in names for one in cells[shape][PLAIN]]
    return Scores(
        {shape: p99[shape][OURS] / min(p99[shape].values()) for shape in names},
        {shape: p99[shape][OURS] / swept[shape] for shape in names},
        geometric_mean(p99[shape][PLAIN] / p99[shape][OURS] for shape in names),
        sum(one.thread_seconds for one in ours) / sum(one.thread_seconds for one in plain),
        sum(one.thread_seconds / one.seconds for one in ours) / sum(one.thread_seconds / one.seconds for one in plain),
        max(one.reversals for one in ours),
        max(one.left_over for one in ours),
    )
