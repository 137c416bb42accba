"""Modules that do not stay what they are, and modules whose handlers are of two kinds."""

from __future__ import annotations

import pytest

from companion_async.autonomy.governor import Governor
from companion_async.autonomy.settings import AutonomySettings
from tests.autonomy.governor_rig import Machine, Work, caps, govern, rule

COMPUTING, WAITING = (0.05, 0.0), (0.002, 0.1)


@pytest.mark.feature("X-03")
def test_a_module_that_turns_from_waiting_to_computing_and_back_is_followed_both_ways() -> None:
    """Capped and let go within two seconds of each turn, the third time as the first."""
    machine = Machine(m=Work(6, *WAITING))
    governor, work = Governor(AutonomySettings()), machine.work["m"]
    rule(machine, governor, 25)
    assert work.cap is None
    for _ in range(3):
        work.cpu, work.wait = COMPUTING
        rule(machine, governor, 10)
        assert work.cap == 1
        assert governor.share("m") > 0.9
        work.cpu, work.wait = WAITING
        rule(machine, governor, 10)
        assert work.cap is None
        assert governor.share("m") < 0.1


@pytest.mark.parametrize(
    ("first", "other", "share"),
    [
        ((0.02, 0.0), (0.0, 0.1), 0.02 / 0.12),
        ((0.01, 0.09), (0.03, 0.07), 0.2),
        ((0.001, 0.2), (0.001, 0.0), 0.01),
    ],
)
def test_handlers_of_two_kinds_in_one_module_count_by_their_time(
    first: tuple[float, float], other: tuple[float, float], share: float
) -> None:
    """A module is judged as a whole: a handler that computes beside one that waits longer does not throttle both. Where
    the computing is in the way of itself the estimate errs upward, by a tenth at most.
    """
    machine = Machine(m=Work(4, *first, other=other))
    governor, verdicts = govern(machine, 8)
    assert share - 0.03 < governor.share("m") < share + 0.1
    assert machine.work["m"].cap is None, caps(verdicts)


def test_a_module_that_computes_in_one_handler_for_most_of_its_time_is_capped_for_what_the_lock_carries() -> None:
    """Nine tenths of the time of two handlers: more at once than the lock carries would only make the loop late."""
    machine = Machine(m=Work(6, 0.09, 0.0, other=(0.0, 0.01)))
    governor, _ = govern(machine, 8)
    assert governor.share("m") > 0.7
    assert machine.work["m"].cap in (1, 2)
