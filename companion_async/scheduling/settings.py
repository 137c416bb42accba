"""What the scheduler is told."""

from __future__ import annotations

from typing import Literal

import msgspec

from companion_async.scheduling.policies import SchedulingPolicy


class TracingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``enabled``: tasks, and calls of models, are told to OpenTelemetry as spans. Needs the extra ``otel``."""

    enabled: bool = False


class SchedulingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds and rules; the names and meanings are those of ``BrainConfig``. Durations in seconds.

    ``arguments_of``: the ended runs of which a text of what they were called with is kept.
    """

    policy: SchedulingPolicy = SchedulingPolicy.WEIGHTED_PRIORITY
    ageing_span: float = 10.0
    queue_capacity: int = 1000
    max_pending_tasks: int = 1_000_000
    on_full: str = "reject"
    cancel_grace: float = 5.0
    abandoned_budget: int | None = None
    history_size: int = 10_000
    history_seconds: float = 3600.0
    stream_buffer: int = 64
    keep_place: bool = True
    arguments_of: Literal["none", "unfinished", "all"] = "none"
    hidden_arguments: frozenset[str] = frozenset()
