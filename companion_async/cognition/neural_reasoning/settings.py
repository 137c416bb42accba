"""How much is kept, and how sharp recall is."""

from __future__ import annotations

import msgspec

from companion_async.security import check_count, check_seconds


class NeuralSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``max_patterns`` are kept, the oldest going first. ``sharpness`` is the inverse temperature of recall: when it is
    high one pattern wins, when it is low they blend. ``dimensions`` are those of texts. ``max_classifiers`` are kept,
    the one unused for longest going first. ``seed`` decides where learning begins and how texts are projected.
    """

    max_patterns: int = 10_000
    sharpness: float = 200.0
    dimensions: int = 512
    max_classifiers: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        check_count(self.max_patterns, "max_patterns")
        check_seconds(self.sharpness, "sharpness")
        check_count(self.dimensions, "dimensions", maximum=4_096)
        check_count(self.max_classifiers, "max_classifiers")
