"""Pure: what has been counted of one resource's locks."""

from __future__ import annotations

from companion_async.sketch import DurationSketch


class Tally:
    """Counts since the resource was registered. Every request ends in exactly one of those that `ended` adds up, or
    is still waiting.
    """

    __slots__ = ("acquisitions", "cancelled", "contention", "deadlocks", "refused", "timeouts", "waits")

    def __init__(self) -> None:
        self.acquisitions = 0
        self.contention = 0
        self.timeouts = 0
        self.deadlocks = 0
        self.cancelled = 0
        self.refused = 0
        self.waits = DurationSketch()

    @property
    def ended(self) -> int:
        """Requests that were granted or have failed."""
        return self.acquisitions + self.timeouts + self.deadlocks + self.cancelled + self.refused

    def add(self, other: Tally) -> None:
        """Take in another's counts."""
        self.acquisitions += other.acquisitions
        self.contention += other.contention
        self.timeouts += other.timeouts
        self.deadlocks += other.deadlocks
        self.cancelled += other.cancelled
        self.refused += other.refused
        self.waits.merge(other.waits)

    @property
    def average_wait(self) -> float:
        """Seconds, of the requests that had to wait and were granted."""
        return self.waits.total / self.waits.count if self.waits.count else 0.0

    @property
    def p99_wait(self) -> float:
        """Seconds, of the latest requests that had to wait and were granted."""
        return self.waits.quantile(0.99) or 0.0
