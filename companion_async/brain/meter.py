"""Processor use by thread and by module, from one health round to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from companion_async.health.process import ProcessFigures
from companion_async.modules.record import ModuleRecord
from companion_async.offload.slot import Slot


class _Mark(NamedTuple):
    run_seconds: float
    cpu_seconds: float
    cpu_run_seconds: float


class Meter:
    """``threads`` by native id and ``modules`` by name, in percent of one core over the last interval. Loop only.

    A run is measured when it has ended, and of a kind that takes microseconds only some are: the rest is taken to have
    used as much. A run that outlasts an interval is charged with what its thread used meanwhile, and its own
    measurement, when it comes, is less by that.
    """

    def __init__(self) -> None:
        self.threads: Mapping[int, float] = {}
        self.modules: dict[str, float] = {}
        self.figures = ProcessFigures()
        self._at: float | None = None
        self._marks: dict[str, _Mark] = {}
        self._charged: dict[int, tuple[str, float]] = {}

    def read(
        self, now: float, figures: ProcessFigures, records: Mapping[str, ModuleRecord], slots: Iterable[Slot]
    ) -> None:
        """Take in one round's ``figures``, read just before ``now``."""
        before, self.figures = self.figures, figures
        since, self._at = self._at, now
        self.threads = figures.thread_cpu_percent
        used = {name: self._ended(name, record) for name, record in records.items()}
        charged = dict[int, tuple[str, float]]()
        for slot in slots:
            task: Any = slot.job
            if task is None or since is None or not 0 <= task.started < since:
                continue
            earlier, later = (each.thread_cpu_seconds.get(slot.native_id) for each in (before, figures))
            if earlier is None or later is None:
                continue
            name, cpu = task.module, max(0.0, later - earlier)
            used[name] = used.get(name, 0.0) + cpu
            charged[task.number] = (name, self._charged.get(task.number, (name, 0.0))[1] + cpu)
        for number, (name, cpu) in self._charged.items():
            if number not in charged and name in used:
                used[name] -= cpu
        self._charged = charged
        self._marks = {name: mark for name, mark in self._marks.items() if name in records}
        seconds = None if since is None else now - since
        self.modules = {
            name: max(0.0, 100.0 * cpu / seconds) if seconds else 0.0 for name, cpu in used.items() if name in records
        }

    def _ended(self, name: str, record: ModuleRecord) -> float:
        now = _Mark(record.run_seconds, record.cpu_seconds, record.cpu_run_seconds)
        before = self._marks.get(name, now)
        self._marks[name] = now
        measured = now.cpu_run_seconds - before.cpu_run_seconds
        if measured <= 0:
            return 0.0
        return (now.run_seconds - before.run_seconds) * (now.cpu_seconds - before.cpu_seconds) / measured
