"""How much is learnt from, and how long it counts."""

from __future__ import annotations

import msgspec

from companion_async.security import check_count, check_seconds


class LearningSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``span``: seconds for which a lesson counts. ``max_lessons`` of each topic are kept, and ``max_topics``, the one
    unused for longest going first; ``max_interactions`` likewise, the oldest going first. ``file`` keeps lessons and
    interactions for the next run; without it they go with the process. ``seed`` decides between what looks equally
    good.
    """

    span: float = 90 * 86_400.0
    max_lessons: int = 2_000
    max_topics: int = 200
    max_interactions: int = 20_000
    file: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_seconds(self.span, "span")
        check_count(self.max_lessons, "max_lessons")
        check_count(self.max_topics, "max_topics")
        check_count(self.max_interactions, "max_interactions")
