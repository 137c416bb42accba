"""Pure: which module is restarted or quarantined, and which stuck run loses its slot."""

from __future__ import annotations

import msgspec

from companion_async.autonomy.decision import Expectation
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.situation import CategoryReading, ModuleReading, Situation, StuckRun
from companion_async.autonomy.verdict import Cure, Verdict


def heal(module: ModuleReading, settings: AutonomySettings) -> Verdict | None:
    """A module in error, or one that fails run after run, gets a fresh instance; with its restarts used up it is
    quarantined. What a person paused or stopped, and what is being healed already, is left alone.
    """
    if module.healing:
        return None
    if module.state == "error":
        why = "Thread error detected: it could not start, or failed its health checks or its runs."
    elif module.state == "running" and module.failures_in_row >= settings.failure_threshold:
        why = f"{module.failures_in_row} runs in a row failed."
    else:
        return None
    if module.restarts_left:
        return _verdict(module, "restart_module", f"{why} A fresh instance takes over.", "heal.restart", settings)
    return quarantine(module, f"{why} Its restarts are used up; it stays stopped until a person resumes it.", settings)


def quarantine(module: ModuleReading, reason: str, settings: AutonomySettings) -> Verdict:
    """The module is stopped for good."""
    return _verdict(module, "quarantine", reason, "heal.quarantine", settings)


def replace(run: StuckRun, category: CategoryReading, settings: AutonomySettings) -> Verdict | None:
    """A run that has gone on and stood still for ``stuck_after`` while others wait for its slot is given up.

    Judged by how long this run has gone on, never by how long ago the module did something: idle is not stuck. With
    the budget of abandoned threads spent nothing is replaced.
    """
    if min(run.running_seconds, run.still_seconds) <= settings.stuck_after:
        return None
    if category.queued == 0 or category.working < category.limit or category.abandoned >= category.budget:
        return None
    return Verdict(
        type="replace_worker",
        context=run.module,
        reason=f"Task {run.task_id} has run for {run.running_seconds:.0f} s and shown no progress for "
        f"{run.still_seconds:.0f} s while {category.queued} tasks wait; its slot is replaced and its thread counted as "
        "abandoned until it ends.",
        rule="heal.replace",
        data={"task_id": run.task_id, "category": run.category, "stack": list(run.stack)},
        inputs={"run": msgspec.to_builtins(run), "category": msgspec.to_builtins(category)},
        expectation=Expectation("abandoned", category.abandoned, category.abandoned + 1, settings.interval, "up"),
    )


def spent(category: CategoryReading, modules: list[ModuleReading], settings: AutonomySettings) -> Verdict | None:
    """With the category's budget of abandoned threads spent, the module that spent half of it is quarantined: after
    ``spent_after``, since its threads may yet come back, and until then its work waits.
    """
    if category.budget == 0 or category.abandoned < category.budget or category.spent_for < settings.spent_after:
        return None
    worst = max(modules, key=lambda module: module.abandoned, default=None)
    if worst is None or worst.healing or worst.state not in ("running", "error"):
        return None
    if 2 * worst.abandoned < category.budget:
        return None
    reason = (
        f"{worst.abandoned} of its runs never ended, and {category.name} can afford to abandon no more threads "
        f"({category.abandoned} of {category.budget}); it stays stopped until a person resumes it."
    )
    return quarantine(worst, reason, settings)


def verdicts(situation: Situation, settings: AutonomySettings) -> list[Verdict]:
    """All healing that this situation calls for, at most one verdict per module for restarts and quarantines."""
    found = [verdict for module in situation.modules if (verdict := heal(module, settings)) is not None]
    healed = {verdict.context for verdict in found}
    for category in situation.categories:
        modules = [m for m in situation.modules if m.category == category.name and m.name not in healed]
        if (verdict := spent(category, modules, settings)) is not None:
            found.append(verdict)
        left = category.budget - category.abandoned
        for run in sorted(situation.stuck, key=lambda run: -run.still_seconds):
            if left > 0 and run.category == category.name and (verdict := replace(run, category, settings)) is not None:
                found.append(verdict)
                left -= 1
    return found


def _verdict(module: ModuleReading, type: Cure, reason: str, rule: str, settings: AutonomySettings) -> Verdict:
    expected = "running" if type == "restart_module" else "stopped"
    return Verdict(
        type=type,
        context=module.name,
        reason=reason,
        rule=rule,
        data={"generation": module.generation, "category": module.category},
        inputs=msgspec.to_builtins(module),
        expectation=Expectation("state", module.state, expected, settings.interval),
    )
