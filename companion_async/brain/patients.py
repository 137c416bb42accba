"""What the health monitor looks after, on the live runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from companion_async.errors import CompanionError
from companion_async.health.checks import CategoryVitals, ModuleVitals, RunVitals
from companion_async.offload.slot import Seat, Slot

if TYPE_CHECKING:
    from companion_async.brain.assembly import Assembly


class UnhealthyError(CompanionError):
    """What a module's ``health()`` raised, as text: the error itself would keep its frames alive."""


class BrainPatients:
    """Implements `companion_async.health.monitor.Patients`. Loop only."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly

    def modules(self) -> list[ModuleVitals]:
        """All modules."""
        return [
            ModuleVitals(
                name=module.name,
                state=module.state.value,
                generation=module.generation,
                ended=module.record.tasks_ended,
                failures_in_row=module.record.failures_in_row,
                has_check=module.has_check,
            )
            for module in self._assembly.roster.registry
        ]

    def categories(self) -> list[CategoryVitals]:
        """All categories."""
        return [
            CategoryVitals(
                name=reading.name,
                queued=reading.queued,
                oldest_wait=reading.oldest_wait,
                working=reading.working,
                ended=reading.completions,
                abandoned=reading.abandoned,
                budget=reading.budget,
            )
            for reading in self._assembly.controls.categories()
        ]

    def runs(self, slower_than: float) -> list[RunVitals]:
        """The runs in threads and on the loop that have gone on for longer than that. One that waits for another task
        is not among them: it is the other one that runs.
        """
        scheduler = self._assembly.scheduler
        now = self._assembly.clock.monotonic()
        found = []
        threads: list[Seat] = [slot for pool in scheduler.pools.values() for slot in tuple(pool.alive)]
        for seat in (*threads, *scheduler.routines.seats, *tuple(scheduler.guests)):
            task: Any = seat.job
            if task is None or seat.abandoned or seat.waiting or task.started < 0 or now - task.started <= slower_than:
                continue
            thread = seat if isinstance(seat, Slot) else None
            found.append(
                RunVitals(
                    task_id=task.id,
                    module=task.module,
                    category=task.lane.pool.name,
                    running_seconds=now - task.started,
                    beat_seconds=max(0.0, now - max(seat.beat, task.started)),
                    thread_id=None if thread is None else thread.thread_id,
                    native_id=None if thread is None else thread.native_id,
                )
            )
        return found

    async def check(self, module: str, limit: float) -> BaseException | None:
        """Ask the module how it is; one that was taken out meanwhile is well."""
        registry = self._assembly.roster.registry
        entry = await registry.get(module).check_health(limit) if module in registry else None
        if entry is None:
            return None
        text = f"{entry.type}: {entry.message}"
        return TimeoutError(text) if entry.type == "TimeoutError" else UnhealthyError(text)

    def fail(self, module: str, generation: int, reason: str) -> None:
        """Put the module in state ``error`` if it is still of that generation."""
        registry = self._assembly.roster.registry
        if module in registry and registry.get(module).generation == generation:
            registry.get(module).fail(UnhealthyError(reason))
