"""Pure: what the governor sees of a category at one look. A recording of these can be put to another rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class EndedRun(NamedTuple):
    """One run that has ended, as its thread measured it: ``target`` names module and method."""

    target: str
    seconds: float
    cpu: float


class Signals(NamedTuple):
    """One category at ``now`` (monotonic seconds): the limit in force, ``running`` runs within it, ``queued`` tasks that
    only want for a slot, all ``arrivals`` so far, and the runs that ``ended`` since the look before (of very many, a
    sample).
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
