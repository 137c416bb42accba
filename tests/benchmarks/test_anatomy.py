"""The guard on what one task costs, in operations: the same in every run, whatever the machine does meanwhile."""

from __future__ import annotations

import asyncio
import sys

import pytest

from benchmarks import loops
from benchmarks.anatomy import STEPS, TASKS, CountingClock, Tracer, count, durations, per_task
from benchmarks.contender import nothing
from companion_async import Brain, BrainConfig
from companion_async.testing.clock import until

# What was counted, and a hair more. Whoever makes a step shorter lowers its line; whoever has to make one longer says
# in the commit what the task gets for it.
MOST = {
    "submit": (306, 4.05),
    "wait": (51, 2.0),
    "run": (145, 0.95),
    "deliver": (174, 0.75),
    "resume": (12, 1.0),
}
ALONE = (457, 7)  # a submission while the thread sleeps; by way of the queue it was 593 and 17


@pytest.mark.feature("PF-7")
def test_a_task_takes_no_more_operations_than_it_did():
    """Bytecodes and calls of each step of a light task, on the loop and in its thread. Other versions than 3.11 compile
    to other bytecodes, so that there the calls alone are held.
    """
    counted = per_task(asyncio.run(count()))
    assert list(counted) == list(STEPS)
    for step, (bytecodes, calls) in MOST.items():
        assert counted[step].calls <= calls, step
        if sys.version_info[:2] == (3, 11):
            assert counted[step].bytecodes <= bytecodes, step


@pytest.mark.feature("PF-7")
def test_a_call_that_comes_alone_passes_the_queue_by():
    """With the thread asleep and nothing waiting: the way of a submission up to the waking, no step longer."""

    async def submitted() -> Tracer:
        tracer = Tracer()
        config = BrainConfig(categories={"core": 1}, max_threads=1)
        async with Brain(config, clock=CountingClock(), seed=1) as brain:
            await brain.register("work", nothing, category="core")
            for _ in range(100):
                await brain.submit("work")  # until it is known to be light
            pool = brain._assembly("anatomy").scheduler.pools["core"]
            await until(lambda: pool.parked == 1)
            tracer.begin()
            task = brain.submit("work")
            tracer.end()
            await task
        return tracer

    counted = asyncio.run(submitted())
    names = {code.co_qualname for code in counted.calls}
    assert "Queue.pass_through" in names
    assert not names & {"Queue.push", "Queue.append", "Queue.settle"}
    assert counted.calls.total() <= ALONE[1]
    if sys.version_info[:2] == (3, 11):
        assert counted.bytecodes.total() <= ALONE[0]


@pytest.mark.feature("PF-7")
def test_the_count_does_not_depend_on_the_run_or_on_the_loop():
    """Otherwise no bound on it would hold anything."""
    first, second = (per_task(loops.run(loop, count(200)), 200) for loop in ("asyncio", loops.available()[-1]))
    assert first == second


def test_the_trace_that_was_there_is_there_again():
    """A debugger or a measurement of coverage goes on after the count."""
    seen: list[str] = []

    def trace(frame, event, argument):
        seen.append(frame.f_code.co_name)

    def called():
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        asyncio.run(count(20))
        seen.clear()
        called()
    finally:
        sys.settrace(before)
    assert seen == ["called"]


def test_every_step_is_timed():
    """Once for all tasks of a round, each in nanoseconds."""
    taken = asyncio.run(durations(tasks=50, rounds=2))
    assert list(taken) == list(STEPS)
    assert all(0 < one < 1e9 / TASKS for one in taken.values())
