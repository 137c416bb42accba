"""How the locks behave."""

from __future__ import annotations

import msgspec


class LockSettings(msgspec.Struct, frozen=True):
    """``default_timeout`` and ``ageing_span`` in seconds. ``max_concurrent_locks`` counts what is held and what is
    waited for together.
    """

    max_concurrent_locks: int = 10_000
    default_timeout: float = 30.0
    enable_deadlock_detection: bool = True
    ageing_span: float = 10.0
