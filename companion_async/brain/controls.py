"""What the decision loop reads and moves, on the live runtime."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from companion_async.autonomy.signals import Glance
from companion_async.autonomy.situation import LEVELS, CategoryReading, ModuleReading, Situation, StuckRun
from companion_async.brain.interpreter import FULL_COLLECTION, SWITCH_INTERVAL, collections_for
from companion_async.brain.looks import GIL, GovernorLooks
from companion_async.brain.residences import cores
from companion_async.errors import InvalidArgumentError
from companion_async.events.kinds import CategoryResized, utc
from companion_async.modules.lifecycle import Module
from companion_async.modules.state import ModuleState
from companion_async.offload.pool import Pool
from companion_async.offload.slot import Seat, Slot
from companion_async.scheduling.errands import Errand
from companion_async.scheduling.gate import Gate
from companion_async.scheduling.port import Port
from companion_async.scheduling.task import Task

if TYPE_CHECKING:
    from companion_async.brain.assembly import Assembly

_STACK_DEPTH = 20
_LOOKED_AT = 1000
"""Waiting tasks of a module that a reading looks at: the loop has no time for a million, and they tell no more."""
_RAISED_AT_ONCE = 1000
_YIELD = 0.002  # seconds that a parked thread may need to take its turn before one that is awake takes another


class BrainControls:
    """Implements `companion_async.autonomy.controls.Controls`. Loop only."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._putting_off = False
        self._spent_since: dict[str, float] = {}
        self._abandoned: dict[Seat, str] = {}
        self._looks = GovernorLooks(assembly)
        self._gate = Gate(1.0 if GIL else cores(), self._look_again)

    # -- reading ---------------------------------------------------------------------------------------------------

    def situation(self) -> Situation:
        """Everything as it is now."""
        assembly = self._assembly
        now = assembly.clock.monotonic()
        return Situation(
            now=now,
            categories=self.categories(),
            modules=tuple(self._module(module) for module in assembly.roster.registry),
            stuck=tuple(self._stuck(now)),
            loop_lag=self._looks.loop_lag(assembly.decisions.settings.interval),
            memory_fraction=assembly.meter.figures.memory_fraction,
            total_threads=assembly.house.live,
            max_threads=assembly.house.max_threads,
        )

    def use(self) -> Situation:
        """Who uses the processor, as it is now."""
        return self._looks.use(tuple(self._module(module) for module in self._assembly.roster.registry))

    def glance(self) -> Glance:
        """What the sizes of the categories are judged by, as it is now."""
        return self._looks.glance(self._stuck_slots(self._assembly.clock.monotonic()))

    def tell_of_work(self, tell: Callable[[], None]) -> None:
        """Call ``tell``, once, when a thread has sent word."""
        self._assembly.scheduler.on_mail = tell

    def categories(self) -> tuple[CategoryReading, ...]:
        """Every category as it is now."""
        now = self._assembly.clock.monotonic()
        stuck = self._stuck_slots(now)
        return tuple(self._category(pool, now, stuck[pool.name]) for pool in self._assembly.scheduler.pools.values())

    def _stuck_slots(self, now: float) -> Counter[str]:
        """By category: slots whose run does not end, and was not or could not be given up."""
        after = self._assembly.decisions.settings.stuck_after
        hung = Counter(run.category for run in self._stuck(now) if run.still_seconds > after)
        hung.update(task.lane.pool.name for task in self._assembly.scheduler.limits.held.values())
        return hung

    def _category(self, pool: Pool, now: float, stuck: int) -> CategoryReading:
        scheduler = self._assembly.scheduler
        ports = [port for port in scheduler.ports.values() if port.pool is pool]
        queue = scheduler.queues[pool.name]
        levels = [0.0] * LEVELS
        oldest, patience, ready = now, list[float | None](), 0
        with pool.lock:
            limit, working, abandoned, queued = pool.limit, pool.working, pool.abandoned, queue.ready
            kept = min(pool.reserved, max(0, limit - working))
            idle = [slot.parked_at for slot in pool.sleepers()]
            if queued:
                for port in ports:
                    if port.open:
                        some = _some(port)
                        each = port.size / len(some) if some else 0.0
                        ready += port.size
                        for task in some:
                            levels[task.level - 1] += each
                            oldest = min(oldest, task.ready)
                            patience.append(_patience(task))
        gone = self._assembly.roster.departed[pool.name]
        return CategoryReading(
            name=pool.name,
            limit=limit,
            configured=self._assembly.config.categories[pool.name],
            working=working,
            stuck=stuck,
            kept=kept,
            idle=len(idle),
            longest_idle=now - min(idle) if idle else 0.0,
            abandoned=abandoned,
            budget=pool.budget,
            spent_for=self._spent_for(pool, now),
            queued=ready,
            queued_by_level=tuple(map(round, levels)),
            oldest_wait=max(0.0, now - oldest),
            patience=None if not patience or None in patience else max(filter(None, patience)),
            arrivals=pool.submitted,
            completions=gone.runs + sum(port.record.runs for port in ports),
            run_seconds=gone.run_seconds + sum(port.record.run_seconds for port in ports),
        )

    def _spent_for(self, pool: Pool, now: float) -> float:
        if pool.abandoned < max(1, pool.budget):
            self._spent_since.pop(pool.name, None)
            return 0.0
        return now - self._spent_since.setdefault(pool.name, now)

    def _module(self, module: Module) -> ModuleReading:
        record, port = module.record, self._assembly.scheduler.ports[module.name]
        return ModuleReading(
            name=module.name,
            category=module.spec.category,
            state=module.state.value,
            offload=module.spec.offload,
            failures_in_row=record.failures_in_row,
            healing=module.name in self._assembly.healing,
            restarts_left=module.history.left(self._assembly.clock.monotonic()),
            generation=module.generation,
            running=port.running,
            queued=port.size,
            abandoned=sum(name == module.name for name in self._abandoned.values()) if self._abandoned else 0,
            cap=port.throttle,
            share=port.weight if port.gate is not None else None,
            runs=record.runs,
            run_seconds=record.run_seconds,
            measured_runs=record.cpu_runs,
            measured_seconds=record.cpu_run_seconds,
            cpu_seconds=record.cpu_seconds,
            ended_cpu_seconds=record.cpu_seconds,
        )

    def _stuck(self, now: float) -> list[StuckRun]:
        """The slow runs that the last health round saw and that go on: how long they had stood still then."""
        report, tasks = self._assembly.monitor.report, self._assembly.scheduler.history.tasks
        known = {task.id: task for task in tasks.values() if task.running} if report and report.slow_runs else {}
        return [
            StuckRun(
                task_id=run.task_id,
                module=run.module,
                category=run.category,
                running_seconds=now - known[run.task_id].started,
                still_seconds=run.still_seconds,
                stack=run.stack,
            )
            for run in (report.slow_runs if report is not None else ())
            if run.task_id in known
        ]

    # -- moving ----------------------------------------------------------------------------------------------------

    def resize(self, category: str, limit: int) -> None:
        """Set a category's limit."""
        self._assembly.resize(category, limit, "decided by the brain")
        self._assembly.threads_auto_scaled += 1

    def retire_idle(self, category: str, keep: int, idle_for: float = 0.0) -> int:
        """End parked threads, the coldest first."""
        since = self._assembly.clock.monotonic() - idle_for if idle_for else None
        return self._assembly.scheduler.pools[category].retire(keep, since)

    async def restart_module(self, name: str, generation: int, reason: str) -> bool:
        """Restart a module after its backoff."""
        assembly = self._assembly
        module = assembly.roster.registry.get(name)
        if module.generation != generation:
            return False
        delay = module.history.next_delay(assembly.clock.monotonic())
        if delay is None:
            await self.quarantine(name, "its restarts are used up")
            raise InvalidArgumentError(f"Module {name!r} has used up its restarts and is quarantined.")
        assembly.healing.add(name)
        try:
            await assembly.clock.sleep(delay)
            if module.generation != generation:
                return False
            if not await assembly.roster.restart(name, expected_generation=generation, patience=0.0):
                raise InvalidArgumentError(f"Module {name!r} could not start: {module.reason}")
            return True
        finally:
            assembly.healing.discard(name)

    async def quarantine(self, name: str, reason: str) -> bool:
        """Stop a module until a person resumes it."""
        module = self._assembly.roster.registry.get(name)
        if module.state in (ModuleState.STOPPING, ModuleState.STOPPED):
            return False
        await module.quarantine(reason)
        return True

    def replace_worker(self, task_id: str, reason: str) -> bool:
        """Give up on a run that is stuck."""
        scheduler = self._assembly.scheduler
        task = scheduler.find(task_id)
        seat = scheduler.limits.seat_of(task)
        if task.ended >= 0 or seat is None:
            return False
        now = scheduler.clock.monotonic()
        scheduler.endings.time_out(task, "run", now - task.started, now, now - task.started)
        return seat.abandoned

    def throttle(self, module: str, cap: int | None, share: float | None = None) -> None:
        """Cap how many runs of a module go on at once, and with a share, of all modules that have one together."""
        port = self._assembly.scheduler.port(module)
        with port.pool.lock:
            port.throttle = cap
            if cap is not None and share is not None:
                self._gate.bind(port, share)
            elif port.gate is not None:
                self._gate.release(port)
            port.queue.refresh(port)
        port.pool.pump()

    def _look_again(self, lane: Any, behind: bool) -> None:
        """The gate may let a run of this lane in. Any thread."""
        self._assembly.scheduler.mailbox.post(self._refresh_soon if behind else _refresh, lane)

    def _refresh_soon(self, port: Port) -> None:
        self._assembly.loop.call_later(_YIELD, _refresh, port)

    def set_switch_interval(self, seconds: float | None) -> None:
        """How long a thread may keep the interpreter from the others."""
        if seconds is not None:
            SWITCH_INTERVAL.want(self, seconds)
        else:
            SWITCH_INTERVAL.give_back(self)

    def put_off_collections(self, waiting: int) -> None:
        """Have Python go through all objects more rarely while that many tasks wait; 0 when they are few again.

        It does so each time that their number has grown by a fourth, and finds nothing: what waits is no garbage.
        What is young is collected as ever, and `gc.collect` does what it always does.
        """
        old = gc.get_threshold()[2]
        if waiting:
            new = FULL_COLLECTION.want(self, collections_for(waiting))
            reason = f"{waiting} tasks wait, and are no garbage: all objects are gone through more rarely meanwhile."
        elif FULL_COLLECTION.give_back(self):
            new, reason = gc.get_threshold()[2], "Few tasks wait any more, or the memory is needed."
        else:
            return
        if self._putting_off is not (waiting > 0) and new != old:
            self._assembly.decisions.record(
                "put_off_collections", "interpreter", {"old": old, "new": new, "waiting": waiting}, reason, rule="depth"
            )
        self._putting_off = waiting > 0

    def give_back(self) -> None:
        """Leave the interpreter as it was."""
        SWITCH_INTERVAL.give_back(self)
        FULL_COLLECTION.give_back(self)

    def adjust_priority(self, category: str, waited: float) -> int:
        """Raise what has waited long by one level, the oldest first and not all at once: the loop waits meanwhile."""
        scheduler = self._assembly.scheduler
        pool, queue = scheduler.pools[category], scheduler.queues[category]
        before = scheduler.clock.monotonic() - waited
        raised = 0
        with pool.lock:
            for port in [port for port in scheduler.ports.values() if port.pool is pool]:
                waiting: list[Any] = port.oldest(_RAISED_AT_ONCE)
                for task in waiting:  # equals stay in order of submission
                    if task.ready <= before and task.level > 1:
                        task.level -= 1
                        queue.reorder(task)
                        raised += 1
        return raised

    def shed(self, category: str, count: int, lowest: int) -> int:
        """Cancel the least urgent of what waits, the newest first."""
        scheduler = self._assembly.scheduler
        pool = scheduler.pools[category]
        with pool.lock:
            waiting: list[Any] = [
                task for port in scheduler.ports.values() if port.pool is pool for task in port.tasks()
            ]
        waiting = [task for task in waiting if task.level >= lowest]
        waiting.sort(key=lambda task: (task.level, task.submitted, task.number), reverse=True)
        return sum(task.cancel("shed under overload") for task in waiting[:count])

    # -- what the pools report -------------------------------------------------------------------------------------

    def replaced(self, pool: Pool, task: Task[Any] | Errand, seat: Seat) -> None:
        """A run that did not stop lost its slot to another: say so, with its stack."""
        assembly = self._assembly
        self._abandoned[seat] = task.module
        for gone in [seat for seat in self._abandoned if seat.job is None or not seat.abandoned]:
            del self._abandoned[gone]
        assembly.slots_replaced += 1
        error = type(task.error).__name__
        assembly.decisions.record(
            "replace_worker",
            task.module,
            {
                "task_id": task.id,
                "category": pool.name,
                "abandoned": pool.abandoned,
                "budget": pool.budget,
                "stack": list(stack_of(seat)),
            },
            f"The run of task {task.id} did not stop ({error}): its slot is replaced, its thread counted as abandoned "
            "until it ends.",
            rule="stuck_run",
            repeats=True,
        )

    def held(self, pool: Pool, task: Task[Any] | Errand) -> None:
        """A run that does not stop keeps its slot, since the budget is spent: say so."""
        assembly = self._assembly
        module = task.module
        assembly.decisions.record(
            "replace_worker",
            module,
            {"task_id": task.id, "category": pool.name, "abandoned": pool.abandoned, "budget": pool.budget},
            f"Category {pool.name} has {pool.abandoned} abandoned threads, all that its budget allows: its work waits. "
            "A thread cannot be killed; if these do not end by themselves, only a restart of the process frees them.",
            applied=False,
            rule="stuck_run",
            repeats=True,
        )

    def resized(self, pool: Pool, old: int, reason: str) -> None:
        """Tell of a new limit."""
        topic = self._assembly.bus.topic("category.resized")
        if topic.active:
            topic.publish(CategoryResized(pool.name, old, pool.limit, utc(self._assembly.clock.time()), reason))


def _refresh(port: Port) -> None:
    with port.pool.lock:
        port.queue.refresh(port)
    port.pool.pump()


def _some(port: Port) -> list[Any]:
    return list(port.some(_LOOKED_AT))


def _patience(task: Any) -> float | None:
    """How long the task may wait to begin, None where it says nothing of it."""
    spans = task.more.spans if task.more is not None else None
    return None if spans is None else min(filter(None, (spans.queue, spans.total)), default=None)


def stack_of(seat: Seat) -> tuple[str, ...]:
    """Where a seat's thread is just now, innermost last; empty for a coroutine."""
    frame = sys._current_frames().get(seat.thread_id) if isinstance(seat, Slot) else None
    lines: list[str] = []
    while frame is not None and len(lines) < _STACK_DEPTH:
        code = frame.f_code
        lines.append(f"{code.co_filename.rpartition('/')[2]}:{frame.f_lineno} in {code.co_qualname}")
        frame = frame.f_back
    return tuple(reversed(lines))
