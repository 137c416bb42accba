"""Pure: rounds in, medians, spreads and ratios out."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

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
    """What one contender did in one setting, a figure for each round, in the order of the rounds."""

    contender: str
    setting: str
    unit: str
    rounds: tuple[float, ...]


class Comparison(msgspec.Struct, frozen=True):
    """How many times the peer's figure ours is."""

    ours: str
    peer: str
    setting: str
    ratio: Summary


def summarize(values: Sequence[float]) -> Summary:
    """Median and quartiles; of a single value, that value."""
    if len(values) == 1:
        return Summary(values[0], values[0], values[0], 1)
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Summary(middle, low, high, len(values))


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that ``percent`` of them, 1 to 99, do not exceed, interpolated."""
    return values[0] if len(values) == 1 else statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def compare(measurements: Iterable[Measurement], ours: Iterable[str]) -> list[Comparison]:
    """Each of ``ours`` against everyone else in the same setting.

    The ratio is taken round by round and only then its median: what slowed a whole round down, slowed both.
    """
    known = list(measurements)
    names = tuple(ours)
    return [
        Comparison(
            mine.contender,
            theirs.contender,
            mine.setting,
            summarize([a / b for a, b in zip(mine.rounds, theirs.rounds, strict=True)]),
        )
        for name in names
        for mine in known
        if mine.contender == name
        for theirs in known
        if theirs.setting == mine.setting and theirs.contender not in names
    ]
