"""Pure: what the project promises to reach, and whether a comparison did."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from benchmarks.figures import Comparison, Measurement, Summary, ratios, summarize
from benchmarks.report import Sample, Verdict

Sense = Literal["at least", "at most"]


class Goal(msgspec.Struct, frozen=True):
    """A bound on how many times the peer's figure ours is, in one setting of one suite."""

    suite: str
    setting: str
    peer: str
    sense: Sense
    bound: float

    @property
    def text(self) -> str:
        """As a sentence for a table."""
        return f"{self.suite} at {self.setting} {_SIGNS[self.sense]} {self.bound:g} x {self.peer}"


class Limit(msgspec.Struct, frozen=True):
    """A bound on our own figure in one setting, or on how many times that of another setting it is."""

    suite: str
    setting: str
    bound: float
    than: str = ""
    sense: Sense = "at most"

    def text(self, unit: str) -> str:
        """As a sentence for a table."""
        sign = _SIGNS[self.sense]
        return f"{self.suite} at {self.setting} {sign} {self.bound:g} " + (f"x {self.than}" if self.than else unit)


_SIGNS: dict[Sense, str] = {"at least": ">=", "at most": "<="}

LEFT_BEHIND = 4 * 2**20
"""Bytes."""

GOALS = (
    Goal("throughput", "200 clients", "asyncio.to_thread", "at least", 5.0),
    Goal("throughput", "200 clients", "anyio.to_thread", "at least", 10.0),
    Goal("throughput", "200 clients", "APScheduler 4", "at least", 100.0),
    Goal("throughput", "200 clients", "dask in process", "at least", 100.0),
    Goal("latency", "p50", "asyncio.to_thread", "at most", 0.7),
    Goal("latency", "p50", "two queues", "at most", 2.5),
    Goal("gil", "throughput", "asyncio.to_thread", "at least", 1.0),
    Goal("locks", "alone", "asyncio.Lock", "at most", 2.0),
    Goal("http", "alone", "def route", "at least", 1.0),
    Goal("http", "beside a slow one, p99", "def route", "at most", 0.1),
    Goal("process", "throughput", "asyncio.to_thread", "at least", 1.8),
    Goal("process", "round trip, p50", "ProcessPoolExecutor", "at most", 1.0),
    Goal("events", "1,000 subscribers", "queue per subscriber", "at most", 0.5),
)

LIMITS = (
    Limit("priority", "critical, p99", 1.5, "alone, p50"),
    Limit("priority", "oldest idle task", 1.0),
    Limit("fairness", "fair_share, farthest off", 5.0),
    Limit("gil", "p99 late", 10.0),
    Limit("hang", "while threads last", 80.0, sense="at least"),
    Limit("hang", "threads at most", 52.0),
    Limit("process", "p99 late", 5.0),
    Limit("agents", "p99 late", 50.0),
    Limit("agents", "runs made", 99.9, sense="at least"),
    Limit("state", "10,000 keys", 20.0),
    # Not growing beyond the logarithm: a million keys have three times that of a hundred.
    Limit("state", "1,000,000 keys", 3.0, "100 keys"),
    Limit("events", "no subscriber", 0.3),
    Limit("locks", "deadlock", 50.0),
    Limit("recall", "1,000,000 memories, p95", 50.0),
)


def judge(suite: str, comparisons: Iterable[Comparison], goals: Iterable[Goal] = GOALS) -> list[Verdict]:
    """A verdict for each goal of the suite and each of our contenders that was compared in its setting."""
    found = list(comparisons)
    return [
        _verdict(goal.text, one.ours, goal.sense, goal.bound, one.ratio, "x")
        for goal in goals
        for one in found
        if (goal.suite, goal.setting, goal.peer) == (suite, one.setting, one.peer)
    ]


def judge_limits(
    suite: str, ours: str, measurements: Iterable[Measurement], limits: Iterable[Limit] = LIMITS
) -> list[Verdict]:
    """A verdict for each limit of the suite on a setting in which ``ours`` was measured."""
    found = {one.setting: one for one in measurements if one.contender == ours}
    verdicts = []
    for limit in limits:
        one, than = found.get(limit.setting), found.get(limit.than)
        if limit.suite != suite or one is None or (limit.than and than is None):
            continue
        figures = ratios(one, than) if than is not None else one.rounds
        if not figures:
            continue
        unit = "x" if limit.than else one.unit
        text = limit.text(one.unit)
        verdicts.append(_verdict(text, ours, limit.sense, limit.bound, summarize(figures), unit))
    return verdicts


def judge_course(tasks: int, before: Sample, after: Sample) -> Verdict:
    """Whether so many tasks left the process as it was: not a thread more, and no more memory than `LEFT_BEHIND`."""
    threads, resident = after.threads - before.threads, after.resident - before.resident
    return Verdict(
        f"{tasks:,} tasks leave no threads and <= {LEFT_BEHIND / 2**20:g} MiB behind",
        "companion",
        f"{threads:+d} threads, {resident / 2**20:+.2f} MiB",
        threads <= 0 and resident <= LEFT_BEHIND,
        True,
    )


def _verdict(goal: str, ours: str, sense: Sense, bound: float, figure: Summary, unit: str) -> Verdict:
    votes = [_reaches(sense, bound, value) for value in (figure.median, figure.low, figure.high)]
    spread = f"({figure.low:.2f} to {figure.high:.2f})" if figure.count > 1 else ""
    measured = " ".join(filter(None, (f"{figure.median:.2f}", unit, spread)))
    return Verdict(goal, ours, measured, votes[0], len(set(votes)) == 1)


def _reaches(sense: Sense, bound: float, value: float) -> bool:
    return value >= bound if sense == "at least" else value <= bound
