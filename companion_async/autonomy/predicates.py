"""Pure: the documents' own questions, each answered from one figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

CREATE_ABOVE = 0.8
SHRINK_AFTER = 300.0


def should_create(load: float) -> bool:
    """Whether a category under ``load`` (0 to 1) should have one more thread."""
    return load > CREATE_ABOVE


def should_shrink(idle_seconds: float, limit: float = SHRINK_AFTER) -> bool:
    """Whether a thread that has been idle so long should go."""
    return idle_seconds > limit


def prioritized(tasks: Iterable[T], level: Callable[[T], int], created: Callable[[T], float]) -> list[T]:
    """The tasks by level, 1 first, the older first within one; equals stay in the order they came in."""
    return sorted(tasks, key=lambda task: (level(task), created(task)))
