"""What may be done without asking, and what may be done at all."""

from __future__ import annotations

from typing import Any

import msgspec

from companion_async.cognition.autonomous_system.operation import OPERATIONS
from companion_async.errors import InvalidArgumentError
from companion_async.security import check_count, check_fraction


class AutonomousSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``enabled``: whether anything is done at all; off, proposals are made and refused. ``allowed`` are the operations
    that may be done. A proposal of less risk than ``max_risk`` and more benefit than ``min_benefit`` is done without a
    person's word, at most ``max_actions`` in a cycle. The last ``audit_size`` entries of the audit are kept.
    """

    enabled: bool = False
    allowed: tuple[str, ...] = OPERATIONS
    max_risk: float = 0.7
    min_benefit: float = 0.6
    max_actions: int = 3
    audit_size: int = 1000

    def __post_init__(self) -> None:
        allowed: Any = self.allowed
        if isinstance(allowed, str) or not set(allowed) <= set(OPERATIONS):
            raise InvalidArgumentError(f"allowed is a tuple of {', '.join(OPERATIONS)}; {allowed!r:.80} is not.")
        msgspec.structs.force_setattr(self, "allowed", tuple(allowed))
        for name in ("max_risk", "min_benefit"):
            check_fraction(getattr(self, name), name)
        check_count(self.max_actions, "max_actions", maximum=100)
        check_count(self.audit_size, "audit_size")
