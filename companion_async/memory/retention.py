"""Pure: which of some lasting memories are let go."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import msgspec


class Standing(msgspec.Struct, frozen=True, gc=False):
    """How a memory stands: its ``strength`` now, and whether it is ``spared`` though it be faint."""

    event_id: int
    strength: float
    spared: bool


def leaving(memories: Sequence[Standing], faint: float, over: int, *, pressing: bool) -> list[int]:
    """The ids of those that go, the faintest first: all fainter than ``faint``, and as many of the faintest as are
    ``over``, if these are more. Those that are spared go only where it is ``pressing``, after the others: as many as
    are still over without those.
    """
    free = sorted((each for each in memories if not each.spared), key=_faintness)
    gone = free[: max(over, bisect.bisect_left(free, faint, key=lambda each: each.strength))]
    if pressing and len(gone) < over:
        gone += sorted((each for each in memories if each.spared), key=_faintness)[: over - len(gone)]
    return [each.event_id for each in gone]


def _faintness(memory: Standing) -> tuple[float, int]:
    """The older of equally faint ones first."""
    return memory.strength, memory.event_id
