"""What can be set about modules that live in processes of their own."""

from __future__ import annotations

import msgspec

from companion_async.security import check_count, check_seconds


class ProcessSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``recycle_after`` runs a process is replaced by a fresh one, None is never. ``memory_limit`` is what a process
    may allocate, in bytes: beyond it its work gets `MemoryError`; Linux keeps it, other systems do not. A process
    without work ends after ``idle_seconds``. One that is not ready within ``start_timeout`` seconds is given up. A call
    that has killed ``crashes`` processes is quarantined.
    """

    recycle_after: int | None = None
    memory_limit: int | None = None
    idle_seconds: float = 60.0
    start_timeout: float = 60.0
    crashes: int = 3

    def __post_init__(self) -> None:
        if self.recycle_after is not None:
            check_count(self.recycle_after, "processes.recycle_after")
        if self.memory_limit is not None:
            check_count(self.memory_limit, "processes.memory_limit", minimum=2**26, maximum=2**50)
        check_seconds(self.idle_seconds, "processes.idle_seconds")
        check_seconds(self.start_timeout, "processes.start_timeout")
        check_count(self.crashes, "processes.crashes")
