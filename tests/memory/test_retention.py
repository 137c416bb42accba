"""Which of some lasting memories are let go."""

from __future__ import annotations

import pytest

from companion_async.memory.retention import Standing, leaving

MEMORIES = [
    Standing(1, 0.5, False),
    Standing(2, 0.04, True),
    Standing(3, 0.02, False),
    Standing(4, 0.3, False),
    Standing(5, 0.9, True),
    Standing(6, 0.3, False),
]


@pytest.mark.feature("PF-2")
@pytest.mark.parametrize(
    ("over", "pressing", "gone"),
    [
        (0, False, [3]),
        (1, False, [3]),
        (3, False, [3, 4, 6]),
        (4, False, [3, 4, 6, 1]),
        (6, False, [3, 4, 6, 1]),
        (0, True, [3]),
        (5, True, [3, 4, 6, 1, 2]),
        (6, True, [3, 4, 6, 1, 2, 5]),
        (9, True, [3, 4, 6, 1, 2, 5]),
    ],
)
def test_the_faint_go_and_of_too_many_the_faintest(over, pressing, gone):
    """The older of equals first; what is spared only where nothing else is left and it presses."""
    assert leaving(MEMORIES, 0.05, over, pressing=pressing) == gone


def test_of_nothing_nothing_goes():
    """Nor is that an error."""
    assert leaving([], 1.0, 5, pressing=True) == []
