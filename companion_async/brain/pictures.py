"""From the live runtime to its immutable pictures."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from companion_async.events.kinds import utc
from companion_async.health.watchdog import LoopLag
from companion_async.modules.lifecycle import Module
from companion_async.modules.record import ErrorEntry as Recorded
from companion_async.offload.pool import Pool
from companion_async.status.category import CategoryStatus
from companion_async.status.module import ErrorEntry, ModuleStatus, Percentiles
from companion_async.status.picture import FrozenMap
from companion_async.status.system import LoopBlock, SystemStats, SystemStatus
from companion_async.status.worker import WorkerStatus

if TYPE_CHECKING:
    from companion_async.brain.assembly import Assembly


class Pictures:
    """Takes the pictures. Loop only."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly

    def system(self) -> SystemStatus:
        """The whole runtime at this moment."""
        assembly = self._assembly
        scheduler, house, config = assembly.scheduler, assembly.house, assembly.config
        categories = {name: self.category(pool) for name, pool in scheduler.pools.items()}
        lag = assembly.watchdog.lag if assembly.watchdog is not None else LoopLag()
        process, report = assembly.meter.figures, assembly.monitor.report
        return SystemStatus(
            enabled=scheduler.phase != "shut down",
            timestamp=utc(assembly.clock.time()),
            total_threads=house.live,
            active_threads=sum(status.active for status in categories.values()),
            abandoned_threads=sum(status.abandoned for status in categories.values()),
            max_threads=house.max_threads,
            auto_scaling=config.auto_scaling,
            uptime=assembly.uptime,
            pending_tasks=scheduler.live,
            categories=FrozenMap(categories),
            module_threads=FrozenMap({module.name: self.module(module).brief() for module in assembly.roster.registry}),
            stats=SystemStats(
                total_threads_created=house.created,
                total_tasks_completed=scheduler.endings.completed,
                total_tasks_failed=scheduler.endings.failed + scheduler.endings.timed_out,
                threads_auto_scaled=assembly.threads_auto_scaled,
                threads_restarted=assembly.slots_replaced + assembly.roster.restarts,
            ),
            loop_lag=lag.last,
            loop_lag_p99=lag.p99,
            memory_bytes=process.memory_bytes,
            memory_fraction=process.memory_fraction,
            cpu_percent=process.cpu_percent,
            peak_memory_bytes=process.peak_memory_bytes,
            peak_cpu_percent=process.peak_cpu_percent,
            checked_at=self._date(assembly.monitor.last_round),
            decided_at=self._date(assembly.decisions.last_pass),
            findings=tuple(finding.message for finding in report.findings) if report is not None else (),
            loop_blocks=self._blocks(),
            channels=FrozenMap(assembly.channels.statuses()),
        )

    def _blocks(self) -> tuple[LoopBlock, ...]:
        watchdog, date = self._assembly.watchdog, self._assembly.scheduler.date
        if watchdog is None:
            return ()
        return tuple(
            LoopBlock(since=date(block.since), seconds=block.seconds, stack=block.stack) for block in watchdog.blocked()
        )

    def category(self, pool: Pool) -> CategoryStatus:
        """One category."""
        scheduler = self._assembly.scheduler
        queue = scheduler.queues[pool.name]
        with pool.lock:
            # Whoever has awaited a task does not see its thread at work: it is on its way to the next.
            working = pool.working - sum(map(_has_told, pool.alive))
            slots, abandoned, limit, queued = pool.slots, pool.abandoned, pool.limit, queue.size
        return CategoryStatus(
            name=pool.name,
            active=working,
            total=slots,
            max=limit,
            configured=self._assembly.config.categories[pool.name],
            queued=queued + scheduler.admission.waiting(pool),
            kept=pool.kept,
            abandoned=abandoned,
            abandoned_budget=pool.budget,
            utilization=min(1.0, working / limit),
            overloaded=pool.name in scheduler.admission.strained,
            workers=(
                *(self._worker(slot) for slot in sorted(pool.alive, key=lambda slot: slot.name)),
                *self._processes(pool.name),
            ),
        )

    def _worker(self, slot: Any) -> WorkerStatus:
        task, now = slot.job, self._assembly.clock.monotonic()
        busy = task is not None and not _has_told(slot)
        return WorkerStatus(
            name=slot.name,
            native_id=slot.native_id or None,
            state="abandoned" if slot.abandoned else "busy" if busy else "idle",
            module=task.module if busy else None,
            task_id=task.id if busy else None,
            running_seconds=max(0.0, now - task.started) if busy and task.started >= 0 else None,
            cpu_percent=self._assembly.meter.threads.get(slot.native_id),
        )

    def _processes(self, category: str) -> tuple[WorkerStatus, ...]:
        now, groups = self._assembly.clock.monotonic(), self._assembly.fleet.groups.values()
        found = [(process, group.name) for group in groups if group.category == category for process in group.processes]
        return tuple(
            WorkerStatus(
                name=process.name,
                native_id=process.pid or None,
                pid=process.pid or None,
                state="idle" if process.work is None else "busy",
                module=name,
                task_id=process.work.id if process.work is not None else None,
                running_seconds=max(0.0, now - process.work.started) if process.work is not None else None,
            )
            for process, name in sorted(found, key=lambda one: one[0].name)
        )

    def module(self, module: Module) -> ModuleStatus:
        """One module."""
        assembly, record, spec = self._assembly, module.record, module.spec
        port = assembly.scheduler.ports[module.name]
        up = record.started_at
        return ModuleStatus(
            name=module.name,
            state=module.state.value,
            category=spec.category,
            priority=port.priority.name.lower(),
            tasks_completed=record.tasks_completed,
            tasks_failed=record.tasks_failed + record.tasks_timed_out,
            success_rate=record.success_rate,
            uptime=max(0.0, assembly.clock.monotonic() - up) if up is not None else 0.0,
            queue_size=port.size,
            running=port.running,
            last_activity=self._date(record.last_activity),
            errors=tuple(_entry(error) for error in record.errors),
            tasks_timed_out=record.tasks_timed_out,
            tasks_cancelled=record.tasks_cancelled,
            runs=record.runs,
            total_run_seconds=record.run_seconds,
            average_execution_time=record.average_execution_time,
            run_seconds=Percentiles(*record.run.quantiles((0.5, 0.95, 0.99))),
            wait_seconds=Percentiles(*record.wait.quantiles((0.5, 0.95, 0.99))),
            cpu_percent=assembly.meter.modules.get(module.name, 0.0),
            cpu_bound=assembly.decisions.cpu_bound(module.name),
            cpu_cap=port.throttle,
            offload=port.offload,
            max_concurrency=port.cap,
            quota=port.quota,
            restarts=module.restarts,
            reason=module.reason,
        )

    def _date(self, monotonic: float | None) -> datetime | None:
        return None if monotonic is None else self._assembly.scheduler.date(monotonic)


def _entry(error: Recorded) -> ErrorEntry:
    return ErrorEntry(
        id=error.id,
        type=error.type,
        message=error.message,
        timestamp=error.timestamp,
        task_id=error.task_id,
    )


def _has_told(slot: Any) -> bool:
    """Whether the loop has what came of the slot's run already, and its thread has only not come back yet."""
    task = slot.job
    return task is not None and task.ended >= 0 and not (task.signalled or slot.abandoned or slot.waiting or slot.batch)
