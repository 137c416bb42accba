"""The health monitor: a round every few seconds over modules, runs, categories and the process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

import anyio
import msgspec
from anyio import to_thread
from loguru import logger

from companion_async.clock import Clock
from companion_async.errors import CompanionError
from companion_async.events.bus import Topic
from companion_async.events.kinds import HealthChecked, utc
from companion_async.health.checks import CategoryVitals, ModuleVitals, RunVitals, Vitals, check, checks_failed
from companion_async.health.process import ProcessFigures, ProcessReader
from companion_async.health.settings import HealthSettings
from companion_async.health.stack import Frames, current_frames, read_stack
from companion_async.health.stillness import Stillness
from companion_async.health.supervise import Crash, supervise
from companion_async.health.watchdog import LoopWatchdog
from companion_async.status.diagnosis import Finding

_FAILING = ("module_unhealthy", "module_failing")


class Patients(Protocol):
    """What the monitor looks after. The brain implements it. Called on the loop's thread; only `check` may wait."""

    def modules(self) -> Sequence[ModuleVitals]:
        """All modules; the monitor counts ``checks_failed`` itself."""
        ...

    def categories(self) -> Sequence[CategoryVitals]:
        """All categories; the monitor counts ``ended_lately`` itself."""
        ...

    def runs(self, slower_than: float) -> Sequence[RunVitals]:
        """The runs that have gone on for longer than that; the monitor finds ``still_seconds`` and ``stack`` itself."""
        ...

    async def check(self, module: str, limit: float) -> BaseException | None:
        """Ask the module how it is: what its ``health()`` raised, a `TimeoutError` after ``limit`` seconds, or None
        if it is well or has no ``health()``.
        """
        ...

    def fail(self, module: str, generation: int, reason: str) -> None:
        """Put the module in state ``error`` if it is still of that generation."""
        ...


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one round found."""

    timestamp: datetime
    findings: tuple[Finding, ...] = ()
    figures: ProcessFigures = ProcessFigures()
    slow_runs: tuple[RunVitals, ...] = ()
    modules_checked: int = 0


class HealthMonitor:
    """Every ``settings.interval`` seconds one round. Everything here belongs to the loop's thread.

    ``report`` is the last round's; ``rounds`` and ``last_round`` (monotonic seconds) are its heartbeat.
    """

    def __init__(
        self,
        patients: Patients,
        clock: Clock,
        settings: HealthSettings | None = None,
        *,
        topic: Topic | None = None,
        watchdog: LoopWatchdog | None = None,
        read_process: Callable[[], Awaitable[ProcessFigures]] | None = None,
        frames: Frames = current_frames,
        on_crash: Callable[[Crash], object] | None = None,
    ) -> None:
        self.settings = settings or HealthSettings()
        self.report: HealthReport | None = None
        self.rounds = 0
        self.last_round: float | None = None
        self._patients = patients
        self._clock = clock
        self._topic = topic
        self._watchdog = watchdog
        self._read_process = read_process or _in_thread(ProcessReader(self.settings.memory_limit))
        self._frames = frames
        self._on_crash = on_crash
        self._stillness = Stillness()
        self._checks_failed: dict[str, tuple[int, int]] = {}
        self._ended: dict[tuple[str, str], int] = {}
        self._blocks_seen = 0
        self._running = False

    async def run(self) -> None:
        """Make rounds until cancelled. A round that raises is logged, told to ``on_crash`` and begun again later."""
        if self._running:
            raise CompanionError("The health monitor runs already; one brain has one.")
        self._running = True
        try:
            await supervise("health monitor", self._make_rounds, self._clock, self._on_crash)
        finally:
            self._running = False

    async def round(self) -> HealthReport:
        """One round: ask all modules at once, look at what runs, read the process, say what was found."""
        figures = await self._read_process()
        modules = list(self._patients.modules())
        answers = await self._ask([module for module in modules if module.state == "running"])
        modules = [self._judged(module, answers) for module in modules]
        categories = [self._since_last(category) for category in self._patients.categories()]
        self._forget_others({module.name for module in modules}, {category.name for category in categories})
        runs = self._slow_runs(figures)
        vitals = Vitals(
            modules=tuple(modules),
            categories=tuple(categories),
            runs=runs,
            loop_lag=self._loop_lag(),
            blocked=self._new_blocks(),
            memory_fraction=figures.memory_fraction,
        )
        findings = check(vitals, self.settings)
        generations = {module.name: module.generation for module in modules}
        for finding in findings:
            if finding.kind in _FAILING:
                self._checks_failed.pop(finding.subject, None)
                self._patients.fail(finding.subject, generations[finding.subject], finding.message)
        report = HealthReport(
            timestamp=utc(self._clock.time()),
            findings=findings,
            figures=figures,
            slow_runs=runs,
            modules_checked=len(answers),
        )
        self._tell(report, vitals)
        self.report = report
        self.rounds += 1
        self.last_round = self._clock.monotonic()
        return report

    async def _make_rounds(self) -> None:
        while True:
            await self._clock.sleep(self.settings.interval)
            await self.round()

    async def _ask(self, modules: list[ModuleVitals]) -> dict[str, BaseException | None]:
        # Thousands of agents' modules have nothing to be asked for: no task is made for those.
        answers: dict[str, BaseException | None] = {module.name: None for module in modules if not module.has_check}

        async def ask(name: str) -> None:
            # A check that does not keep to its limit ends here; the others were asked at the same time.
            with anyio.CancelScope() as scope:
                late = self._clock.call_later(2 * self.settings.check_limit, scope.cancel)
                try:
                    answers[name] = await self._patients.check(name, self.settings.check_limit)
                except Exception as error:
                    answers[name] = error
                finally:
                    late.cancel()
            if scope.cancelled_caught:
                answers[name] = TimeoutError("the health check did not end")

        async with anyio.create_task_group() as tasks:
            for module in modules:
                if module.has_check:
                    tasks.start_soon(ask, module.name)
        return answers

    def _judged(self, module: ModuleVitals, answers: dict[str, BaseException | None]) -> ModuleVitals:
        generation, before = self._checks_failed.get(module.name, (module.generation, 0))
        if generation != module.generation:
            before = 0  # a fresh instance begins without a past
        progressed = self._lately("module", module.name, module.ended) > 0
        if module.name not in answers:
            return module
        error = answers[module.name]
        if error is not None:
            logger.bind(module=module.name).warning("Health check of {} failed: {}.", module.name, type(error).__name__)
        failed = checks_failed(
            before, failed=error is not None, timed_out=isinstance(error, TimeoutError), progressed=progressed
        )
        self._checks_failed[module.name] = (module.generation, failed)
        return msgspec.structs.replace(module, checks_failed=failed)

    def _since_last(self, category: CategoryVitals) -> CategoryVitals:
        lately = self._lately("category", category.name, category.ended)
        return msgspec.structs.replace(category, ended_lately=lately)

    def _lately(self, room: str, name: str, ended: int) -> int:
        before = self._ended.get((room, name), ended)
        self._ended[room, name] = ended
        return ended - before

    def _forget_others(self, modules: set[str], categories: set[str]) -> None:
        known = {("module", name) for name in modules} | {("category", name) for name in categories}
        for gone in self._ended.keys() - known:
            del self._ended[gone]
        for name in self._checks_failed.keys() - modules:
            del self._checks_failed[name]

    def _slow_runs(self, figures: ProcessFigures) -> tuple[RunVitals, ...]:
        now, seen = self._clock.monotonic(), list[RunVitals]()
        for run in self._patients.runs(self.settings.slow_after):
            found = None if run.thread_id is None else read_stack(run.thread_id, self._frames)
            lines, mark = ((), 0) if found is None else found
            used = None if run.native_id is None else figures.thread_cpu_seconds.get(run.native_id)
            still = self._stillness.look(run.task_id, now, mark, used, run.beat_seconds)
            seen.append(msgspec.structs.replace(run, still_seconds=still, stack=lines))
        self._stillness.forget_others({run.task_id for run in seen})
        return tuple(seen)

    def _loop_lag(self) -> float | None:
        return None if self._watchdog is None else self._watchdog.recent_max(self.settings.interval)

    def _new_blocks(self) -> int:
        if self._watchdog is None:
            return 0
        seen, self._blocks_seen = self._blocks_seen, self._watchdog.blocks
        return self._blocks_seen - seen

    def _tell(self, report: HealthReport, vitals: Vitals) -> None:
        known = set() if self.report is None else {(old.kind, old.subject) for old in self.report.findings}
        for finding in report.findings:
            if (finding.kind, finding.subject) not in known:
                logger.warning("Health: {}", finding.message)
        if self._topic is not None and self._topic.active:
            self._topic.publish(
                HealthChecked(
                    healthy=not report.findings,
                    modules_checked=report.modules_checked,
                    findings=tuple(finding.message for finding in report.findings),
                    loop_lag=vitals.loop_lag,
                    memory_bytes=report.figures.memory_bytes,
                    timestamp=report.timestamp,
                )
            )


def _in_thread(reader: ProcessReader) -> Callable[[], Awaitable[ProcessFigures]]:
    limiter: list[anyio.CapacityLimiter] = []

    async def read() -> ProcessFigures:
        if not limiter:
            limiter.append(anyio.CapacityLimiter(1))  # of our own: the work of others must not delay the health round
        return await to_thread.run_sync(reader.read, limiter=limiter[0])

    return read
