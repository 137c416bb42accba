"""Threads that go home between the changes of a limit."""

from __future__ import annotations

import pytest

from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.signals import CategoryGlance, Glance, Signals
from companion_async.autonomy.sizes import Sizes, surplus

SETTINGS = AutonomySettings()


def glance(threads: int, idle: int, longest_idle: float) -> CategoryGlance:
    return CategoryGlance(Signals(9.0, 20, threads - idle, 0, 50), 5, threads, idle, longest_idle)


@pytest.mark.feature("CB-15")
@pytest.mark.parametrize(
    ("threads", "idle", "longest_idle", "goes"),
    [
        (8, 3, 2.0, True),
        (8, 3, 1.9, False),  # needed a moment ago
        (5, 5, 60.0, False),  # what was configured stays
        (8, 0, 0.0, False),
    ],
)
def test_only_threads_beyond_the_configured_number_go_after_a_moment(
    threads: int, idle: int, longest_idle: float, goes: bool
) -> None:
    """Down to that number, those that idled so long; the limit stays where it is."""
    verdict = surplus("c", glance(threads, idle, longest_idle), SETTINGS)
    assert (verdict is not None) is goes
    if verdict is not None:
        assert verdict.data == {"old": 20, "new": 20, "keep": 5, "idle_for": 2.0}


def test_they_go_beside_what_is_decided_of_the_limit() -> None:
    """A look that says nothing of the limit sends them home all the same."""
    found = Sizes(SETTINGS).verdicts(Glance(9.0, {"c": glance(8, 3, 2.5)}, 20))
    assert [(verdict.rule, verdict.context) for verdict in found] == [("scale.surplus", "c")]
