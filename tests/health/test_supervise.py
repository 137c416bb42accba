"""Supervision: a loop that raises begins again, later each time, and says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from companion_async.health.supervise import Crash, supervise
from companion_async.testing.clock import VirtualClock, settle


class Patient:
    """A loop that does what it is told each time it is begun."""

    def __init__(self, *errors: BaseException | None, stable: float = 0.0) -> None:
        self.errors, self.stable = list(errors), stable
        self.begun: list[float] = []
        self.clock = VirtualClock()
        self.crashes: list[Crash] = []

    async def run(self) -> None:
        self.begun.append(self.clock.monotonic())
        await self.clock.sleep(self.stable)
        error = self.errors.pop(0)
        if error is not None:
            raise error

    @asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(supervise, "patient", self.run, self.clock, self.crashes.append)
            await settle()
            yield
            tasks.cancel_scope.cancel()


async def test_it_begins_again_after_twice_the_time_up_to_a_minute() -> None:
    """HEA-07: 0.5, 1, 2, 4 ... 60, 60 seconds; each crash is told with the error's name and its count."""
    patient = Patient(*(ValueError() for _ in range(20)))
    async with patient.supervised():
        await patient.clock.advance(300.0)
    assert [crash.delay for crash in patient.crashes[:9]] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert [crash.count for crash in patient.crashes[:3]] == [1, 2, 3]
    assert patient.crashes[0] == Crash("patient", "ValueError", 1, 0.5)


async def test_two_minutes_without_a_crash_are_a_fresh_start() -> None:
    """The delay begins small again."""
    patient = Patient(*(ValueError() for _ in range(9)))
    async with patient.supervised():
        await patient.clock.advance(8.0)
        assert patient.crashes[-1].count == 5
        patient.stable = 120.0
        await patient.clock.advance(300.0)
    assert [crash.delay for crash in patient.crashes[4:7]] == [8.0, 0.5, 0.5]


async def test_it_ends_when_the_loop_ends_and_when_it_is_cancelled() -> None:
    """A return is no crash, and cancellation goes through."""
    patient = Patient(None)
    await supervise("patient", patient.run, patient.clock, patient.crashes.append)
    assert patient.crashes == []
    waiting = Patient(None, stable=100.0)
    async with waiting.supervised():
        pass
    assert waiting.clock.pending == 0
    assert waiting.crashes == []


async def test_telling_of_a_crash_may_fail_too() -> None:
    """Supervision goes on, and a group of one error goes by that error's name."""
    clock, told, runs = VirtualClock(), list[str](), list[int]()

    async def run() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise ExceptionGroup("one", [ExceptionGroup("two", [KeyError("x")])])

    def tell(crash: Crash) -> None:
        told.append(crash.error)
        raise RuntimeError

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervise, "patient", run, clock, tell)
        await settle()
        await clock.advance(1.0)
    assert told == ["KeyError"]
    assert len(runs) == 2


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_what_ends_the_process_is_not_held_up(error: type[BaseException]) -> None:
    """Only errors are healed."""

    async def run() -> None:
        raise error

    with pytest.raises(error):
        supervise("patient", run, VirtualClock()).send(None)
