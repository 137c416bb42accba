"""What leaves working memory, and for where."""

from __future__ import annotations

from datetime import datetime

import pytest

from companion_async.memory.circular import Item
from companion_async.memory.consolidation import clear


def items(*importances):
    """The newest first, as a buffer gives them."""
    return [
        Item(content=str(n), type="note", importance=importance, context={}, timestamp=datetime(2026, 3, 1))
        for n, importance in enumerate(importances)
    ]


@pytest.mark.feature("PP-17")
def test_a_memory_with_room_keeps_everything():
    """Up to four fifths nothing moves."""
    assert clear(items(*[0.5] * 16), 20).moving == ()
    assert clear([], 20).fading == ()


@pytest.mark.feature("PP-17")
def test_of_a_full_memory_the_new_and_the_important_stay():
    """Of the rest what is worth keeping moves on, the oldest first, and what is not is let go."""
    everything = items(*[0.1] * 10, 0.9, 0.5, 0.2, 0.3, 0.6, 0.0, 0.4)
    cleared = clear(everything, 20)
    assert [item.content for item in cleared.moving] == ["16", "13", "11"]
    assert [item.content for item in cleared.fading] == ["12", "15"]


@pytest.mark.feature("PP-17")
def test_a_memory_full_of_important_things_moves_its_oldest():
    """It does not stay full for ever."""
    cleared = clear(items(*[0.9] * 20), 20)
    assert [item.content for item in cleared.moving] == [str(n) for n in range(19, 9, -1)]
