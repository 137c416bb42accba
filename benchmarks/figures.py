"""Pure: rounds in, medians, spreads and ratios out."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec


class Summary(msgspec.Struct, frozen=True):
    """The middle of some figures and their spread: half of them lie between ``low`` and ``high``."""

    median: float
    low: float
    high: float
    count: int

    @property
    def spread(self) -> float:
        """Half the distance from ``low`` to ``high``, as a share of the median."""
        return (self.high - self.low) / 2 / self.median if self.median else 0.0


class Measurement(msgspec.Struct, frozen=True):
    """What one contender did in one setting, a figure for each round, in the order of the rounds.

    ``numbers`` says which rounds those were, for a contender that sat some out; empty means all of them.
    """

    contender: str
    setting: str
    unit: str
    rounds: tuple[float, ...]
    numbers: tuple[int, ...] = ()


class Distribution(msgspec.Struct, frozen=True):
    """Where the figures of one contender in one setting lie: the value at each of `PERCENTS`."""

    contender: str
    setting: str
    unit: str
    values: tuple[float, ...]
    count: int


PERCENTS = (0.0, 1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 100.0)
"""The shares of the figures, in percent, whose bounds a `Distribution` keeps."""


class Comparison(msgspec.Struct, frozen=True):
    """How many times the peer's figure ours is."""

    ours: str
    peer: str
    setting: str
    ratio: Summary


def better(unit: str) -> Literal["more", "less"] | None:
    """Which way is the good one, as far as the unit tells: more of what comes per second, less time and memory."""
    if unit.endswith("/s"):
        return "more"
    return "less" if unit.split("/")[0] in ("ns", "us", "ms", "s", "bytes", "KiB", "MiB") else None


def median_text(summary: Summary) -> str:
    """The median in three digits or more, thousands apart."""
    size = abs(summary.median)
    return f"{summary.median:,.{0 if size >= 1000 else 1 if size >= 10 else 3}f}"


def times_text(ratio: float) -> str:
    """Two digits behind the point, and of what is small as many as it takes to see it."""
    return f"{ratio:.2f}" if ratio >= 0.095 or ratio == 0 else f"{ratio:.2g}"


def summarize(values: Sequence[float]) -> Summary:
    """Median and quartiles; of a single value, that value."""
    if len(values) == 1:
        return Summary(values[0], values[0], values[0], 1)
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Summary(middle, low, high, len(values))


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that ``percent`` of them, 1 to 99, do not exceed, interpolated."""
    return values[0] if len(values) == 1 else statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def distribute(contender: str, setting: str, unit: str, values: Sequence[float]) -> Distribution:
    """Where ``values`` lie, interpolated between neighbours."""
    ordered = sorted(values)
    last = len(ordered) - 1

    def at(share: float) -> float:
        place = share * last
        below = int(place)
        return ordered[below] + (place - below) * (ordered[min(below + 1, last)] - ordered[below])

    return Distribution(contender, setting, unit, tuple(at(percent / 100) for percent in PERCENTS), len(ordered))


def compare(measurements: Iterable[Measurement], ours: Iterable[str]) -> list[Comparison]:
    """Each of ``ours`` against everyone else in the same setting.

    The ratio is taken round by round and only then its median: what slowed a whole round down, slowed both. Rounds that
    only one of them took part in count for nothing.
    """
    known = list(measurements)
    names = tuple(ours)
    found = []
    for mine in (one for name in names for one in known if one.contender == name):
        for theirs in known:
            if theirs.setting == mine.setting and theirs.unit == mine.unit and theirs.contender not in names:
                times = ratios(mine, theirs)
                if times:
                    found.append(Comparison(mine.contender, theirs.contender, mine.setting, summarize(times)))
    return found


def ratios(one: Measurement, other: Measurement) -> list[float]:
    """How many times the other's figure the one's is, in each round that both took part in; nothing is times zero."""
    return [a / b for a, b in pairs(one, other) if b]


def pairs(one: Measurement, other: Measurement) -> list[tuple[float, float]]:
    """The figures of the rounds that both took part in."""
    if not one.numbers and not other.numbers:
        return list(zip(one.rounds, other.rounds, strict=True))
    theirs = _numbered(other)
    return [(figure, theirs[number]) for number, figure in _numbered(one).items() if number in theirs]


def _numbered(one: Measurement) -> dict[int, float]:
    return dict(zip(one.numbers or range(len(one.rounds)), one.rounds, strict=True))
