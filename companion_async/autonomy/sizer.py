"""Pure: from what is seen of one category, look by look, to the figures that its size is judged by."""

from __future__ import annotations

import math
from collections import deque

import msgspec

from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.signals import Signals
from companion_async.autonomy.sizing import Size, SizeFigures, Trial, adaptive, need, regretted
from companion_async.autonomy.stretch import ENOUGH, Reading, Stretch

TICK = 1.0
"""Seconds between two full looks. What comes between them only ever grows the limit."""
_SOON = 1e-6  # clocks that are added up from tenths do not hit the second
_LOOKS_FULL = 0.05  # a category must be full at two looks, not at one
_CAUTION = 10.0
_RATE_WINDOW, _LONGEST_WINDOW = 5.0, 30.0
_LONGEST_PROBE = 300.0
_DEVIATIONS = 2.5
_SUDDEN = 0.15
_COMPUTES = 0.05  # of a run's time, or of a processor: from there on more threads can make the loop late


class Sizer:
    """One category's memory. `look` every tenth of a second or so; it says which limit should be, and expects to see it
    in the signals of the next look (what others set it to is as good).
    """

    def __init__(self, name: str, configured: int, settings: AutonomySettings) -> None:
        self.figures = SizeFigures(name=name, limit=configured, configured=configured, most=0, running=0, queued=0)
        self._settings = settings
        self._stretch = Stretch()
        self._arrivals: deque[tuple[float, int]] = deque()
        self._peaks: deque[tuple[float, float, int]] = deque()
        self._most_running = 0
        self._due = -math.inf
        self._limit = configured
        self._changed_at = self._cut_at = -math.inf
        self._full_since: float | None = None
        self._full_ticks = 0
        self._rate = self._rush = 0.0
        self._service: float | None = None
        self._cpu = 0.0
        self._reading = Reading()
        self._settled = Reading()
        self._trial: Trial | None = None
        self._ceiling: int | None = None
        self._ceiling_until = -math.inf
        self._probe = settings.probe_seconds
        self._proven_at = -math.inf

    def look(self, signals: Signals, most: int, barred: str | None = None, late: str | None = None) -> Size | None:
        """The limit that should be now, None for the one that is. ``barred`` says why it must not grow, ``late`` why it
        must not if its runs compute.
        """
        now = signals.now
        for run in signals.ended:
            self._stretch.add(now, run)
        if signals.limit != self._limit:
            self._limit, self._changed_at, self._settled = signals.limit, now, Reading()
            if self._trial is not None and signals.limit != self._trial.new:
                self._trial = None  # someone else has set it
        if not signals.full:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = now
        self._most_running = max(self._most_running, signals.running)
        brief = now < self._due - _SOON
        if brief:
            if self._full_since is None or now - self._full_since < _LOOKS_FULL:
                return None
        else:
            self._due = now + TICK
            self._learn(signals)
        self._rush = self._sudden(signals)
        self.figures = self._figures(signals, most, barred or (late if self._computes else None), brief)
        if not brief:
            self._remember(now)
        size = adaptive(self.figures, self._settings)
        if size is not None:
            self._follow(size, now)
        return size

    @property
    def _computes(self) -> bool:
        # Where all wait for the interpreter, runs take so long that they seem to do nothing else: their number tells.
        return self._service is not None and self._cpu * max(self._rate, 1 / (self._service or _SOON)) > _COMPUTES

    # -- once a second ---------------------------------------------------------------------------------------------

    def _learn(self, signals: Signals) -> None:
        now, stretch = signals.now, self._stretch
        self._full_ticks = self._full_ticks + 1 if signals.full else 0
        stretch.learn(rising=not signals.full)
        self._arrivals.append((now, signals.arrivals))
        window = max(_RATE_WINDOW, min(_LONGEST_WINDOW, 2 * (self._service or 0.0)))
        while len(self._arrivals) > 2 and self._arrivals[1][0] <= now - window:
            self._arrivals.popleft()
        (first_at, first), (last_at, last) = self._arrivals[0], self._arrivals[-1]
        self._rate = (last - first) / (last_at - first_at) if last_at > first_at else 0.0
        service, cpu, _ = stretch.service(-math.inf)
        reading = stretch.read(self._cut_at)
        if service:
            self._cpu = cpu
            if reading.runs >= ENOUGH:
                self._reading = reading
            if self._cut_at == -math.inf:
                self._service = service
            elif reading.runs >= ENOUGH:
                self._service = stretch.service(self._cut_at)[0]
        self._settled = stretch.read(self._changed_at - 0.11)
        if self._trial is not None and not signals.queued:
            self._trial = None  # nothing waits: nothing was lost

    def _sudden(self, signals: Signals) -> float:
        """The arrivals per second since the last full look, what may be chance left out: a crowd that has just come
        must not be thinned out by the quiet before it.
        """
        at, before = self._arrivals[-1]
        came, seconds = signals.arrivals - before, signals.now - at
        return max(0.0, came - 2 * math.sqrt(came)) / seconds if seconds >= _SUDDEN else 0.0

    def _remember(self, now: float) -> None:
        """Keep the need and what was at work for the reserve, and see what came of a cut."""
        settings, peaks = self._settings, self._peaks
        peaks.append((now, need(self.figures, settings.drain_seconds) or 0.0, self._most_running))
        self._most_running = 0
        while peaks[0][0] < now - settings.reserve_seconds:
            peaks.popleft()
        if regretted(self.figures) is False:
            self._prove(now)
        self.figures = msgspec.structs.replace(
            self.figures,
            peak_need=max(wanted for _, wanted, _ in peaks),
            peak_running=max(running for _, _, running in peaks),
            trial=self._trial,
            ceiling=self._bound(now),
            cautious=self._wary(now),
        )

    def _prove(self, now: float) -> None:
        """The cut cost nothing: what lay above was past the knee, and is left alone for a while, each time longer."""
        assert self._trial is not None
        old, new, _ = self._trial
        again = now - self._proven_at < 4 * self._probe
        self._probe = min(_LONGEST_PROBE, 2 * self._probe) if again else self._settings.probe_seconds
        self._proven_at = now
        self._ceiling, self._ceiling_until = max(new, (new + old) // 2 if old > new + 1 else new), now + self._probe
        self._trial = None

    def _figures(self, signals: Signals, most: int, barred: str | None, brief: bool) -> SizeFigures:
        now, reading = signals.now, self._reading
        settled = self._settled
        full_for = now - self._full_since if self._full_since is not None else 0.0
        if not brief and self._full_ticks < 2 and self._service is not None:
            full_for = 0.0
        return SizeFigures(
            name=self.figures.name,
            limit=signals.limit,
            configured=self.figures.configured,
            most=most,
            running=signals.running,
            queued=signals.queued,
            full_for=full_for,
            arrival_rate=max(self._rate, self._rush),
            service=self._service,
            cpu=self._cpu,
            stretch=max(1.0, math.exp(reading.mean)),
            stretch_surely=reading.at_least(_DEVIATIONS),
            settled=(settled.mean, settled.error, settled.runs),
            peak_need=self.figures.peak_need,
            peak_running=self.figures.peak_running,
            ceiling=self._bound(now),
            cautious=self._wary(now),
            trial=self._trial,
            brief=brief,
            barred=barred,
        )

    def _bound(self, now: float) -> int | None:
        return self._ceiling if now < self._ceiling_until else None

    def _wary(self, now: float) -> bool:
        return now - self._cut_at < _CAUTION or now < self._ceiling_until + self._probe

    # -- what was decided ------------------------------------------------------------------------------------------

    def _follow(self, size: Size, now: float) -> None:
        if size.cause == "downstream":
            share = size.limit / self._limit
            self._trial = Trial(self._limit, size.limit, self._settled.mean)
            self._cut_at = now
            # Until runs that began after the cut have ended, they are taken to have gained what was cut.
            self._reading = Reading(max(0.0, self._reading.mean + math.log(share)), self._reading.error)
            self._service = (self._service or 0.0) * share
        elif size.cause == "regret":
            self._stretch.rebase()
            self._trial, self._ceiling_until, self._cut_at = None, -math.inf, -math.inf
            self._reading = Reading()
