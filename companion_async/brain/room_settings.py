"""The settings of each room, out of the brain's own keys."""

from __future__ import annotations

import msgspec

from companion_async.autonomy.settings import AutonomySettings
from companion_async.brain.config import BrainConfig
from companion_async.health.settings import HealthSettings
from companion_async.locks.settings import LockSettings
from companion_async.scheduling.policies import SchedulingPolicy
from companion_async.scheduling.settings import SchedulingSettings


def scheduling_settings(config: BrainConfig) -> SchedulingSettings:
    """Of the queues and of what may wait in them."""
    return SchedulingSettings(
        policy=SchedulingPolicy(config.policy),
        ageing_span=config.ageing_span,
        queue_capacity=config.queue_capacity,
        max_pending_tasks=config.max_pending_tasks,
        on_full=config.on_full,
        cancel_grace=config.cancel_grace,
        abandoned_budget=config.abandoned_budget,
        history_size=config.history_size,
        history_seconds=config.history_seconds,
        stream_buffer=config.stream_buffer,
        keep_place=config.keep_place,
        # Nobody else is told of them, so for nobody else are they kept.
        arguments_of=("all" if config.security.keep_arguments else "unfinished") if config.expose_errors else "none",
        hidden_arguments=frozenset(config.security.hidden_arguments),
    )


def lock_settings(config: BrainConfig) -> LockSettings:
    """Of the resources and their locks."""
    return LockSettings(
        max_concurrent_locks=config.max_concurrent_locks,
        default_timeout=config.lock_timeout,
        enable_deadlock_detection=config.enable_deadlock_detection,
        ageing_span=config.ageing_span,
    )


def autonomy_settings(config: BrainConfig) -> AutonomySettings:
    """Of the decision loop."""
    return msgspec.structs.replace(
        config.autonomy,
        interval=config.decision_interval,
        auto_scaling=config.auto_scaling,
        scaling=config.scaling,
        scale_down_after=config.scale_down_after,
        failure_threshold=config.failure_threshold,
    )


def health_settings(config: BrainConfig) -> HealthSettings:
    """Of the health monitor and the watchdog."""
    return msgspec.structs.replace(
        config.health, interval=config.health_interval, failure_threshold=config.failure_threshold
    )
