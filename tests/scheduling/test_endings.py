"""What those who look at the sizes of categories are told of runs that have ended."""

from __future__ import annotations

import pytest

from companion_async.testing.clock import VirtualClock
from tests.brain.rig import brain_on


@pytest.mark.parametrize(
    ("light", "measured", "run", "cpu", "told"),
    [
        (False, True, 0.004, 5e-5, (0.004, 5e-5)),
        (True, True, 0.004, 5e-5, (5e-5, 5e-5)),  # it waited for the interpreter
        (True, True, 0.5, 5e-5, (0.5, 5e-5)),  # that long it does not
        (True, True, 0.004, None, (0.004, None)),
        (True, False, 0.004, None, None),  # of a sample, those that took long are none
    ],
)
async def test_sizes_are_judged_by_a_fair_sample_and_not_by_waiting_for_the_interpreter(
    light: bool, measured: bool, run: float, cpu: float | None, told: tuple[float, float | None] | None
) -> None:
    """Otherwise work of microseconds would be given more and more threads to wait with, the more there are."""
    clock = VirtualClock(start=10.0)
    async with brain_on(clock) as brain:
        await brain.register("m", lambda: None, category="core")
        brain.pause("m")
        task = brain.submit("m")
        scheduler = brain._assembly("test").scheduler
        pool = scheduler.pools["core"]
        with pool.lock:
            assert scheduler.queues["core"].discard(task)
        task.started, task.light, task.measured = 10.0, light, measured
        scheduler.endings.deliver((task, None, None, 10.0 + run, cpu))
        assert task.done()
        assert (pool.submitted, task.result()) == (1, None)
        found = [(module, round(wall, 9), used) for module, _, wall, used in pool.measured]
        assert found == ([] if told is None else [("m", *told)])
