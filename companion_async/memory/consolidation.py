"""Pure: what of working memory is kept at hand, what moves on, and what is let go."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from companion_async.memory.circular import Item

FULL = 0.8
"""The share of working memory from which on it is cleared."""

WORTH_KEEPING = 0.3
_IMPORTANT = 0.6
_AT_HAND = 10


class Sorted(msgspec.Struct, frozen=True):
    """Items that move on, the oldest first, and items that are let go."""

    moving: tuple[Item, ...] = ()
    fading: tuple[Item, ...] = ()


def clear(items: Sequence[Item], size: int) -> Sorted:
    """What leaves a working memory of that size, its ``items`` the newest first.

    Nothing while it is not fuller than `FULL`. Then the ten newest and the important ones (from 0.6 on) stay; of the
    rest those from `WORTH_KEEPING` on move on. Where only important ones are left, the oldest of them move.
    """
    if len(items) <= FULL * size:
        return Sorted()
    leaving = [item for item in items[_AT_HAND:] if item.importance < _IMPORTANT]
    if not leaving:
        leaving = list(items[_AT_HAND:])
    moving = tuple(item for item in reversed(leaving) if item.importance >= WORTH_KEEPING)
    return Sorted(moving, tuple(item for item in leaving if item.importance < WORTH_KEEPING))
