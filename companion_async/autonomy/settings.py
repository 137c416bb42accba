"""The thresholds of the rules. ``brain.config`` sets the first five from its own keys."""

from __future__ import annotations

from typing import Literal

import msgspec

from companion_async.autonomy.predicates import SHRINK_AFTER


class AutonomySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Durations in seconds, shares from 0 to 1.

    Growth: a category grows when every slot that is not stuck is busy and a task has waited ``scale_up_wait``.
    ``plain`` adds ``plain_step``. ``adaptive`` looks every ``look_interval`` and goes to the need that Little's law
    finds, with the backlog gone in ``drain_seconds``; down again to the highest need of ``reserve_seconds``. Where its
    runs were found to wait for each other, it tries a higher limit after ``probe_seconds``, and after twice as long
    each time that was in vain.

    Healing: a run that has stood still for ``stuck_after`` is given up; a module whose runs have kept the budget of
    abandoned threads spent for ``spent_after`` is quarantined.

    Computing: a module is kept to what the interpreter lock or the cores can carry once ``cpu_bound_from`` of its run
    time is computing, until that falls below ``cpu_bound_until``. While such work runs, threads hand over the
    interpreter after ``short_switch_interval``, unless ``manage_switch_interval`` is off.

    Depth: while tens of thousands of tasks wait, Python's garbage collector goes through all objects more rarely,
    unless ``manage_collector`` is off.

    Decline: utilisation below ``low_utilization`` all through ``scale_down_after``; single threads go after
    ``idle_retirement`` in any case, and under ``adaptive`` those beyond the configured number after
    ``surplus_retirement``: the limit stays, so one that is wanted again starts without being asked for. Between two
    resizes of a category lie at least ``resize_cooldown``.
    """

    interval: float = 10.0
    auto_scaling: bool = True
    scaling: Literal["adaptive", "plain"] = "adaptive"
    scale_down_after: float = 60.0
    failure_threshold: int = 5

    nudge_gap: float = 1.0
    log_size: int = 1000
    situations_kept: int = 60
    glances_kept: int = 100

    scale_up_wait: float = 0.1
    plain_step: int = 2
    look_interval: float = 0.1
    drain_seconds: float = 1.0
    reserve_seconds: float = 20.0
    probe_seconds: float = 30.0
    rate_window: float = 30.0
    resize_cooldown: float = 5.0
    lag_veto: float = 0.05
    memory_veto: float = 0.8

    low_utilization: float = 0.3
    idle_retirement: float = SHRINK_AFTER
    surplus_retirement: float = 2.0

    stuck_after: float = 300.0
    spent_after: float = 30.0

    starved_after: float = 30.0
    shed_memory: float = 0.95
    shed_after: float = 10.0

    cpu_bound_from: float = 0.5
    cpu_bound_until: float = 0.3
    cpu_load_counts: float = 0.1
    manage_switch_interval: bool = True
    manage_collector: bool = True
    short_switch_interval: float = 0.0005
