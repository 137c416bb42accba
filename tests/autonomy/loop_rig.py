"""A decision loop under test, with controls whose readings the test sets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec

from companion_async.autonomy.loop import DecisionLoop
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.signals import CategoryGlance, Glance, Signals
from companion_async.autonomy.situation import CategoryReading, ModuleReading, Situation, StuckRun
from companion_async.events.bus import EventBus
from companion_async.testing.clock import VirtualClock, settle

QUIET = CategoryReading(name="core", limit=4, configured=4, budget=4)
WORK: dict[str, Any] = {"working": 4, "queued": 50, "oldest_wait": 3.0, "completions": 10, "run_seconds": 10.0}
BUSY = msgspec.structs.replace(QUIET, **WORK)
SICK = ModuleReading(name="m", category="core", state="error", generation=3)
STUCK = StuckRun(task_id="t1", module="m", category="core", running_seconds=400.0, still_seconds=400.0)


PLAIN = AutonomySettings(scaling="plain")


class FakeControls:
    """Readings that a test sets, and a list of what was asked for."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.reading = Situation(now=0.0, categories=(QUIET,), total_threads=4)
        self.asked: list[tuple[Any, ...]] = []
        self.answers: dict[str, Any] = {}
        self.before_reading: Callable[[], None] = lambda: None
        self.told: Callable[[], None] = lambda: None
        self.before_use: Callable[[], None] = lambda: None

    def situation(self) -> Situation:
        self.before_reading()
        return msgspec.structs.replace(self.reading, now=self.clock.monotonic())

    def _ask(self, name: str, *args: Any, default: Any = True) -> Any:
        self.asked.append((name, *args))
        answer = self.answers.get(name, default)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def resize(self, category: str, limit: int) -> None:
        self._ask("resize", category, limit)

    def retire_idle(self, category: str, keep: int, idle_for: float = 0.0) -> int:
        return int(self._ask("retire_idle", category, keep, idle_for, default=2))

    async def restart_module(self, name: str, generation: int, reason: str) -> bool:
        answer = self._ask("restart_module", name, generation)
        if isinstance(answer, anyio.Event):
            await answer.wait()
        return bool(answer)

    async def quarantine(self, name: str, reason: str) -> bool:
        return bool(self._ask("quarantine", name))

    def replace_worker(self, task_id: str, reason: str) -> bool:
        return bool(self._ask("replace_worker", task_id))

    def throttle(self, module: str, cap: int | None, share: float | None = None) -> None:
        self._ask("throttle", module, cap, share)

    def tell_of_work(self, tell: Callable[[], None]) -> None:
        self.told = tell

    def use(self) -> Situation:
        self.before_use()
        return msgspec.structs.replace(self.reading, now=self.clock.monotonic())

    def glance(self) -> Glance:
        now = self.clock.monotonic()
        found = {
            reading.name: CategoryGlance(
                Signals(now, reading.limit, reading.working, reading.queued, reading.arrivals), reading.configured
            )
            for reading in self.reading.categories
        }
        return Glance(now, found, self.reading.max_threads - self.reading.total_threads)

    def set_switch_interval(self, seconds: float | None) -> None:
        self._ask("set_switch_interval", seconds)

    def adjust_priority(self, category: str, waited: float) -> int:
        return int(self._ask("adjust_priority", category, waited, default=5))

    def shed(self, category: str, count: int, lowest: int) -> int:
        return int(self._ask("shed", category, count, lowest, default=count))


class Bench:
    """A loop under test with its clock and controls."""

    def __init__(self, settings: AutonomySettings | None = None, bus: EventBus | None = None) -> None:
        self.clock = VirtualClock()
        self.controls = FakeControls(self.clock)
        topic = None if bus is None else bus.topic("decision.made")
        self.loop = DecisionLoop(self.controls, self.clock, settings, topic)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.loop.run)
            await settle()
            yield
            tasks.cancel_scope.cancel()

    def set(self, *categories: CategoryReading, **others: Any) -> None:
        self.controls.reading = Situation(now=0.0, categories=categories, total_threads=4, **others)

    def types(self) -> list[tuple[str, bool]]:
        return [(decision.type, decision.applied) for decision in self.loop.log.recent()]
