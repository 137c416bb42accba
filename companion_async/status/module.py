"""The picture of one module."""

from __future__ import annotations

from datetime import datetime

import msgspec

from companion_async.status.picture import Picture

ERRORS_KEPT = 20


def success_rate(completed: int, failed: int) -> float:
    """The share of ended tasks that completed; 1.0 before the first."""
    ended = completed + failed
    return completed / ended if ended else 1.0


class Percentiles(msgspec.Struct, frozen=True):
    """Of a span in seconds; None before the first measurement."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class ErrorEntry(msgspec.Struct, frozen=True):
    """One failure. ``message`` is for the process itself and operators only; ``id``, where there is one, finds it in
    the log. ``task_id`` is None where no task failed but the module itself.
    """

    type: str
    message: str
    timestamp: datetime
    task_id: str | None = None
    id: str = ""


class ModuleBrief(Picture, frozen=True, kw_only=True):
    """What a list of modules shows of each.

    ``state`` is a `ModuleState` value, ``priority`` a lower-case name. ``queue_size`` counts tasks that could run as
    soon as there is room, ``running`` those that do. ``last_activity`` is the end of the last run, None before it.
    """

    name: str
    state: str
    category: str
    priority: str
    tasks_completed: int = 0
    tasks_failed: int = 0
    success_rate: float = 1.0
    uptime: float = 0.0
    queue_size: int = 0
    running: int = 0
    last_activity: datetime | None = None


class ModuleStatus(ModuleBrief, frozen=True, kw_only=True):
    """Everything there is to say of a module.

    ``errors`` are the last 20, newest last. ``tasks_failed`` counts the ``tasks_timed_out`` among the others. All
    ``runs`` together took ``total_run_seconds``; ``average_execution_time`` is their mean in seconds, None before the
    first. ``cpu_percent`` is of one core, over the last health interval.
    ``cpu_bound`` is the classifier's verdict: 0 only waits, 1 only computes. ``cpu_cap`` is how many of its runs the
    governor lets compute at once, None where it does not interfere. ``restarts`` counts since registration;
    ``reason`` says why it is in its state, where there is a reason.
    """

    errors: tuple[ErrorEntry, ...] = ()
    tasks_timed_out: int = 0
    tasks_cancelled: int = 0
    runs: int = 0
    total_run_seconds: float = 0.0
    average_execution_time: float | None = None
    run_seconds: Percentiles = Percentiles()
    wait_seconds: Percentiles = Percentiles()
    cpu_percent: float = 0.0
    cpu_bound: float = 0.0
    cpu_cap: int | None = None
    max_concurrency: int | None = None
    quota: int = 1
    offload: str = "thread"
    restarts: int = 0
    reason: str = ""

    def brief(self) -> ModuleBrief:
        """The part of it that lists show."""
        return ModuleBrief(**{name: getattr(self, name) for name in ModuleBrief.__struct_fields__})
