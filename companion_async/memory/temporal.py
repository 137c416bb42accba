"""`TemporalMemory`: when things were, and how they fade."""

from __future__ import annotations

import bisect
import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.memory.intake import back, instant
from companion_async.memory.plain import Local, Share, of_plain
from companion_async.security import SecurityValidator, check_seconds

_FAINTEST = 0.05
_MOST = 10_000
_RECALLED = 0.1
_MOST_RECALLED = 0.3


class Moment(msgspec.Struct, eq=False):
    """One thing that was. ``timestamp`` is naive and local; ``recalled`` counts how often it was asked for."""

    content: str
    type: str
    importance: Share
    context: dict[str, Any]
    timestamp: Local
    recalled: int = 0

    def __repr__(self) -> str:
        return f"<Moment {self.timestamp:%H:%M:%S} {self.type}: {self.content[:60]!r}>"


class _Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    moments: list[Moment]


class TemporalMemory:
    """Things of the last ``retention_hours``, at most 10,000. Any thread.

    A thing's strength is its importance, less by ``decay_rate`` an hour (exponentially), and more by 0.1 for each time
    it was asked for, 0.3 at most. Below 0.05 it is forgotten. Times are counted in steps of ``temporal_resolution``
    seconds where things are said to be of one time.
    """

    def __init__(
        self,
        retention_hours: float = 1,
        decay_rate: float = 0.1,
        temporal_resolution: float = 60,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.retention_hours = check_seconds(retention_hours, "retention_hours")
        self.decay_rate = check_seconds(decay_rate, "decay_rate", zero=True)
        self.temporal_resolution = check_seconds(temporal_resolution, "temporal_resolution")
        self._clock = clock if clock is not None else SystemClock()
        self._lock = threading.Lock()
        self._moments: list[Moment] = []

    def __len__(self) -> int:
        return len(self._living())

    def add(
        self,
        content: str,
        type: str = "observation",
        importance: float = 0.5,
        context: Mapping[str, Any] | None = None,
        *,
        timestamp: datetime | None = None,
    ) -> Moment:
        """Remember something as of now, or of another moment (naive and local)."""
        text, kind, weight, known = SecurityValidator.sanitize_memory_data(content, type, importance, context)
        moment = Moment(text, kind, weight, known, self._now() if timestamp is None else instant(timestamp))
        with self._lock:
            bisect.insort(self._moments, moment, key=_when)
            if len(self._moments) > _MOST:
                self._moments.remove(min(self._moments, key=self.strength))
        return moment

    def strength(self, moment: Moment) -> float:
        """How present it is now."""
        return self._strength(moment, self._now())

    def _strength(self, moment: Moment, now: datetime) -> float:
        hours = max(0.0, (now - moment.timestamp).total_seconds() / 3600)
        return moment.importance * math.exp(-self.decay_rate * hours) + min(_RECALLED * moment.recalled, _MOST_RECALLED)

    def get_recent(self, minutes: float = 10) -> list[Moment]:
        """Those of the last minutes, the newest first."""
        since = back(self._clock.time(), minutes * 60)
        return self._recall(lambda moment: moment.timestamp >= since)

    def get_range(self, start: datetime, end: datetime) -> list[Moment]:
        """Those from ``start`` to ``end``, both naive and local and both included, the newest first."""
        instant(start), instant(end)
        return self._recall(lambda moment: start <= moment.timestamp <= end)

    def get_at(self, moment: datetime) -> list[Moment]:
        """Those of the same step of time."""
        wanted = self._step(instant(moment))
        return self._recall(lambda each: self._step(each.timestamp) == wanted)

    def release(self, before: datetime, keep: int) -> list[Moment]:
        """Let go of those that were before a moment, and of the oldest beyond ``keep``. Those that went."""
        self._living()
        with self._lock:
            old = bisect.bisect_left(self._moments, before, key=_when)
            gone = max(old, len(self._moments) - keep)
            released, self._moments = self._moments[:gone], self._moments[gone:]
        return released

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types, for `restore`; sets in a context become lists."""
        return {"moments": msgspec.to_builtins(self._living())}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Hold what `to_dict` gave, in the place of what is held now. Other data is refused (`StorageError`)."""
        moments = sorted(of_plain(data, _Saved).moments, key=_when)
        with self._lock:
            self._moments = moments

    def get_summary(self) -> dict[str, Any]:
        """``size types average_strength oldest``; the last as ISO text, None when nothing is remembered."""
        moments = self._living()
        return {
            "size": len(moments),
            "types": dict(Counter(moment.type for moment in moments)),
            "average_strength": sum(map(self.strength, moments)) / len(moments) if moments else 0.0,
            "oldest": moments[0].timestamp.isoformat() if moments else None,
        }

    def _recall(self, wanted: Callable[[Moment], bool]) -> list[Moment]:
        found = [moment for moment in self._living() if wanted(moment)]
        with self._lock:
            for moment in found:
                moment.recalled += 1
        return found[::-1]

    def _living(self) -> list[Moment]:
        now = self._now()
        oldest = now - timedelta(hours=self.retention_hours)
        with self._lock:
            self._moments = [
                moment
                for moment in self._moments
                if moment.timestamp >= oldest and self._strength(moment, now) >= _FAINTEST
            ]
            return list(self._moments)

    def _step(self, moment: datetime) -> int:
        return int(moment.timestamp() // self.temporal_resolution)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time())


def _when(moment: Moment) -> datetime:
    return moment.timestamp
