"""Pure: how punctual the runs of many agents were, and what they cost."""

from __future__ import annotations

from collections import deque

import msgspec

from benchmarks.figures import percentile

PERIOD = 1.0
"""Seconds from one run of a module to the next."""

PROMPT = 0.05
"""Seconds at p99: later than that it is broken."""


class Course(msgspec.Struct):
    """What a turn came to: how late each run was, in seconds, those that should have been, and what it cost."""

    late: deque[float]
    due: float = 0.0
    cpu: float = 0.0
    resident: float = 0.0
    counting: bool = False

    @property
    def made(self) -> float:
        """The share of the runs of fast modules that were made."""
        return min(1.0, len(self.late) / self.due)

    @property
    def p99(self) -> float:
        """Seconds."""
        return percentile(list(self.late), 99) if len(self.late) > 1 else PERIOD
