"""Pure: how good one is at a skill, by what one has done with it."""

from __future__ import annotations

import bisect

import msgspec

LEVELS = (100.0, 300.0, 600.0, 1_000.0, 1_500.0)
"""The experience from which on a skill has the levels 1 to 5; below the first it has level 0."""

SUCCESS, FAILURE = 10.0, 4.0
"""What a doing brings: by failing one learns too, and less."""


class Practice(msgspec.Struct, frozen=True):
    """``experience`` never falls."""

    experience: float = 0.0
    done: int = 0
    failed: int = 0

    @property
    def level(self) -> int:
        """From 0 to 5."""
        return bisect.bisect_right(LEVELS, self.experience)


def practised(practice: Practice, ok: bool) -> Practice:
    """After one more time."""
    return Practice(practice.experience + (SUCCESS if ok else FAILURE), practice.done + ok, practice.failed + (not ok))
