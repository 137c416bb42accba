"""Work that computes for moments at a time: nothing is gained by holding it back."""

from __future__ import annotations

import msgspec
import pytest

from companion_async.autonomy.governor import Governor
from companion_async.autonomy.settings import AutonomySettings
from companion_async.autonomy.verdict import Verdict
from tests.autonomy.governor_rig import Machine, Work, caps, govern


@pytest.mark.parametrize(("pieces", "held_back"), [(200, False), (50, True)])
def test_what_computes_for_moments_is_held_back_by_nothing(pieces: int, held_back: bool) -> None:
    """Eight threads that compute, 250 us at a time: neither a cap nor a short switch interval; a millisecond: both."""
    machine = Machine(crunch=Work(8, cpu=0.05, wait=0.0))
    governor, found = Governor(AutonomySettings()), list[Verdict]()
    for _ in range(4):
        seen = machine.run(1.0)
        modules = tuple(
            msgspec.structs.replace(module, measured_runs=module.measured_runs * pieces) for module in seen.modules
        )
        seen = msgspec.structs.replace(seen, modules=modules)
        governor.observe(seen)
        found += governor.verdicts(seen)
    assert governor.share("crunch") > 0.9
    assert bool(caps(found)) is held_back
    assert any("switch_interval" in verdict.data for verdict in found) is held_back


def test_a_cap_goes_when_the_runs_become_moments() -> None:
    """A module that was held back and computes in pieces now runs freely again, and the decision says why."""
    machine = Machine(crunch=Work(8, cpu=0.05, wait=0.0))
    governor, _ = govern(machine, 6)
    assert machine.work["crunch"].cap == 1
    machine.work["crunch"].cpu = 0.00025
    lifted = None
    for _ in range(10):
        seen, work = machine.run(1.0), machine.work["crunch"]
        work.runs += 2_000  # far more than a machine of milliseconds can show
        governor.observe(seen)
        lifted = next((one for one in governor.verdicts(seen) if one.data.get("cap", 0) is None), lifted)
    assert lifted is not None
    assert "too short" in lifted.reason
