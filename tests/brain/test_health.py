"""The health monitor and the watchdog inside a brain: their rounds, what they find, how they outlive their errors."""

from __future__ import annotations

import asyncio
import time

import pytest

from companion_async import Brain, BrainConfig
from companion_async.events.kinds import HealthChecked, ModuleError
from companion_async.health.process import ProcessFigures
from companion_async.health.settings import HealthSettings
from companion_async.status.system import LoopBlock
from companion_async.testing.clock import VirtualClock, settle, until
from tests.brain.rig import Gate, brain_on, diary, told, types


class Process:
    """Figures that the test sets."""

    def __init__(self) -> None:
        self.figures = ProcessFigures(memory_bytes=1000, memory_fraction=0.1)
        self.trouble: Exception | None = None

    async def read(self) -> ProcessFigures:
        if self.trouble is not None:
            raise self.trouble
        return self.figures


@pytest.mark.feature("CB-19", "CB-01")
async def test_a_health_round_every_five_seconds() -> None:
    """Each is an event, and the heartbeat shows in the status."""
    clock = VirtualClock()
    async with brain_on(clock) as brain, brain.events.subscribe("health.checked") as stream:
        await brain.register("m", diary())
        assert brain.status().checked_at is None
        for _ in range(3):
            await clock.advance(5)
        checked = [await told(stream, HealthChecked) for _ in range(3)]
        assert [event.timestamp.timestamp() - clock.time() for event in checked] == [-10, -5, 0]
        assert all(event.healthy and event.modules_checked == 1 and event.findings == () for event in checked)
        assert brain.status().checked_at == checked[-1].timestamp


@pytest.mark.feature("CB-19")
async def test_the_interval_is_the_brains() -> None:
    """``health_interval`` decides."""
    clock = VirtualClock()
    async with brain_on(clock, health_interval=0.5) as brain, brain.events.subscribe("health.checked") as stream:
        await clock.advance(2)
        await settle()
        assert len([await anext(stream) for _ in range(4)]) == 4


@pytest.mark.feature("CB-17", "PM-09")
async def test_three_failed_checks_put_a_module_in_error_and_it_is_healed() -> None:
    """One or two prove nothing; the third is an event with the reason, and a fresh instance takes over."""
    clock, fresh = VirtualClock(), diary()
    async with brain_on(clock) as brain, brain.events.subscribe("module.error") as stream:
        await brain.register("m", fresh)
        fresh.fails["health"] = OSError("no connection")
        await clock.advance(10)
        assert brain.module_status("m").state == "running"
        await clock.advance(5)
        assert brain.module_status("m").state == "error"
        assert "3 health checks" in brain.module_status("m").reason
        event = await told(stream, ModuleError)
        assert (event.module, event.error) == ("m", "UnhealthyError")
        fresh.fails.clear()
        task = brain.submit("m")
        await clock.advance(2)
        assert await task == (2, None)
        assert brain.module_status("m").state == "running"


async def test_findings_stand_in_the_status_until_they_are_gone() -> None:
    """In words that a person can act on."""
    clock, process = VirtualClock(), Process()
    async with brain_on(clock, read_process=process.read) as brain:
        process.figures = ProcessFigures(memory_bytes=900, memory_fraction=0.9, cpu_percent=12.0)
        await clock.advance(5)
        status = brain.status()
        assert (status.memory_bytes, status.memory_fraction, status.cpu_percent) == (900, 0.9, 12.0)
        assert any("90%" in finding for finding in status.findings)
        process.figures = ProcessFigures(memory_fraction=0.2)
        await clock.advance(5)
        assert brain.status().findings == ()


async def test_work_that_waits_while_nothing_runs_is_found() -> None:
    """With the runs that hold the slots."""
    clock, gate = VirtualClock(), Gate()
    async with brain_on(clock, categories={"core": 1}, auto_scaling=False) as brain:
        running = brain.submit("category:core", gate, timeout=None)
        await gate.holds(1)
        waiting = brain.submit("category:core", int, timeout=None)
        await clock.advance(36)
        assert any("core" in finding for finding in brain.status().findings)
        gate.open()
        await asyncio.gather(running, waiting)


async def test_a_monitor_that_raises_is_begun_again_and_says_so() -> None:
    """HEA-07: a decision names the error, and once the trouble is gone the rounds go on."""
    clock, process = VirtualClock(), Process()
    async with brain_on(clock, read_process=process.read) as brain:
        process.trouble = OSError("no /proc")
        await clock.advance(5)
        (decision,) = types(brain, "restart_loop")
        assert (decision.context, decision.error) == ("health_monitor", "OSError")
        assert brain.status().checked_at is None
        process.trouble = None
        await clock.advance(10)
        assert brain.status().checked_at is not None
        assert await brain.to_thread(int) == 0


async def test_a_decision_loop_that_raises_is_begun_again_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """HEA-07: the brain goes on meanwhile."""
    clock = VirtualClock()
    async with brain_on(clock) as brain:
        parts = brain._assembly("test")
        situation = parts.controls.situation

        def broken():
            raise ZeroDivisionError

        monkeypatch.setattr(parts.controls, "situation", broken)
        await clock.advance(10)
        assert types(brain, "restart_loop")[0].context == "decision_loop"
        stood = brain.status().decided_at
        monkeypatch.setattr(parts.controls, "situation", situation)
        await clock.advance(20)
        decided = brain.status().decided_at
        assert stood is not None
        assert decided is not None
        assert decided > stood
        assert await brain.to_thread(int) == 0


@pytest.mark.feature("X-20")
async def test_the_watchdog_names_what_blocks_the_loop() -> None:
    """The stack, the innermost call last, while it still blocks; the lag and a finding follow."""
    config = BrainConfig(plugins=False, health_interval=0.05, health=HealthSettings(blocked_after=0.05))
    async with Brain(config) as brain:
        await until(lambda: brain.status().loop_lag is not None)

        def the_culprit() -> None:
            end = time.monotonic() + 0.3
            while time.monotonic() < end:
                sum(range(100))

        def named() -> list[LoopBlock]:
            return [block for block in brain.status().loop_blocks if "the_culprit" in block.stack[-1]]

        while not named():  # a busy machine may keep the watchdog, too, from looking in time
            the_culprit()
            await asyncio.sleep(0)
        assert named()[-1].seconds >= 0.05
        await until(lambda: any("blocked" in finding for finding in brain.status().findings))
        await until(lambda: (brain.status().loop_lag_p99 or 0) > 0.1)


@pytest.mark.feature("X-20")
async def test_on_a_clock_of_its_own_a_brain_has_no_watchdog() -> None:
    """A simulation is touched by no real time: no lag, no blocks, no figures of the process."""
    clock = VirtualClock()
    async with brain_on(clock) as brain:
        await clock.advance(30)
        status = brain.status()
        assert status.loop_lag is status.memory_bytes is status.cpu_percent is None
        assert status.loop_blocks == ()


async def test_a_slow_check_of_one_module_holds_up_no_other() -> None:
    """All are asked at once; the slow one counts as failed once its limit has passed."""

    class Slow:
        async def health(self) -> None:
            await asyncio.Event().wait()

        def run(self) -> None: ...

    clock, fresh = VirtualClock(), diary()
    async with brain_on(clock) as brain:
        await brain.register("slow", Slow)
        await brain.register("quick", fresh)
        fresh.fails["health"] = OSError("gone")
        await clock.advance(31)
        assert brain.module_status("quick").state == "error" or brain.module_status("quick").restarts
        assert any(error.type == "TimeoutError" for error in brain.module_status("slow").errors)
