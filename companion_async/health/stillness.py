"""Pure: for how long a run has shown no sign of life."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple


class _Sign(NamedTuple):
    mark: Hashable
    cpu_seconds: float | None
    since: float


class Stillness:
    """Looks at runs now and then. A run moves when it tells of progress, when its stack differs from the last look, or
    when its thread has used processor time meanwhile.

    The system counts processor time in ticks of 10 ms, so a loop that wakes up once a second to find nothing takes
    several minutes to be seen to move, while one that reads, parses or computes is seen at once.
    """

    def __init__(self) -> None:
        self._signs: dict[str, _Sign] = {}

    def look(self, task_id: str, now: float, mark: Hashable, cpu_seconds: float | None, beat_seconds: float) -> float:
        """The seconds since the run's last sign of life; 0.0 at the first look. ``mark`` is where its stack stands."""
        before = self._signs.get(task_id)
        moved = before is None or before.mark != mark
        if before is not None and before.cpu_seconds is not None and cpu_seconds is not None:
            moved = moved or cpu_seconds > before.cpu_seconds
        since = now if moved or before is None else before.since
        self._signs[task_id] = _Sign(mark, cpu_seconds, since)
        return min(now - since, beat_seconds)

    def forget_others(self, task_ids: set[str]) -> None:
        """Keep only what is known of these runs."""
        for ended in self._signs.keys() - task_ids:
            del self._signs[ended]
