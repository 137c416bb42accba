"""Pure: how many times longer the runs of a category take than they would if fewer went on at once.

Each run is set against the baseline of its own target, so a change in what is asked for is no stretch. The figure is a
mean of logarithms, which a few very long runs do not move, and it comes with its standard error: with work whose runs
differ by orders of magnitude it takes more of them, or more stretch, to be sure.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from companion_async.autonomy.signals import EndedRun

KEPT = 60
"""Runs that a figure is taken from."""
ENOUGH = 20
"""Runs below which there is none."""
_WINDOWS = 90
_BASE = 0.2  # the quantile of the windows' means that counts as undisturbed
_DRIFT = 0.01  # by which a baseline may rise from one second to the next
_MOST_TARGETS = 1000
_SHORTEST = 1e-7


class Reading(NamedTuple):
    """``mean`` and ``error`` of the logarithm of the stretch, over ``runs`` runs."""

    mean: float = 0.0
    error: float = 0.0
    runs: int = 0

    def at_least(self, deviations: float) -> float:
        """The stretch that is exceeded with the certainty of so many standard errors."""
        return math.exp(self.mean - deviations * self.error)


class _Run(NamedTuple):
    began: float
    target: _Target
    seconds: float
    cpu: float
    log: float


class _Target:
    __slots__ = ("base", "fresh", "logs", "means", "variance")

    def __init__(self) -> None:
        self.logs: deque[float] = deque(maxlen=KEPT)
        self.means: deque[float] = deque(maxlen=_WINDOWS)
        self.base: float | None = None
        self.variance = 0.0
        self.fresh = False

    def learn(self, rising: bool) -> None:
        self.fresh = False
        count = len(self.logs)
        if count < ENOUGH:
            return  # of a burst, the shortest run ends first
        mean = sum(self.logs) / count
        self.variance = sum((log - mean) ** 2 for log in self.logs) / (count - 1)
        self.means.append(mean)
        low = sorted(self.means)[int(_BASE * len(self.means))]
        self.base = low if self.base is None else min(low, self.base + (_DRIFT if rising else 0.0))


class Stretch:
    """The last runs of one category, and the baselines of its targets."""

    def __init__(self) -> None:
        self._targets: dict[str, _Target] = {}
        self._runs: deque[_Run] = deque(maxlen=KEPT)

    def add(self, now: float, run: EndedRun) -> None:
        """Take in a run that ended about ``now``."""
        target = self._targets.get(run.target)
        if target is None:
            if len(self._targets) >= _MOST_TARGETS:
                self._targets.clear()
            target = self._targets[run.target] = _Target()
        log = math.log(max(_SHORTEST, run.seconds))
        target.logs.append(log)
        target.fresh = True
        self._runs.append(_Run(now - run.seconds, target, run.seconds, run.cpu, log))

    def learn(self, *, rising: bool) -> None:
        """Once a second: bring the baselines up to date. They may rise only while the category is not full, or a
        lasting overload would become what is usual.
        """
        for target in self._targets.values():
            if target.fresh:
                target.learn(rising)

    def read(self, since: float) -> Reading:
        """The stretch of the last runs, of those only that began at ``since`` or later."""
        runs = [run for run in self._runs if run.began >= since and run.target.base is not None]
        count = len(runs)
        if not count:
            return Reading()
        mean = sum(run.log - (run.target.base or 0.0) for run in runs) / count
        return Reading(mean, math.sqrt(sum(run.target.variance for run in runs)) / count, count)

    def service(self, since: float) -> tuple[float, float, int]:
        """Mean wall and CPU seconds of the last runs that began at ``since`` or later, and how many those are."""
        runs = [run for run in self._runs if run.began >= since]
        count = len(runs)
        if not count:
            return 0.0, 0.0, 0
        return sum(run.seconds for run in runs) / count, sum(run.cpu for run in runs) / count, count

    def rebase(self) -> None:
        """What was taken for contention was none: the baselines go half the way to what the runs take now."""
        for target in self._targets.values():
            if target.base is not None:
                target.base += (sum(target.logs) / len(target.logs) - target.base) / 2
                target.means.clear()
                target.means.append(target.base)
