"""The processor as one narrow gate for all runs that compute, whatever their category."""

from __future__ import annotations

import threading
from collections.abc import Callable

from companion_async.scheduling.lane import Lane

_SLACK = 0.25
"""By how much those inside may be more than the processor: of two that compute 60 % each, both."""


class Gate:
    """Lets runs of the lanes that are bound to it begin as long as their weights (the share of its time that a run
    computes) add up to ``limit``, and one run whatever its weight.

    Whoever is not let in is told, in turn, when somebody has left: ``tell(lane, behind)`` is called in any thread,
    under a pool's lock, and should have the lane looked at again on the loop. One that leaves while others wait goes
    ``behind`` them: it should be looked at a moment later, since its thread is awake and theirs are not. Every lane is
    counted under its own pool's lock, the gate under its own.
    """

    def __init__(self, limit: float, tell: Callable[[Lane, bool], None]) -> None:
        self.limit = limit
        self._tell = tell
        self._inside = 0.0
        self._runs = 0
        self._waiting: list[Lane] = []
        self._lock = threading.Lock()

    def bind(self, lane: Lane, weight: float) -> None:
        """Have the lane's runs, those under way too, pass through here with that weight from now on. Under its lock."""
        with self._lock:
            old = lane.weight if lane.gate is self else 0.0
            runs = lane.running - lane.loose
            self._inside += runs * (weight - old)
            if lane.gate is not self:
                self._runs += runs
            lane.gate, lane.weight = self, weight
            told = self._others(lane) if weight < old else []
        for one in told:
            self._tell(one, False)

    def release(self, lane: Lane) -> None:
        """Have the lane's runs pass freely again. Under its lock."""
        with self._lock:
            runs = lane.running - lane.loose
            self._inside -= runs * lane.weight
            self._runs -= runs
            lane.gate, lane.weight = None, 0.0
            told = self._others(lane)
        for one in told:
            self._tell(one, False)

    def admits(self, lane: Lane) -> bool:
        """Whether one more run of the lane may begin now; a lane that may not is told later. Under its lock."""
        with self._lock:
            return self._fits(lane)

    def enter(self, lane: Lane) -> bool:
        """Take in one more run of the lane, if it fits."""
        with self._lock:
            if not self._fits(lane):
                return False
            self._take(lane)
            return True

    def returned(self, lane: Lane) -> None:
        """Take in a run that had been inside and waited for another: it goes on in any case."""
        with self._lock:
            self._take(lane)

    def left(self, lane: Lane) -> bool:
        """A run of the lane is over. True if others wait and the lane has to wait behind them."""
        with self._lock:
            self._runs -= 1
            self._inside = self._inside - lane.weight if self._runs else 0.0
            told = self._others(lane)
        for one in told:
            self._tell(one, False)
        if told:
            self._tell(lane, True)
        return bool(told)

    def _fits(self, lane: Lane) -> bool:
        if not self._runs or self._inside + lane.weight <= self.limit + _SLACK:
            return True
        if lane not in self._waiting:
            self._waiting.append(lane)
        return False

    def _take(self, lane: Lane) -> None:
        self._runs += 1
        self._inside += lane.weight

    def _others(self, lane: Lane) -> list[Lane]:
        told, self._waiting = [one for one in self._waiting if one is not lane], []
        return told
