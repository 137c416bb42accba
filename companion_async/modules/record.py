"""What is known of a module's work: counts, durations, and its last errors. Memory is fixed, whatever happens."""

from __future__ import annotations

import hashlib
from collections import deque
from datetime import datetime

import msgspec

from companion_async.clock import Clock
from companion_async.errors import CompanionError, RemoteError, StorageError, TaskCrashedError
from companion_async.events.kinds import utc
from companion_async.sketch import DurationSketch

MOST_ERRORS = 20
_LONGEST_MESSAGE = 500
# The weight of the newest run in the moving average: a change shows after about five runs.
_NEWEST = 0.2
# Of our own errors, those that a fresh instance may get over.
_BREAKDOWNS = (TaskCrashedError, RemoteError, StorageError)


class ErrorEntry(msgspec.Struct, frozen=True, gc=False):
    """One error, as text: an exception kept would keep its frames, and all that they hold, alive.

    ``task_id`` is None where no task failed but the module itself, as it started, stopped or was checked.
    """

    type: str
    message: str
    timestamp: datetime
    task_id: str | None = None

    @property
    def id(self) -> str:
        """The same for the same failure wherever it is shown: with it the text is found in the log. For a task's
        failure it is the task's own id.
        """
        if self.task_id is not None:
            return self.task_id
        name = f"{self.type}|{self.timestamp.timestamp()}|{self.message}"
        return hashlib.blake2s(name.encode(errors="replace"), digest_size=6).hexdigest()


class ModuleRecord:
    """The figures of one module. Belongs to the loop's thread; ``now`` is always the monotonic time, in seconds.

    Every task is counted once, at its end: completed, failed, timed out or cancelled, so retries change nothing.
    ``success_rate`` counts time-outs as failures and leaves cancelled tasks out.
    ``wait`` and ``run`` are sketches of the seconds that tasks were ready but not running, and running; of targets
    whose runs take microseconds only a sample of one in 16 is in them, and every run that was a surprise. ``runs``
    counts all runs, which together took ``run_seconds``.
    ``cpu_seconds`` covers the runs that were sampled, ``cpu_runs`` of them, which together took ``cpu_run_seconds``.
    """

    __slots__ = (
        "_clock",
        "average_run",
        "cpu_run_seconds",
        "cpu_runs",
        "cpu_seconds",
        "errors",
        "failures_in_row",
        "last_activity",
        "run",
        "run_seconds",
        "runs",
        "started_at",
        "tasks_cancelled",
        "tasks_completed",
        "tasks_failed",
        "tasks_timed_out",
        "wait",
    )

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.tasks_completed = 0
        self.tasks_failed = 0
        self.tasks_timed_out = 0
        self.tasks_cancelled = 0
        self.failures_in_row = 0
        self.errors: deque[ErrorEntry] = deque(maxlen=MOST_ERRORS)
        self.wait = DurationSketch()
        self.run = DurationSketch()
        self.runs = 0
        self.run_seconds = 0.0
        self.cpu_seconds = 0.0
        self.cpu_run_seconds = 0.0
        self.cpu_runs = 0
        self.average_run: float | None = None
        self.last_activity: float | None = None
        self.started_at: float | None = None

    def completed(self, now: float, wait: float, run: float, cpu: float | None) -> None:
        """Count a task that returned. Called for every one of them: under 1 us.

        ``cpu`` is the CPU time of its thread in seconds, ``None`` where it was not sampled.
        """
        self.tasks_completed += 1
        self.failures_in_row = 0
        self.last_activity = now
        self.wait.add(wait)
        self._ran(run, cpu)

    def counted(self, now: float, tasks: int, seconds: float) -> None:
        """Count tasks that returned and ran for so many seconds together, but leave their durations out of the
        sketches: some of many that are short.
        """
        self.tasks_completed += tasks
        self.failures_in_row = 0
        self.last_activity = now
        self.runs += tasks
        self.run_seconds += seconds

    def failed(
        self,
        now: float,
        wait: float,
        run: float | None,
        cpu: float | None,
        error: BaseException,
        task_id: str | None,
    ) -> None:
        """Count a task that raised ``error``; ``run`` is None if it never ran.

        A `CompanionError` is mostly the right answer to what the task was given: no restart would mend a wrong argument
        or a broken picture. So it is a failure of the task, and is none of the ``failures_in_row``.
        """
        self.tasks_failed += 1
        self.failures_in_row += not isinstance(error, CompanionError) or isinstance(error, _BREAKDOWNS)
        self._lost(now, wait, run, cpu, error, task_id)

    def timed_out(
        self,
        now: float,
        wait: float,
        run: float | None,
        cpu: float | None,
        error: BaseException,
        task_id: str | None,
    ) -> None:
        """Count a task of which a span passed its limit; ``run`` is None if it never ran."""
        self.tasks_timed_out += 1
        self.failures_in_row += 1
        self._lost(now, wait, run, cpu, error, task_id)

    def cancelled(self, now: float) -> None:
        """Count a task that was cancelled. How long it ran until then says nothing of the module, and is left out."""
        self.tasks_cancelled += 1
        self.last_activity = now

    def fault(self, error: BaseException) -> ErrorEntry:
        """Keep an error of the module itself, and of no task."""
        return self._keep(error, None)

    def entry(self, error: BaseException, task_id: str | None = None) -> ErrorEntry:
        """The entry that would be kept of ``error`` now."""
        return ErrorEntry(type(error).__name__, error_text(error), utc(self._clock.time()), task_id)

    @property
    def tasks_ended(self) -> int:
        """Tasks counted in any way."""
        return self.tasks_completed + self.tasks_failed + self.tasks_timed_out + self.tasks_cancelled

    @property
    def success_rate(self) -> float:
        """The share of tasks that completed among those that were not cancelled; 1.0 before the first."""
        judged = self.tasks_completed + self.tasks_failed + self.tasks_timed_out
        return self.tasks_completed / judged if judged else 1.0

    @property
    def average_execution_time(self) -> float | None:
        """The mean run of all time, in seconds, as ``average_run`` is that of lately; ``None`` before the first."""
        return self.run_seconds / self.runs if self.runs else None

    @property
    def cpu_share(self) -> float | None:
        """CPU time over wall time of the sampled runs; ``None`` before the first."""
        return self.cpu_seconds / self.cpu_run_seconds if self.cpu_run_seconds > 0 else None

    def _lost(
        self,
        now: float,
        wait: float,
        run: float | None,
        cpu: float | None,
        error: BaseException,
        task_id: str | None,
    ) -> None:
        self.last_activity = now
        self.wait.add(wait)
        if run is not None:
            self._ran(run, cpu)
        self._keep(error, task_id)

    def _ran(self, run: float, cpu: float | None) -> None:
        self.run.add(run)
        self.runs += 1
        self.run_seconds += run
        if self.average_run is None:
            self.average_run = run
        else:
            self.average_run += _NEWEST * (run - self.average_run)
        if cpu is not None:
            self.cpu_seconds += cpu
            self.cpu_run_seconds += run
            self.cpu_runs += 1

    def _keep(self, error: BaseException, task_id: str | None) -> ErrorEntry:
        entry = self.entry(error, task_id)
        self.errors.append(entry)
        return entry


def error_text(error: BaseException) -> str:
    """The first 500 characters of ``str(error)``. An exception that cannot say what it is costs its text only."""
    try:
        text = str(error)
    except BaseException as failure:  # Work may raise anything, SystemExit in __str__ included.
        return f"<no text: its __str__ raised {type(failure).__name__}>"
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 3] + "..."
