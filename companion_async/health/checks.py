"""Pure: readings in, findings out.

A module is judged by what it does when it is asked, never by its silence: idle is not stuck.
"""

from __future__ import annotations

import msgspec

from companion_async.health.settings import HealthSettings
from companion_async.status.diagnosis import Finding


class ModuleVitals(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A module as the monitor sees it: ``checks_failed`` and ``failures_in_row`` count in a row, ``ended`` all runs.
    Without ``has_check`` it has no ``health()`` to ask for.
    """

    name: str
    state: str
    generation: int = 0
    ended: int = 0
    failures_in_row: int = 0
    checks_failed: int = 0
    has_check: bool = True


class CategoryVitals(msgspec.Struct, frozen=True, kw_only=True):
    """A category: ``queued`` tasks could run if there were room, the oldest since ``oldest_wait``; ``ended`` counts all
    runs, ``ended_lately`` those since the last round.
    """

    name: str
    queued: int = 0
    oldest_wait: float = 0.0
    working: int = 0
    ended: int = 0
    ended_lately: int = 0
    abandoned: int = 0
    budget: int = 0


class RunVitals(msgspec.Struct, frozen=True, kw_only=True):
    """A run that goes on: ``beat_seconds`` since it began or last told of progress, ``still_seconds`` since it last
    showed any sign of life. The ids are those of its thread, None for a run on the loop.
    """

    task_id: str
    module: str
    category: str
    running_seconds: float
    beat_seconds: float
    still_seconds: float = 0.0
    thread_id: int | None = None
    native_id: int | None = None
    stack: tuple[str, ...] = ()


class Vitals(msgspec.Struct, frozen=True, kw_only=True):
    """All of it at one moment. ``loop_lag`` is the longest of late, ``blocked`` how often the loop was blocked since
    the last round; what cannot be read is None.
    """

    modules: tuple[ModuleVitals, ...] = ()
    categories: tuple[CategoryVitals, ...] = ()
    runs: tuple[RunVitals, ...] = ()
    loop_lag: float | None = None
    blocked: int = 0
    memory_fraction: float | None = None


def checks_failed(before: int, *, failed: bool, timed_out: bool, progressed: bool) -> int:
    """The failed checks in a row after one more. A check that only ran out of time proves nothing while the module's
    work gets on: the processor may be short, and a restart would make it shorter.
    """
    if not failed:
        return 0
    return before if timed_out and progressed else before + 1


def failing(module: ModuleVitals, settings: HealthSettings) -> Finding | None:
    """Whether a running module should be in state ``error``, and why."""
    if module.state != "running":
        return None
    if module.checks_failed >= settings.checks_in_row:
        message = f"{module.name} failed {module.checks_failed} health checks in a row."
        return Finding("module_unhealthy", module.name, float(module.checks_failed), message)
    if module.failures_in_row >= settings.failure_threshold:
        message = f"{module.failures_in_row} runs of {module.name} in a row failed."
        return Finding("module_failing", module.name, float(module.failures_in_row), message)
    return None


def stuck(run: RunVitals, settings: HealthSettings) -> Finding | None:
    """Whether a run has shown no sign of life for too long."""
    still = min(run.running_seconds, run.still_seconds)
    if still <= settings.stuck_after:
        return None
    message = (
        f"Task {run.task_id} of {run.module} has run for {run.running_seconds:.0f} s and stood still for {still:.0f}."
    )
    return Finding("run_stuck", run.task_id, still, message)


def starved(category: CategoryVitals, settings: HealthSettings) -> Finding | None:
    """Whether work has waited too long in a category that runs nothing, or has no thread left to give up."""
    if category.queued == 0 or category.oldest_wait <= settings.starved_after or category.ended_lately > 0:
        return None
    spent = category.budget > 0 and category.abandoned >= category.budget
    why = "its budget of abandoned threads is spent" if spent else f"{category.working} runs hold its slots"
    message = f"{category.queued} tasks wait in {category.name}, the oldest for {category.oldest_wait:.0f} s: {why}."
    return Finding("category_starved", category.name, category.oldest_wait, message)


def process_findings(vitals: Vitals, settings: HealthSettings) -> list[Finding]:
    """A loop that was blocked, and memory that runs out."""
    found = []
    if vitals.blocked:
        lag = vitals.loop_lag or 0.0
        message = f"The event loop was blocked {vitals.blocked} times since the last round, {lag:.2f} s at the longest."
        found.append(Finding("loop_blocked", "loop", lag, message))
    fraction = vitals.memory_fraction
    if fraction is not None and fraction >= settings.memory_high:
        kind = "memory_critical" if fraction >= settings.memory_critical else "memory_high"
        found.append(Finding(kind, "memory", fraction, f"The process holds {fraction:.0%} of the memory there is."))
    return found


def check(vitals: Vitals, settings: HealthSettings) -> tuple[Finding, ...]:
    """Everything that is not as it should be: modules, runs, categories, process."""
    found = [
        *(failing(module, settings) for module in vitals.modules),
        *(stuck(run, settings) for run in vitals.runs),
        *(starved(category, settings) for category in vitals.categories),
    ]
    return (*(finding for finding in found if finding is not None), *process_findings(vitals, settings))
