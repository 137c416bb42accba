"""How a companion begins, and how far it may change."""

from __future__ import annotations

import msgspec

from companion_async.cognition.personality_engine.traits import Traits
from companion_async.security import check_count, check_fraction, check_seconds


class PersonalitySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``enabled``: whether answers are given a manner at all. ``traits`` are those that everybody meets first; feedback
    moves each by at most ``learning_rate`` a time and ``drift`` in all. A mood is half over in ``half_life`` seconds.
    ``file`` keeps what was learnt of each user, of the ``max_users`` last ones; without it that goes with the process.
    """

    enabled: bool = False
    traits: Traits = Traits()
    learning_rate: float = 0.02
    drift: float = 0.25
    half_life: float = 600.0
    max_users: int = 1000
    file: str | None = None

    def __post_init__(self) -> None:
        for name in ("learning_rate", "drift"):
            check_fraction(getattr(self, name), name)
        check_seconds(self.half_life, "half_life")
        check_count(self.max_users, "max_users")
