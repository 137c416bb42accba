"""The picture of the whole runtime."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from companion_async.events.channel import ChannelStatus
from companion_async.status.category import CategoryStatus
from companion_async.status.module import ModuleBrief
from companion_async.status.picture import FrozenMap, Picture


class SystemStats(msgspec.Struct, frozen=True, kw_only=True):
    """Totals since the start. ``threads_auto_scaled`` counts applied scalings, ``threads_restarted`` replaced slots."""

    total_threads_created: int = 0
    total_tasks_completed: int = 0
    total_tasks_failed: int = 0
    threads_auto_scaled: int = 0
    threads_restarted: int = 0


class LoopBlock(msgspec.Struct, frozen=True, kw_only=True):
    """The event loop gave no sign for ``seconds`` from ``since`` on; ``stack`` is where it stood, innermost last."""

    since: datetime
    seconds: float
    stack: tuple[str, ...] = ()


class SystemStatus(Picture, frozen=True, kw_only=True):
    """Everything at one ``timestamp``. ``enabled`` until the brain is shut down.

    ``total_threads`` are all live ones, the ``abandoned_threads`` among them; ``active_threads`` are busy. ``loop_lag``
    is how late the event loop last was, in seconds. What cannot be read (no watchdog, no psutil figures) is None.
    The peaks are over the readings of all health rounds. ``checked_at`` and ``decided_at`` are the last rounds of the
    health monitor and the decision loop: while both move on, both live. ``findings`` is what that health round found,
    in words. ``loop_blocks`` are the last times that something blocked the event loop. ``channels`` are the open ones.
    Give the maps as `FrozenMap`, so that the picture is frozen through and through.
    """

    enabled: bool = True
    timestamp: datetime
    total_threads: int = 0
    active_threads: int = 0
    abandoned_threads: int = 0
    max_threads: int
    auto_scaling: bool
    uptime: float = 0.0
    pending_tasks: int = 0
    categories: Mapping[str, CategoryStatus]
    module_threads: Mapping[str, ModuleBrief]
    stats: SystemStats = SystemStats()
    loop_lag: float | None = None
    loop_lag_p99: float | None = None
    memory_bytes: int | None = None
    memory_fraction: float | None = None
    cpu_percent: float | None = None
    peak_memory_bytes: int | None = None
    peak_cpu_percent: float | None = None
    checked_at: datetime | None = None
    decided_at: datetime | None = None
    findings: tuple[str, ...] = ()
    loop_blocks: tuple[LoopBlock, ...] = ()
    channels: Mapping[str, ChannelStatus] = FrozenMap()
