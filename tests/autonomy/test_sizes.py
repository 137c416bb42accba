"""Threads that go home between the changes of a limit."""

from __future__ import annotations

import pytest

from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.signals import CategoryGlance, EndedRun, Glance, Signals
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


def decided(load: float, *, cpu: float, cores: int = 2, gil: bool = True) -> list[str]:
    """What becomes of a full category with a long queue, whose 500 runs a second take 20 ms each and compute for so
    many seconds, in a process that uses so many processors.
    """
    sizes, found = Sizes(SETTINGS), list[str]()
    ended = [EndedRun("m.run", 0.02, cpu)] * 30
    for look in range(12):
        now = look / 4
        full = now > 1
        signals = Signals(now, 5, 5 if full else 1, 200 if full else 0, int(500 * now), ended)
        one = CategoryGlance(signals, 5, 5)
        verdicts = sizes.verdicts(
            Glance(now, {"c": one}, 20, 0.0, None, load * now, cores=cores, gil=gil),
        )
        found += [verdict.type for verdict in verdicts]
    return found


@pytest.mark.feature("CB-14", "CB-20")
@pytest.mark.parametrize(
    ("load", "cpu", "cores", "gil", "grows"),
    [
        (0.5, 2e-4, 2, True, True),
        (1.05, 2e-4, 2, True, False),  # the interpreter lock is what all wait for
        (1.05, 2e-5, 2, True, True),  # what hardly computes hardly adds to it
        (1.05, 2e-4, 8, False, True),  # no lock, and free processors
        (4.0, 2e-4, 8, True, True),  # something that lets go of the lock has the processors
        (1.9, 2e-4, 2, False, False),  # all of them are in use
    ],
)
def test_what_waits_for_the_interpreter_does_not_get_more_threads_to_wait_with(
    load: float, cpu: float, cores: int, gil: bool, grows: bool
) -> None:
    """Its runs seem to wait for something else, a hundredth of their time computing: but there are many of them."""
    assert ("scale_up" in decided(load, cpu=cpu, cores=cores, gil=gil)) is grows
