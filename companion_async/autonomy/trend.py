"""Pure: readings of one category over time, and the rates that follow from them."""

from __future__ import annotations

import math
from collections import deque

from companion_async.autonomy.scaling import LONG, CategoryLoad
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.situation import CategoryReading, Situation

_SHORTEST_STRETCH = 1.0


class CategoryTrend:
    """Remembers one category's readings through the longest window that a rule looks at."""

    def __init__(self, settings: AutonomySettings) -> None:
        self._settings = settings
        self._window = max(settings.scale_down_after, settings.rate_window)
        self._readings: deque[tuple[float, CategoryReading]] = deque()
        self._low_since: float | None = None
        self._resized_at = -math.inf

    def load(self, situation: Situation, reading: CategoryReading, *, room: int) -> CategoryLoad:
        """Take in the reading of this pass and say what the scaling rules need to know."""
        settings, now = self._settings, situation.now
        if self._readings and self._readings[-1][1].limit != reading.limit:
            # Someone resized the category, we or a person: what was measured at the other limit says little now.
            self._resized_at = max(self._resized_at, self._readings[-1][0])
        self._readings.append((now, reading))
        while len(self._readings) > 2 and self._readings[1][0] <= now - self._window:
            self._readings.popleft()
        low = reading.working < settings.low_utilization * reading.limit
        self._low_since = None if not low else now if self._low_since is None else self._low_since
        arrivals, throughput, service = self._rates(now, settings.rate_window)
        return CategoryLoad(
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
            room=room,
            memory_fraction=situation.memory_fraction,
            since_resize=min(LONG, now - self._resized_at),
        )

    def resized(self, now: float) -> None:
        """The limit was changed now: the windows that ask for an unbroken stretch begin again."""
        self._resized_at = now
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
