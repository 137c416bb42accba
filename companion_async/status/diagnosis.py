"""Pure: a status in, what a person should look at out."""

from __future__ import annotations

from datetime import datetime

import msgspec

from companion_async.status.module import ModuleBrief
from companion_async.status.system import SystemStatus


class DiagnosisSettings(msgspec.Struct, frozen=True):
    """Where a figure becomes a finding. ``idle_seconds`` counts only while work waits: idle alone is healthy."""

    success_rate: float = 0.8
    tasks_failed: int = 10
    idle_seconds: float = 300.0


DEFAULTS = DiagnosisSettings()


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it should be. ``kind`` is for programs, ``message`` for people."""

    kind: str
    subject: str
    value: float
    message: str


def diagnose(status: SystemStatus, settings: DiagnosisSettings = DEFAULTS) -> tuple[Finding, ...]:
    """Low success rates, many failures, modules that stand still with work waiting, overloaded categories; by name."""
    findings: list[Finding] = []
    for name in sorted(status.module_threads):
        module = status.module_threads[name]
        if module.success_rate < settings.success_rate:
            findings.append(
                Finding(
                    "low_success_rate",
                    name,
                    module.success_rate,
                    f"{module.success_rate:.0%} of the tasks of {name} completed; look at its errors.",
                )
            )
        if module.tasks_failed > settings.tasks_failed:
            findings.append(
                Finding(
                    "many_failures",
                    name,
                    float(module.tasks_failed),
                    f"{module.tasks_failed} tasks of {name} have failed; look at its errors.",
                )
            )
        idle = _idle_with_work(module, status.timestamp)
        if idle > settings.idle_seconds:
            findings.append(
                Finding(
                    "idle_with_work",
                    name,
                    idle,
                    f"{module.queue_size} tasks of {name} wait and none ran for {idle:.0f} s; it is {module.state}.",
                )
            )
    findings.extend(
        Finding(
            "overloaded",
            name,
            float(category.queued),
            f"Category {name} is overloaded: {category.queued} tasks wait, {category.abandoned} threads are abandoned.",
        )
        for name, category in sorted(status.categories.items())
        if category.overloaded
    )
    return tuple(findings)


def _idle_with_work(module: ModuleBrief, now: datetime) -> float:
    if module.queue_size == 0 or module.running > 0:
        return 0.0
    if module.last_activity is None:
        return module.uptime
    return (now - module.last_activity).total_seconds()
