"""Processor use per thread and module, from figures that the test sets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from companion_async.brain.meter import Meter
from companion_async.health.process import ProcessFigures
from companion_async.modules.record import ModuleRecord
from companion_async.testing.clock import VirtualClock


class Bench:
    """A meter with two modules and a round every ten seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.records = {name: ModuleRecord(VirtualClock()) for name in ("m", "n")}
        self.meter = Meter()

    def round(self, slots: Any = (), **cpu: float) -> dict[str, float]:
        figures = ProcessFigures(thread_cpu_seconds={int(thread[1:]): used for thread, used in cpu.items()})
        self.meter.read(self.now, figures, self.records, slots)
        self.now += 10
        return self.meter.modules

    def slot(self, module: str, number: int, started: float, native_id: int) -> Any:
        return SimpleNamespace(job=SimpleNamespace(module=module, number=number, started=started), native_id=native_id)


@pytest.mark.feature("CB-F4")
def test_what_ended_runs_measured_is_their_modules() -> None:
    """Five seconds of processor time in ten are 50 percent of one core."""
    bench = Bench()
    assert bench.round() == {"m": 0.0, "n": 0.0}
    bench.records["m"].completed(5.0, 0.0, 8.0, 5.0)
    assert bench.round() == {"m": pytest.approx(50.0), "n": 0.0}
    assert bench.round() == {"m": 0.0, "n": 0.0}


def test_runs_that_were_not_measured_count_as_those_that_were() -> None:
    """Of runs of microseconds only some have their processor time taken."""
    bench = Bench()
    bench.round()
    bench.records["m"].completed(1.0, 0.0, 1.0, 0.5)
    bench.records["m"].completed(2.0, 0.0, 1.0, None)
    assert bench.round()["m"] == pytest.approx(10.0)


def test_a_long_run_is_charged_as_it_goes_and_never_twice() -> None:
    """With what its thread used meanwhile; its own measurement at the end is less by that."""
    bench = Bench()
    bench.round(t7=100.0)
    running = [bench.slot("m", 1, 5.0, 7)]
    assert bench.round(running, t7=101.0)["m"] == 0.0  # it began in this round: how much is its own is not known yet
    assert bench.round(running, t7=109.0)["m"] == pytest.approx(80.0)
    assert bench.round(running, t7=118.0)["m"] == pytest.approx(90.0)
    bench.records["m"].completed(35.0, 0.0, 30.0, 20.0)
    assert bench.round(t7=120.0)["m"] == pytest.approx(30.0)
    assert bench.round(t7=120.0)["m"] == 0.0


def test_a_module_that_was_taken_out_is_forgotten() -> None:
    """And one of the same name begins anew."""
    bench = Bench()
    bench.round()
    bench.records["m"].completed(5.0, 0.0, 8.0, 5.0)
    bench.round()
    gone = bench.records.pop("m")
    assert bench.round() == {"n": 0.0}
    assert gone.cpu_seconds == 5.0
    bench.records["m"] = ModuleRecord(VirtualClock())
    assert bench.round()["m"] == 0.0


def test_without_figures_there_is_nothing_to_charge() -> None:
    """A thread that the system does not tell of costs its own figure only."""
    bench = Bench()
    bench.round()
    bench.round()
    assert bench.round([bench.slot("m", 1, 0.0, 7)]) == {"m": 0.0, "n": 0.0}
