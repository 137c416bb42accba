"""The thresholds of the health checks. ``brain.config`` sets the first two from its own keys."""

from __future__ import annotations

import msgspec


class HealthSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Durations in seconds, shares from 0 to 1.

    A module is failing after ``checks_in_row`` failed health checks, each given ``check_limit``, or after
    ``failure_threshold`` failed runs. A run is looked at more closely from ``slow_after`` on and stuck once it has
    stood still for ``stuck_after``. ``starved_after`` is how long work may wait while nothing is run.
    ``memory_limit`` in bytes is by default what the machine or the container allows.

    The watchdog asks the event loop for a sign every ``watchdog_interval`` and keeps the stacks of the last
    ``blocks_kept`` times that it took longer than ``blocked_after``; its figures cover the last ``lag_samples`` signs.
    """

    interval: float = 5.0
    failure_threshold: int = 5
    check_limit: float = 5.0
    checks_in_row: int = 3
    slow_after: float = 30.0
    stuck_after: float = 300.0
    starved_after: float = 30.0
    memory_high: float = 0.8
    memory_critical: float = 0.95
    memory_limit: int | None = None
    watchdog_interval: float = 0.1
    blocked_after: float = 0.25
    blocks_kept: int = 20
    lag_samples: int = 600
