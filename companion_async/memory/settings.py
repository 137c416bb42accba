"""How long what lasts lasts, and how much of it there may be."""

from __future__ import annotations

import msgspec

from companion_async.security import check_count, check_fraction, check_seconds


class MemorySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each consolidation forgets of long-term memory, for good.

    A memory's strength is its importance, fading by ``decay`` a day (exponentially), and more by 0.1 for each recall,
    three times at most. What is fainter than ``faint`` goes, and of more than ``most`` memories (None: there is no
    bound) the faintest. Three things are spared: what is at least as important as ``important``, what was recalled in
    the last ``lately`` seconds, and what a memory that is kept names as its ``evidence``. Only where these alone are
    more than ``most`` do the faintest of them go too.
    """

    most: int | None = 1_000_000
    decay: float = 0.05
    faint: float = 0.05
    important: float = 0.7
    lately: float = 30 * 86_400.0

    def __post_init__(self) -> None:
        if self.most is not None:
            check_count(self.most, "most")
        check_seconds(self.decay, "decay", zero=True)
        check_fraction(self.faint, "faint")
        check_fraction(self.important, "important")
        check_seconds(self.lately, "lately", zero=True)


USUAL = MemorySettings()
"""Of a memory with a file."""

UNFILED = MemorySettings(most=1_000)
"""Of an `AgentMemory` without one: a process may have hundreds of these, at half a MiB each."""
