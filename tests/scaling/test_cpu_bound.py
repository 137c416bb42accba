"""Work that computes gets no more threads than the interpreter lock can carry, and the decision says so."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest

from companion_async import Brain
from companion_async.testing.clock import until
from tests.brain.rig import brain_on, types


def compute(seconds: float) -> None:
    """Use the processor for that long, by the thread's own clock."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(100))


async def keep_busy(brain: Brain, module: str, lanes: int, stop: asyncio.Event, *args: object) -> None:
    """As many runs at once, each followed by the next."""

    async def lane() -> None:
        while not stop.is_set():
            await brain.submit(module, "run", *args)

    await asyncio.gather(*(lane() for _ in range(lanes)))


@pytest.mark.slow  # it measures real processor time, which other programs on the machine can take away
@pytest.mark.feature("CB-F4")
@pytest.mark.asyncio(loop_factories=["uvloop"])  # asyncio runs in debug mode here, and would compute more than the work
async def test_computing_is_capped_and_waiting_is_not() -> None:
    """A module that computes in six threads is capped with a throttle_cpu_bound decision, its verdict shows in its
    status, the interpreter hands over sooner meanwhile; one that only waits keeps its threads. All is put back after.
    """
    usual, stop = sys.getswitchinterval(), asyncio.Event()
    async with brain_on(decision_interval=1.0, health_interval=0.5) as brain:
        await brain.register("computes", compute, category="core")
        await brain.register("waits", time.sleep, category="agi")
        work = asyncio.gather(keep_busy(brain, "computes", 6, stop, 0.01), keep_busy(brain, "waits", 6, stop, 0.01))
        await until(lambda: any("cap" in decision.data for decision in types(brain, "throttle_cpu_bound")))
        capped = [decision for decision in types(brain, "throttle_cpu_bound") if "cap" in decision.data]
        assert {decision.context for decision in capped} == {"computes"}
        assert capped[0].applied
        assert capped[0].data["cap"] < 6
        assert "CPU-bound" in capped[0].reason
        status = brain.module_status("computes")
        assert status.cpu_bound > 0.5
        cap = status.cpu_cap
        assert cap is not None
        assert cap == capped[-1].data["cap"]
        assert brain.module_status("waits").cpu_cap is None
        assert brain.module_status("waits").cpu_bound < 0.5
        await until(lambda: brain.module_status("computes").running <= cap)
        for _ in range(30):
            await brain.submit("waits", "run", 0.001)
            assert brain.module_status("computes").running <= cap
        assert sys.getswitchinterval() < usual
        stop.set()
        await work
    assert sys.getswitchinterval() == usual
