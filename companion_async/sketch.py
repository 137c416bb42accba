"""Pure: percentiles of durations in fixed memory.

After DDSketch (Masson, Rim, Lee: "DDSketch: A fast and fully-mergeable quantile sketch with relative-error guarantees",
PVLDB 12(12), 2019): a count per bucket, the buckets' bounds in geometric progression. Unlike there, what is counted is
forgotten again: two windows take turns, so that a percentile speaks of recent behaviour.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from math import log2

LOWEST = 1e-6
HIGHEST = 1e4
RELATIVE_ERROR = 0.02
WINDOW = 2048

# A little under the promised error, which leaves room for the rounding of the logarithm at a bucket's bound.
_GAMMA = (1 + 0.0198) / (1 - 0.0198)
_PER_OCTAVE = 1 / log2(_GAMMA)
_OFFSET = -log2(LOWEST) * _PER_OCTAVE
_MIDDLE = 2 * _GAMMA / (1 + _GAMMA) * LOWEST
_LAST = int(log2(HIGHEST) * _PER_OCTAVE + _OFFSET)
BUCKETS = _LAST + 1


class DurationSketch:
    """Durations in seconds. Not for use by several threads at once.

    ``count`` and ``total`` cover every value ever added. Quantiles cover the last `WINDOW` to twice `WINDOW` values and
    are within 2 % of a value that was really added, from 1 us to 10,000 s; what lies beyond counts as the bound, and
    what is no duration (negative, NaN) as 0. At most twice `BUCKETS` counts are held, and only those in use.
    """

    __slots__ = ("_before", "_recent", "_room", "_turns_at", "total")

    def __init__(self) -> None:
        self.total = 0.0
        self._recent: defaultdict[int, int] = defaultdict(int)
        self._before: defaultdict[int, int] = defaultdict(int)
        self._room = WINDOW
        self._turns_at = WINDOW

    @property
    def count(self) -> int:
        """How many values were ever added."""
        return self._turns_at - self._room

    def add(self, seconds: float) -> None:
        """Count one value. About 0.2 us, without allocation once its bucket is in use."""
        if LOWEST <= seconds <= HIGHEST:
            self._recent[int(log2(seconds) * _PER_OCTAVE + _OFFSET)] += 1
            self.total += seconds
        else:
            self._add_outlier(seconds)
        self._room -= 1
        if not self._room:
            self._turn()

    def _add_outlier(self, seconds: float) -> None:
        self._recent[_LAST if seconds > HIGHEST else 0] += 1
        if 0 < seconds < math.inf:
            self.total += seconds

    def _turn(self) -> None:
        self._before = self._recent
        self._recent = defaultdict(int)
        self._room = WINDOW
        self._turns_at += WINDOW

    def quantile(self, q: float) -> float | None:
        """The value below which the share ``q`` (0 to 1) of the recent values lies; ``None`` before the first."""
        return self.quantiles((q,))[0]

    def quantiles(self, shares: Sequence[float]) -> tuple[float | None, ...]:
        """As `quantile`, for several shares in one pass over the buckets."""
        buckets = self._buckets()
        if not buckets:
            return (None,) * len(shares)
        keys = sorted(buckets)
        passed = list(accumulate(buckets[key] for key in keys))
        # The rank of DDSketch: the lower of the two values between which the quantile of a list would lie.
        at = (min(bisect_right(passed, share * (passed[-1] - 1)), len(keys) - 1) for share in shares)
        return tuple(min(_MIDDLE * _GAMMA ** keys[index], HIGHEST) for index in at)

    def merge(self, other: DurationSketch) -> None:
        """Add what ``other`` holds: its count and total, and both its windows to these. ``other`` is unchanged."""
        count = self.count + other.count
        for mine, theirs in ((self._recent, other._recent), (self._before, other._before)):
            for key, number in list(theirs.items()):
                mine[key] += number
        self.total += other.total
        # The window turns with a value added here, never in a merge: merging many sketches for a sum loses nothing.
        self._room = max(1, self._room - (WINDOW - other._room))
        self._turns_at = count + self._room

    def _buckets(self) -> dict[int, int]:
        both = dict(self._before)
        for key, number in self._recent.items():
            both[key] = both.get(key, 0) + number
        return both
