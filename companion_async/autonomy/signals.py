"""Pure: what the governor sees of a category at one look. A recording of these can be put to another rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec


class EndedRun(msgspec.Struct, frozen=True, gc=False):
    """One run that has ended, as its thread measured it: ``target`` names module and method."""

    target: str
    seconds: float
    cpu: float


class Signals(NamedTuple):
    """One category at ``now`` (monotonic seconds): the limit in force, ``running`` runs within it, ``queued`` tasks
    that only want for a slot, all ``arrivals`` so far, and the runs that ``ended`` since the look before (of very many,
    a sample).
    """

    now: float
    limit: int
    running: int
    queued: int
    arrivals: int
    ended: Sequence[EndedRun] = ()

    @property
    def full(self) -> bool:
        """Whether every slot is busy and work waits."""
        return self.running >= self.limit and self.queued > 0


class CategoryGlance(NamedTuple):
    """What there is to a category beside its signals: what it was ``configured`` to, its live ``threads`` and those of
    them that are ``idle``, the coldest for ``longest_idle`` seconds, slots ``stuck`` in runs that do not end, and
    whether work of the upper levels waits.
    """

    signals: Signals
    configured: int
    threads: int = 0
    idle: int = 0
    longest_idle: float = 0.0
    stuck: int = 0
    urgent: bool = False


class Glance(NamedTuple):
    """All categories ``now``. ``spare`` threads could be started in the house as it is; ``loop_lag``,
    ``memory_fraction`` and ``process_cpu_seconds``, the CPU time of the whole process up to now, are None where they
    cannot be read. ``gil`` is False on a free-threaded interpreter.
    """

    now: float
    categories: Mapping[str, CategoryGlance]
    spare: int
    loop_lag: float | None = None
    memory_fraction: float | None = None
    process_cpu_seconds: float | None = None
    cores: int = 1
    gil: bool = True

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits."""
        return any(one.signals.running or one.signals.queued for one in self.categories.values())

    @property
    def state(self) -> tuple[tuple[int, int, int, int, bool], ...]:
        """The same for as long as nothing comes, begins or ends."""
        all_signals = (one.signals for one in self.categories.values())
        return tuple((s.limit, s.running, s.queued, s.arrivals, bool(s.ended)) for s in all_signals)

    @property
    def full(self) -> bool:
        """Whether a category is."""
        return any(one.signals.full for one in self.categories.values())
