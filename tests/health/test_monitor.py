"""The health monitor: rounds on a clock of its own, failing checks, stuck runs, and what it says of them."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec
import pytest
from loguru import logger

from companion_async.errors import CompanionError
from companion_async.events.bus import EventBus
from companion_async.events.kinds import HealthChecked
from companion_async.health.checks import CategoryVitals, ModuleVitals, RunVitals
from companion_async.health.monitor import HealthMonitor
from companion_async.health.process import ProcessFigures
from companion_async.health.settings import HealthSettings
from companion_async.health.supervise import Crash
from companion_async.health.watchdog import LoopWatchdog
from companion_async.testing.clock import VirtualClock, settle


class FakePatients:
    """Modules, categories and runs that a test sets."""

    def __init__(self) -> None:
        self.module_vitals: dict[str, ModuleVitals] = {}
        self.category_vitals: list[CategoryVitals] = []
        self.run_vitals: list[RunVitals] = []
        self.answers: dict[str, BaseException | anyio.Event | None] = {}
        self.asked: list[str] = []
        self.failed: list[tuple[str, int, str]] = []
        self.trouble: Exception | None = None

    def set(self, name: str, **changes: Any) -> None:
        before = self.module_vitals.get(name, ModuleVitals(name=name, state="running"))
        self.module_vitals[name] = msgspec.structs.replace(before, **changes)

    def modules(self) -> list[ModuleVitals]:
        if self.trouble is not None:
            raise self.trouble
        return list(self.module_vitals.values())

    def categories(self) -> list[CategoryVitals]:
        return self.category_vitals

    def runs(self, slower_than: float) -> list[RunVitals]:
        return [run for run in self.run_vitals if run.running_seconds > slower_than]

    async def check(self, module: str, limit: float) -> BaseException | None:
        self.asked.append(module)
        answer = self.answers.get(module)
        if isinstance(answer, anyio.Event):
            await answer.wait()
            return None
        if isinstance(answer, LookupError):
            raise answer
        return answer

    def fail(self, module: str, generation: int, reason: str) -> None:
        self.failed.append((module, generation, reason))
        self.set(module, state="error")


class Ward:
    """A monitor under test."""

    def __init__(self, **options: Any) -> None:
        self.clock = VirtualClock()
        self.patients = FakePatients()
        self.figures = ProcessFigures(memory_bytes=1000, memory_fraction=0.1)
        self.crashes: list[Crash] = []
        options = {"read_process": self.read, "on_crash": self.crashes.append, **options}
        self.monitor = HealthMonitor(self.patients, self.clock, **options)

    async def read(self) -> ProcessFigures:
        return self.figures

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.monitor.run)
            await settle()
            yield
            tasks.cancel_scope.cancel()


@pytest.mark.feature("CB-19")
async def test_every_five_seconds_every_running_module_is_asked() -> None:
    """Paused and stopped ones are left in peace; the heartbeat counts the rounds."""
    ward = Ward()
    ward.patients.set("a")
    ward.patients.set("b", state="paused")
    ward.patients.set("c", state="stopped")
    async with ward.running():
        await ward.clock.advance(4.9)
        assert (ward.monitor.rounds, ward.patients.asked) == (0, [])
        await ward.clock.advance(0.1)
        assert (ward.monitor.rounds, ward.patients.asked) == (1, ["a"])
        await ward.clock.advance(15.0)
        assert (ward.monitor.rounds, ward.monitor.last_round) == (4, 20.0)


@pytest.mark.feature("CB-19")
async def test_a_round_is_told_as_an_event() -> None:
    """Healthy or not, with the findings as text, the lag and the memory."""
    async with EventBus() as bus, bus.subscribe("health.checked") as stream:
        ward = Ward(topic=bus.topic("health.checked"))
        ward.patients.set("a", failures_in_row=5)
        ward.patients.set("b")
        async with ward.running():
            await ward.clock.advance(5.0)
            ward.figures = ProcessFigures()
            await ward.clock.advance(5.0)
        sick, well = await anext(stream), await anext(stream)
        assert isinstance(sick, HealthChecked)
        assert isinstance(well, HealthChecked)
        assert (sick.healthy, sick.modules_checked, sick.memory_bytes) == (False, 2, 1000)
        assert sick.findings == ("5 runs of a in a row failed.",)
        assert (well.healthy, well.modules_checked, well.memory_bytes, well.loop_lag) == (True, 1, None, None)


@pytest.mark.feature("CB-19", "CB-17")
async def test_three_failed_checks_in_a_row_put_a_module_in_error() -> None:
    """Two and a good one do not; the reason and the generation go along, once."""
    ward = Ward()
    ward.patients.set("a", generation=4)
    async with ward.running():
        for answer, expected in (
            (ValueError("no"), 0),
            (ValueError("no"), 0),
            (None, 0),
            (ValueError("no"), 0),
            (ValueError("no"), 0),
            (ValueError("no"), 1),
            (ValueError("no"), 1),
        ):
            ward.patients.answers["a"] = answer
            await ward.clock.advance(5.0)
            assert len(ward.patients.failed) == expected
    assert ward.patients.failed == [("a", 4, "a failed 3 health checks in a row.")]


async def test_a_fresh_instance_begins_without_a_past() -> None:
    """Failures of the generation before do not count against it."""
    ward = Ward()
    ward.patients.set("a")
    ward.patients.answers["a"] = ValueError("no")
    async with ward.running():
        await ward.clock.advance(10.0)
        ward.patients.set("a", generation=1)
        await ward.clock.advance(10.0)
        assert ward.patients.failed == []
        await ward.clock.advance(5.0)
        assert len(ward.patients.failed) == 1


async def test_a_slow_check_of_a_module_whose_work_gets_on_is_no_failure() -> None:
    """HEA-03: out of time and no work done counts; out of time while runs end does not."""
    ward = Ward()
    ward.patients.set("busy")
    ward.patients.set("hung")
    ward.patients.answers = {"busy": TimeoutError(), "hung": TimeoutError()}
    async with ward.running():
        for ended in range(1, 9):
            ward.patients.set("busy", ended=ended)
            await ward.clock.advance(5.0)
    assert [name for name, _, _ in ward.patients.failed] == ["hung"]


async def test_a_check_that_never_ends_or_breaks_harms_no_other() -> None:
    """All are asked at once; the endless one is given up and counts as failed, as does one that raises on the way."""
    ward = Ward()
    for name in ("endless", "broken", "well"):
        ward.patients.set(name)
    ward.patients.answers = {"endless": anyio.Event(), "broken": LookupError("bug")}
    async with ward.running():
        await ward.clock.advance(5.0)
        assert sorted(ward.patients.asked) == ["broken", "endless", "well"]
        assert ward.monitor.rounds == 0
        await ward.clock.advance(10.0)
        assert ward.monitor.rounds == 1
        await ward.clock.advance(30.0)
    assert sorted(name for name, _, _ in ward.patients.failed) == ["broken", "endless"]
    assert ward.crashes == []


@pytest.mark.feature("CB-18", "X-18")
async def test_a_run_that_stands_still_is_found_with_its_stack() -> None:
    """A thread that waits for ever, without a sign of life over five minutes, is named with where it stands."""
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    ward = Ward()
    ward.figures = ProcessFigures(thread_cpu_seconds={1: 0.25})
    try:
        async with ward.running():
            for _ in range(63):
                seconds = ward.clock.monotonic() + 50.0
                run = RunVitals(
                    task_id="t1",
                    module="m",
                    category="c",
                    running_seconds=seconds,
                    beat_seconds=seconds,
                    thread_id=thread.ident,
                    native_id=1,
                )
                short = msgspec.structs.replace(run, task_id="t2", running_seconds=1.0)
                ward.patients.run_vitals = [run, short]
                await ward.clock.advance(5.0)
        report = ward.monitor.report
        assert report is not None
        assert [(finding.kind, finding.subject) for finding in report.findings] == [("run_stuck", "t1")]
        (slow,) = report.slow_runs
        assert slow.still_seconds == 310.0
        assert "wait" in slow.stack[-1]
        assert "threading.py" in slow.stack[-1]
    finally:
        release.set()
        thread.join()


async def test_a_run_whose_thread_computes_is_not_still() -> None:
    """Its stack may look the same at every look: processor time is a sign of life."""
    ward = Ward()
    run = RunVitals(
        task_id="t1", module="m", category="c", running_seconds=9000.0, beat_seconds=9000.0, thread_id=0, native_id=1
    )
    ward.patients.run_vitals = [run]
    async with ward.running():
        for used in range(70):
            ward.figures = ProcessFigures(thread_cpu_seconds={1: float(used)})
            await ward.clock.advance(5.0)
    assert ward.monitor.report is not None
    assert ward.monitor.report.findings == ()
    assert ward.monitor.report.slow_runs[0].still_seconds == 0.0


async def test_a_category_that_runs_nothing_while_work_waits_is_found() -> None:
    """What ended since the last round speaks for it."""
    ward = Ward()
    waiting = CategoryVitals(name="c", queued=5, oldest_wait=40.0, working=2, ended=10)
    async with ward.running():
        for category, expected in (
            (waiting, ["category_starved"]),
            (msgspec.structs.replace(waiting, ended=11), []),
            (msgspec.structs.replace(waiting, ended=11), ["category_starved"]),
        ):
            ward.patients.category_vitals = [category]
            await ward.clock.advance(5.0)
            assert ward.monitor.report is not None
            assert [finding.kind for finding in ward.monitor.report.findings] == expected


@pytest.mark.feature("X-20")
async def test_a_blocked_loop_is_a_finding_of_the_next_round_alone() -> None:
    """The watchdog saw it while it lasted; the monitor tells of it once."""
    seen = threading.Event()
    settings = HealthSettings(watchdog_interval=0.001, blocked_after=0.01)
    async with LoopWatchdog(settings, on_blocked=lambda block: seen.set()) as dog:
        ward = Ward(watchdog=dog, settings=settings)
        assert seen.wait(30)
        first = await ward.monitor.round()
        blocks = dog.blocks
        second = await ward.monitor.round()
        assert [finding.kind for finding in first.findings] == ["loop_blocked"]
        assert dog.blocks > blocks or second.findings == ()


async def test_a_round_that_raises_is_told_and_begun_again() -> None:
    """HEA-07: the monitor outlives its own errors."""
    ward = Ward()
    ward.patients.trouble = ZeroDivisionError()
    async with ward.running():
        await ward.clock.advance(5.0)
        assert [(crash.name, crash.error) for crash in ward.crashes] == [("health monitor", "ZeroDivisionError")]
        ward.patients.trouble = None
        await ward.clock.advance(5.5)
        assert ward.monitor.rounds == 1


async def test_a_finding_is_logged_when_it_is_new_and_a_failed_check_each_time() -> None:
    """A standing trouble is in every report and event, but only once in the log; good checks say nothing."""
    lines: list[str] = []
    logger.enable("companion_async")
    logger.add(lambda message: lines.append(message.record["message"]), format="{message}")
    ward = Ward()
    ward.figures = ProcessFigures(memory_fraction=0.9)
    ward.patients.set("well")
    ward.patients.set("sick")
    ward.patients.answers["sick"] = ValueError("secret")
    async with ward.running():
        await ward.clock.advance(10.0)
    assert lines == [
        "Health check of sick failed: ValueError.",
        "Health: The process holds 90% of the memory there is.",
        "Health check of sick failed: ValueError.",
    ]


async def test_what_is_gone_is_forgotten() -> None:
    """A module that comes back under the same name begins anew, and nothing piles up."""
    ward = Ward()
    ward.patients.set("a")
    ward.patients.answers["a"] = ValueError("no")
    async with ward.running():
        await ward.clock.advance(10.0)
        ward.patients.module_vitals.clear()
        await ward.clock.advance(5.0)
        ward.patients.set("a")
        await ward.clock.advance(10.0)
    assert ward.patients.failed == []


@pytest.mark.feature("PE-04")
async def test_without_a_test_of_its_own_the_process_is_read_in_a_thread() -> None:
    """The real figures come in with the round."""
    ward = Ward(read_process=None)
    report = await ward.monitor.round()
    assert report.figures.memory_bytes is not None
    assert report.figures.memory_bytes > 1_000_000


async def test_there_is_one_monitor() -> None:
    """A second run is refused while the first goes on."""
    ward = Ward()
    async with ward.running():
        with pytest.raises(CompanionError, match="runs already"):
            await ward.monitor.run()
    async with ward.running():
        await ward.clock.advance(5.0)
        assert ward.monitor.rounds == 1
