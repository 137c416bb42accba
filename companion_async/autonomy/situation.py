"""Pure: everything the rules may look at, as it was at one moment.

Totals (``arrivals``, ``completions``, ``runs``, ``..._seconds``) only grow; the rules take differences themselves, so a
reading costs its maker no arithmetic and no memory of the one before. Durations are seconds.
"""

from __future__ import annotations

import msgspec

LEVELS = 5


class CategoryReading(msgspec.Struct, frozen=True, kw_only=True):
    """One category.

    ``limit`` is in force now, ``configured`` is what it began with. ``working`` slots hold a run; the ``stuck`` ones
    among them hold a run that has passed its limit and could not be replaced; ``kept`` ones are free, for urgent work
    alone. ``idle`` threads are parked, the coldest for ``longest_idle``. ``abandoned`` threads count against
    ``budget``, which has been spent for ``spent_for``.
    ``queued`` tasks could run if there were room (``queued_by_level``: critical first), the oldest since
    ``oldest_wait``. ``patience`` is how long a task of this category can wait before it is worth nothing (its queue or
    total limit), None where nothing says so.
    ``completions`` counts runs that ended, whatever came of them; ``run_seconds`` is their wall time.
    """

    name: str
    limit: int
    configured: int
    working: int = 0
    stuck: int = 0
    kept: int = 0
    idle: int = 0
    longest_idle: float = 0.0
    abandoned: int = 0
    budget: int = 0
    spent_for: float = 0.0
    queued: int = 0
    queued_by_level: tuple[int, ...] = (0,) * LEVELS
    oldest_wait: float = 0.0
    patience: float | None = None
    arrivals: int = 0
    completions: int = 0
    run_seconds: float = 0.0


class ModuleReading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One module.

    ``state`` is a `ModuleState` value. ``failures_in_row`` counts failed runs since the last success. ``healing`` is
    True while a restart is under way or due; ``restarts_left`` is False once its restart policy is used up.
    ``generation`` changes with every instance. ``offload`` says where its work is done: what is done in a process does
    not hold this one's interpreter lock. ``abandoned`` threads were running it. ``cap`` is the throttle in force,
    ``share`` the weight with which its runs take part in what all that compute may do together, None where they do not.

    CPU time is measured for some runs only: ``cpu_seconds`` and ``measured_seconds`` (wall) are over
    ``measured_runs``, while ``run_seconds`` (wall) is over all ``runs``. Runs that still go on may be counted in with
    what they have used so far; ``ended_cpu_seconds`` leaves those out.
    """

    name: str
    category: str
    state: str
    offload: str = "thread"
    failures_in_row: int = 0
    healing: bool = False
    restarts_left: bool = True
    generation: int = 0
    running: int = 0
    queued: int = 0
    abandoned: int = 0
    cap: int | None = None
    share: float | None = None
    runs: int = 0
    run_seconds: float = 0.0
    measured_runs: int = 0
    measured_seconds: float = 0.0
    cpu_seconds: float = 0.0
    ended_cpu_seconds: float = 0.0


class StuckRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that may be stuck: ``running_seconds`` since it began, ``still_seconds`` since it last showed progress (a
    ``progress()``, an item, a stack that moved). ``stack`` is innermost last.
    """

    task_id: str
    module: str
    category: str
    running_seconds: float
    still_seconds: float
    stack: tuple[str, ...] = ()


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """The whole runtime at ``now`` (monotonic seconds).

    ``loop_lag`` is the worst lateness of the event loop lately, ``memory_fraction`` the share of the memory there is
    that is in use, ``process_cpu_seconds`` the CPU time of the whole process up to ``now`` (``time.process_time()``; an
    older reading would be held against the wrong span): None where it cannot be read. ``processor_supply`` is the share
    of the time its threads wanted a processor lately in which they had one; less than 1 where other processes take it.
    ``total_threads`` live now, abandoned ones counted. ``gil`` is False on a free-threaded interpreter;
    ``switch_interval`` is the one in force.
    """

    now: float
    categories: tuple[CategoryReading, ...] = ()
    modules: tuple[ModuleReading, ...] = ()
    stuck: tuple[StuckRun, ...] = ()
    loop_lag: float | None = None
    memory_fraction: float | None = None
    process_cpu_seconds: float | None = None
    processor_supply: float = 1.0
    total_threads: int = 0
    max_threads: int = 50
    cores: int = 1
    gil: bool = True
    switch_interval: float | None = None

    def category(self, name: str) -> CategoryReading | None:
        """The reading of that name."""
        return next((reading for reading in self.categories if reading.name == name), None)

    def module(self, name: str) -> ModuleReading | None:
        """The reading of that name."""
        return next((reading for reading in self.modules if reading.name == name), None)
