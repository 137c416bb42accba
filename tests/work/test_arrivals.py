"""Light tasks stand in line without the lock: however that falls together with everything else, none is overlooked."""

from __future__ import annotations

import asyncio
import random
import sys
import threading

import pytest

from companion_async import Brain, BrainConfig, TaskCancelledError
from companion_async.scheduling.limits import Limits
from companion_async.testing.clock import until
from tests.work.house import running

_NAMES = [f"m{number}" for number in range(5)]
_POLICIES = ["weighted_priority", "priority_first", "fair_share", "shortest_job_first", "round_robin"]


def nothing() -> None:
    return None


def a_little() -> int:
    return sum(range(30))


@pytest.fixture
def often_switching():
    """Threads take turns a thousand times as often as usual, so that they meet everywhere."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


async def mix(seed: int, clients: int, each: int) -> tuple[int, int]:
    """Clients submit to modules that are paused and reordered under them: how many ended, and were cancelled."""
    dice = random.Random(seed)
    ended = cancelled = 0
    async with running(categories={"core": 4}, queue_capacity=100_000) as brain:
        for number, name in enumerate(_NAMES):
            cap = [None, None, 1, 2, None][number]
            await brain.register(name, [nothing, a_little][number % 2], max_concurrency=cap, quota=number + 1)

        async def client() -> None:
            nonlocal ended, cancelled
            for _ in range(each):
                task = brain.submit(dice.choice(_NAMES), priority=dice.choice(["high", "medium", "medium", "low"]))
                if dice.random() < 0.02:
                    task.cancel()
                if dice.random() < 0.01:
                    trouble()
                try:
                    await task
                except TaskCancelledError:
                    cancelled += 1
                ended += 1

        def trouble() -> None:
            name = dice.choice(_NAMES)
            brain.pause(name)
            asyncio.get_running_loop().call_soon(brain.resume, name)
            brain.resize("core", dice.choice([2, 4, 6]))
            if dice.random() < 0.3:
                brain.set_policy(dice.choice(_POLICIES))

        await asyncio.gather(*(client() for _ in range(clients)))
        scheduler = brain._assembly("test").scheduler
        queue = scheduler.queues["core"]
        assert (queue.size, queue.ready) == (0, 0)
        # A thread hands over what its last run came to before it says that it has left.
        await until(lambda: scheduler.pools["core"].working == 0)
        lanes = [port for port in scheduler.ports.values() if port.queue is queue]
        assert all((lane.size, lane.running) == (0, 0) for lane in lanes)
    return ended, cancelled


@pytest.mark.feature("PS-11", "CB-12", "PE-06")
async def test_no_light_task_is_overlooked(often_switching, monkeypatch):
    """With nobody who looks again later, every one of 4,000 tasks ends and nothing is left over or counted twice."""
    monkeypatch.setattr(Limits, "watch_light", lambda self, pool: None)
    ended, cancelled = await mix(seed=1, clients=100, each=40)
    assert ended == 4000
    assert 0 < cancelled < 400


@pytest.mark.feature("PE-06")
async def test_what_ran_before_one_that_hangs_is_heard_of():
    """A thread that has claimed several light tasks together, and is held up by the last, owes nobody the others."""
    gate = threading.Event()
    async with Brain(BrainConfig(categories={"core": 1}, max_threads=1)) as brain:
        await brain.register("work", lambda wait=bool: wait(), category="core")
        target = brain._assembly("test").scheduler.ports["work"].targets["run"]
        target.runs, target.average, target.light = 1000, 1e-6, True
        brain.pause("work")
        tasks = [brain.submit("work", "run", *args) for args in ((), (), (gate.wait,))]
        brain.resume("work")
        try:
            async with asyncio.timeout(30):
                assert [await task for task in tasks[:2]] == [False, False]
            assert not tasks[2].done()
        finally:
            gate.set()
        assert await tasks[2]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
async def test_no_light_task_is_overlooked_in_many_mixes(seed, often_switching, monkeypatch):
    """The same for 20 mixes of 20,000 tasks."""
    monkeypatch.setattr(Limits, "watch_light", lambda self, pool: None)
    ended, _ = await mix(seed, clients=100, each=200)
    assert ended == 20_000
