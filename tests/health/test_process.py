"""Process figures: true numbers from the system, None where there are none."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from companion_async.health.process import ProcessFigures, ProcessReader, memory_limit


class FakeProcess:
    """A process whose figures a test sets."""

    def __init__(self) -> None:
        self.user, self.rss = 1.0, 1000
        self.per_thread = {7: 0.5}
        self.broken: set[str] = set()

    def _or_fail(self, name: str, value: Any) -> Any:
        if name in self.broken:
            raise PermissionError(name)
        return value

    def cpu_times(self) -> Any:
        return self._or_fail("cpu_times", SimpleNamespace(user=self.user, system=0.5))

    def memory_info(self) -> Any:
        return self._or_fail("memory_info", SimpleNamespace(rss=self.rss))

    def threads(self) -> Any:
        made = [SimpleNamespace(id=key, user_time=value, system_time=0.0) for key, value in self.per_thread.items()]
        return self._or_fail("threads", made)


def reader(process: FakeProcess, times: list[float], limit: int | None = 4000) -> ProcessReader:
    return ProcessReader(limit, now=lambda: times.pop(0), open_process=lambda: process)


@pytest.mark.feature("CB-F4", "PE-04")
def test_percentages_are_differences_between_readings() -> None:
    """Of one core, for the process and for each thread; None before there are two readings."""
    process = FakeProcess()
    it = reader(process, [0.0, 10.0])
    first = it.read()
    assert (first.cpu_seconds, first.cpu_percent, first.thread_cpu_percent) == (1.5, None, {})
    process.user, process.per_thread = 6.0, {7: 3.0, 8: 1.0}
    second = it.read()
    assert (second.cpu_seconds, second.cpu_percent) == (6.5, 50.0)
    assert second.thread_cpu_seconds == {7: 3.0, 8: 1.0}
    assert second.thread_cpu_percent == {7: 25.0}, "a thread that is new has no difference yet"


@pytest.mark.feature("PE-04")
def test_memory_is_a_share_of_what_there_is_and_peaks_are_remembered() -> None:
    """The peaks are over all readings; the figures themselves are of now."""
    process = FakeProcess()
    it = reader(process, [0.0, 1.0, 2.0])
    it.read()
    process.rss, process.user, process.per_thread = 3000, 2.0, {7: 0.5, 8: 0.0, 9: 0.0}
    it.read()
    process.rss, process.per_thread = 2000, {7: 0.5}
    figures = it.read()
    assert (figures.memory_bytes, figures.memory_fraction, figures.threads) == (2000, 0.5, 1)
    assert (figures.peak_memory_bytes, figures.peak_cpu_percent, figures.peak_threads) == (3000, 100.0, 3)


@pytest.mark.parametrize(
    ("broken", "missing"),
    [
        ("cpu_times", ["cpu_seconds", "cpu_percent"]),
        ("memory_info", ["memory_bytes", "memory_fraction"]),
        ("threads", ["threads"]),
    ],
)
def test_a_figure_that_cannot_be_read_costs_that_figure_alone(broken: str, missing: list[str]) -> None:
    """The others are there, nothing is raised, and the next reading has it again."""
    process = FakeProcess()
    it = reader(process, [0.0, 1.0, 2.0, 3.0])
    it.read()
    whole = it.read()
    process.broken = {broken}
    figures = it.read()
    lost = [name for name in figures.__struct_fields__ if getattr(figures, name) is None]
    assert lost == [name for name in figures.__struct_fields__ if name in missing]
    process.broken = set()
    assert it.read().memory_bytes == whole.memory_bytes


def test_without_any_access_there_are_no_figures() -> None:
    """Neither a process that cannot be opened nor an unknown limit is an error."""

    def refuse() -> Any:
        raise ModuleNotFoundError

    assert ProcessReader(open_process=refuse).read() == ProcessFigures()
    unlimited = ProcessReader(0, now=lambda: 0.0, open_process=FakeProcess)
    assert unlimited.read().memory_fraction is None


@pytest.mark.feature("CB-F4", "PE-04")
def test_the_real_process_is_read() -> None:
    """Memory, processor time and this very thread are there, within what the machine has, and plain in JSON."""
    it = ProcessReader()
    figures = it.read()
    limit = memory_limit()
    assert limit is not None
    assert figures.memory_bytes is not None
    assert figures.memory_fraction == pytest.approx(figures.memory_bytes / limit)
    assert 1_000_000 < figures.memory_bytes < limit
    assert figures.cpu_seconds is not None
    assert figures.cpu_seconds > 0
    assert threading.get_native_id() in figures.thread_cpu_seconds
    again = it.read()
    assert again.cpu_percent is not None
    assert again.thread_cpu_percent.keys() >= {threading.get_native_id()}
    assert msgspec.json.decode(msgspec.json.encode(again), type=ProcessFigures) == again
