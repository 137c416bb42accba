"""Pure: readings of one category over time, and the rates that follow from them."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from companion_async.autonomy.scaling import LONG, CategoryLoad, GainStep, is_full, need
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.situation import CategoryReading, Situation

_SHORTEST_STRETCH = 1.0


class _Step(NamedTuple):
    old: int
    new: int
    before: float
    at: float
    completions: int


class CategoryTrend:
    """Remembers one category's readings through the longest window that a rule looks at, and its last growth."""

    def __init__(self, settings: AutonomySettings) -> None:
        self._settings = settings
        self._window = max(settings.scale_down_after, settings.rate_window)
        self._readings: deque[tuple[float, CategoryReading]] = deque()
        self._needs: deque[tuple[float, float]] = deque()
        self._low_since: float | None = None
        self._full_since: float | None = None
        self._resized_at = -math.inf
        self._barred_until = -math.inf
        self._regrets = 0
        self._step: _Step | None = None

    def load(self, situation: Situation, reading: CategoryReading, *, room: int, cpu_share: float) -> CategoryLoad:
        """Take in the reading of this pass and say what the scaling rules need to know."""
        settings, now = self._settings, situation.now
        if self._readings and self._readings[-1][1].limit != reading.limit:
            # Someone resized the category, we or a person: what was measured at the other limit says little now.
            self._resized_at = max(self._resized_at, self._readings[-1][0])
            self._full_since = None
        if self._step is not None and self._step.new != reading.limit:
            self._step = None
        self._readings.append((now, reading))
        while len(self._readings) > 2 and self._readings[1][0] <= now - self._window:
            self._readings.popleft()
        low = reading.working < settings.low_utilization * reading.limit
        self._low_since = None if not low else now if self._low_since is None else self._low_since
        arrivals, throughput, service = self._rates(now, settings.rate_window)
        load = CategoryLoad(
            name=reading.name,
            limit=reading.limit,
            configured=reading.configured,
            working=reading.working,
            stuck=reading.stuck,
            kept=reading.kept,
            idle=reading.idle,
            longest_idle=reading.longest_idle,
            queued=reading.queued,
            oldest_wait=reading.oldest_wait,
            arrival_rate=arrivals,
            throughput=throughput,
            service=service,
            low_for=0.0 if self._low_since is None else now - self._low_since,
            peak_working=max(r.working for at, r in self._readings if at > now - settings.scale_down_after),
            peak_need=self._peak_need(now),
            room=room,
            cpu_share=cpu_share,
            loop_lag=situation.loop_lag,
            memory_fraction=situation.memory_fraction,
            gil=situation.gil,
            cores=situation.cores,
            since_resize=min(LONG, now - self._resized_at),
            barred_for=max(0.0, self._barred_until - now),
        )
        self._needs.append((now, need(load, settings) or 0.0))
        full = is_full(load, settings)
        self._full_since = None if not full else now if self._full_since is None else self._full_since
        if not full and self._step is not None:
            # The step did what it was for: nothing waits any more.
            self._step, self._regrets = None, 0
        return load

    def gain(self, now: float) -> GainStep | None:
        """The last growth with what came of it so far, while every slot has been busy since; None otherwise."""
        if self._step is None:
            return None
        step, reading = self._step, self._readings[-1][1]
        return GainStep(
            name=reading.name,
            old=step.old,
            new=step.new,
            before=step.before,
            completions=reading.completions - step.completions,
            seconds=now - step.at,
        )

    def grew(self, now: float, load: CategoryLoad, new: int) -> None:
        """A growth from ``load`` was applied. Steps that follow before the first could be judged are judged with it."""
        completions = self._readings[-1][1].completions
        old, before = load.limit, self._throughput_while_full(load)
        if self._step is not None:
            old, before = self._step.old, self._step.before
        self._step = None if before is None else _Step(old, new, before, now, completions)
        self.resized(now)

    def kept(self) -> None:
        """The last growth was worth it."""
        self._step, self._regrets = None, 0

    def regretted(self, now: float) -> None:
        """The last growth was taken back: growth is barred, longer each time."""
        settings = self._settings
        wait = min(settings.regret_max, settings.regret_seconds * 2.0 ** min(self._regrets, 16))
        self._barred_until = now + wait
        self._regrets += 1
        self._step = None
        self.resized(now)

    def resized(self, now: float) -> None:
        """The limit was changed now: the windows that ask for an unbroken stretch begin again."""
        self._resized_at = now
        self._full_since = None
        if self._low_since is not None:
            self._low_since = now

    def _rates(self, now: float, window: float) -> tuple[float, float, float | None]:
        first_at, first = next(((at, r) for at, r in self._readings if at >= now - window), self._readings[-1])
        last = self._readings[-1][1]
        seconds, ended = now - first_at, last.completions - first.completions
        if ended > 0:
            service: float | None = (last.run_seconds - first.run_seconds) / ended
        else:
            service = last.run_seconds / last.completions if last.completions else None
        if seconds <= 0:
            return 0.0, 0.0, service
        arrivals = (last.arrivals - first.arrivals) / seconds
        before_at, before = self._readings[-2]
        if now - before_at >= _SHORTEST_STRETCH:
            # A load that has just begun must not be thinned out by the quiet before it.
            arrivals = max(arrivals, (last.arrivals - before.arrivals) / (now - before_at))
        return arrivals, ended / seconds, service

    def _throughput_while_full(self, load: CategoryLoad) -> float | None:
        if self._full_since is not None:
            stretch = [(at, r) for at, r in self._readings if at >= self._full_since]
            (first_at, first), (last_at, last) = stretch[0], stretch[-1]
            if last_at > first_at and last.completions - first.completions >= load.limit:
                return (last.completions - first.completions) / (last_at - first_at)
        return load.limit / load.service if load.service else None

    def _peak_need(self, now: float) -> float:
        while self._needs and self._needs[0][0] <= now - self._settings.scale_down_after:
            self._needs.popleft()
        return max((figure for _, figure in self._needs), default=0.0)
