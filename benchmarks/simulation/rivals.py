"""Pure: the controllers that are compared: ours, and the others each as its makers describe it.

Vegas and Gradient2 follow Netflix's concurrency-limits 0.4 (defaults; a window of a second, latency without the time in
the queue, since our clients queue instead of being refused); queue-only does what Celery's autoscaler does with its
backlog.
"""

from __future__ import annotations

import math

from benchmarks.simulation.shapes import MOST, START
from companion_async.autonomy.scaling import CategoryLoad, grow_plain
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.signals import Signals
from companion_async.autonomy.sizer import Sizer

_SOON = 1e-9  # moments that are added up from tenths do not hit each other


class Fixed:
    """Always the same."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def look(self, seen: Signals, oldest_wait: float) -> int:
        """The limit."""
        return self._limit


class Plain:
    """The documents' rule, as the brain runs it for ``scaling="plain"``: every 10 s two more if every slot is busy and
    work waits. Never down.
    """

    def __init__(self) -> None:
        self._settings = AutonomySettings(scaling="plain")
        self._due = self._settings.interval

    def look(self, seen: Signals, oldest_wait: float) -> int:
        """The limit."""
        if seen.now < self._due - _SOON:
            return seen.limit
        self._due += self._settings.interval
        load = CategoryLoad(
            name="simulated",
            limit=seen.limit,
            configured=START,
            working=seen.running,
            queued=seen.queued,
            oldest_wait=oldest_wait,
            room=MOST - seen.limit,
        )
        verdict = grow_plain(load, self._settings)
        return seen.limit if verdict is None else int(verdict.data["new"])


class Adaptive:
    """Ours: the very object that the brain asks for ``scaling="adaptive"``."""

    def __init__(self) -> None:
        self.sizer = Sizer("simulated", START, AutonomySettings())

    def look(self, seen: Signals, oldest_wait: float) -> int:
        """The limit."""
        size = self.sizer.look(seen, MOST)
        return seen.limit if size is None else size.limit


class QueueOnly:
    """Each second as many as run and wait; down, once a second, after 30 s in which fewer would have done."""

    def __init__(self) -> None:
        self._due = 1.0
        self._needed_at = 0.0

    def look(self, seen: Signals, oldest_wait: float) -> int:
        """The limit."""
        if seen.now < self._due - _SOON:
            return seen.limit
        self._due += 1.0
        wanted = min(MOST, seen.running + seen.queued)
        if wanted >= seen.limit:
            self._needed_at = seen.now
            return wanted
        return max(START, seen.limit - 1) if seen.now - self._needed_at > 30 else seen.limit


class _Windowed:
    """What Netflix's limits share: a window of at least a second and ten samples, and its mean latency."""

    def __init__(self) -> None:
        self._since, self._sum, self._count, self._most = 0.0, 0.0, 0, 0

    def _window(self, seen: Signals) -> tuple[float, int] | None:
        self._sum += sum(run.seconds for run in seen.ended)
        self._count += len(seen.ended)
        self._most = max(self._most, seen.running)
        if seen.now - self._since < 1.0 - _SOON or self._count < 10:
            return None
        found = self._sum / self._count, self._most
        self._since, self._sum, self._count, self._most = seen.now, 0.0, 0, 0
        return found


class Vegas(_Windowed):
    """TCP Vegas: the queue that the latency above its minimum speaks of is kept between alpha and beta."""

    def __init__(self) -> None:
        super().__init__()
        self._least, self._limit, self._probes, self._jitter = math.inf, float(START), 0, 0.75

    def look(self, seen: Signals, oldest_wait: float) -> int:
        """The limit."""
        window = self._window(seen)
        if window is None:
            return int(self._limit)
        latency, most = window
        self._probes += 1
        if self._probes >= 30 * self._jitter * self._limit:
            self._probes, self._least = 0, latency
        self._least = min(self._least, latency)
        if most * 2 < self._limit:
            return int(self._limit)
        step = max(1.0, math.log10(self._limit))
        queued = math.ceil(self._limit * (1 - self._least / latency))
        if queued <= step:
            self._limit += 6 * step  # threshold: beta
        elif queued < 3 * step:
            self._limit += step
        elif queued > 6 * step:
            self._limit -= step
        self._limit = max(1.0, min(MOST, self._limit))
        return int(self._limit)


class Gradient2(_Windowed):
    """The limit times long over short latency, and a queue allowance; smoothed."""

    def __init__(self) -> None:
        super().__init__()
        self._long, self._limit, self._windows = 0.0, float(START), 0

    def look(self, seen: Signals, oldest_wait: float) -> int:
        """The limit."""
        window = self._window(seen)
        if window is None:
            return int(self._limit)
        short, most = window
        self._windows += 1
        if self._windows <= 10:  # their warm-up: a plain mean
            self._long += (short - self._long) / self._windows
        else:
            self._long += 2 / 601 * (short - self._long)
        if self._long / short > 2:
            self._long *= 0.95
        if most < self._limit / 2:
            return int(self._limit)
        gradient = max(0.5, min(1.0, 1.5 * self._long / short))
        self._limit = 0.8 * self._limit + 0.2 * (self._limit * gradient + 4)
        self._limit = max(1.0, min(MOST, self._limit))
        return int(self._limit)
