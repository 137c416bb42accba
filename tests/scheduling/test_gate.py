"""One gate for all runs that compute: never more inside than the processor carries, and everyone's turn comes."""

from __future__ import annotations

import asyncio
import threading

import pytest

from companion_async.scheduling.gate import Gate
from companion_async.scheduling.lane import Lane
from companion_async.testing.clock import VirtualClock
from tests.brain.rig import brain_on


def bound(gate: Gate, name: str, weight: float = 1.0) -> Lane:
    lane = Lane(name)
    gate.bind(lane, weight)
    return lane


def test_weights_add_up_to_the_limit_and_one_run_always_fits() -> None:
    """Two that compute half of their time share one processor; one that computes all the time has it alone."""
    told: list[str] = []
    gate = Gate(1.0, lambda lane, behind: told.append(lane.name + ", behind" * behind))
    whole, half, other = bound(gate, "whole"), bound(gate, "half", 0.5), bound(gate, "other", 0.6)
    assert gate.enter(half)
    assert gate.enter(other)
    assert not gate.enter(whole)
    assert gate.left(half) is True
    assert told == ["whole", "half, behind"], "who leaves while others wait goes behind them"
    gate.left(other)
    assert gate.enter(whole)
    assert not gate.enter(half)
    heavy = bound(Gate(1.0, lambda lane, behind: None), "heavy", 3.0)
    assert heavy.gate is not None
    assert heavy.gate.enter(heavy)


def test_who_goes_out_of_the_gate_lets_the_others_in() -> None:
    """Runs under way count from the moment their lane is bound, and no more once it is released."""
    told: list[str] = []
    gate = Gate(1.0, lambda lane, behind: told.append(lane.name))
    busy = Lane("busy")
    busy.running = 2
    gate.bind(busy, 0.9)
    waiting = bound(gate, "waiting")
    assert not gate.admits(waiting)
    gate.release(busy)
    assert told == ["waiting"]
    assert gate.enter(waiting)


@pytest.mark.feature("X-03")
async def test_modules_of_different_categories_share_one_processor() -> None:
    """Three modules in three categories, bound to the interpreter lock: one run at a time in the whole house, all tasks
    done, and none of the modules waits for the others to finish.
    """
    inside, most, order, lock, pause = 0, 0, list[str](), threading.Lock(), threading.Event()

    def work(name: str) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
            order.append(name)
            row = next((runs for runs, other in enumerate(reversed(order)) if other != name), len(order))
        pause.wait(min(0.001 * 2**row, 0.5))  # longer with every run in a row: on a busy machine threads begin late
        with lock:
            inside -= 1

    # On its own clock the governor never looks: it would find that these runs do not compute, and lift their caps.
    async with brain_on(VirtualClock()) as brain:
        controls = brain._assembly("test").controls
        for name, category in (("a", "core"), ("b", "phase1"), ("c", "agi")):
            await brain.register(name, work, category=category)
            controls.throttle(name, 1, 1.0)
        await asyncio.gather(*(brain.submit(name, "run", name) for _ in range(30) for name in "abc"))
        assert most == 1
        assert sorted(order) == sorted("abc" * 30)
        firsts = {name: order.index(name) for name in "abc"}
        assert max(firsts.values()) < 30, "nobody waited until another was done"
        for name in "abc":
            controls.throttle(name, None)
        assert await brain.submit("a", "run", "a") is None


@pytest.mark.feature("X-03")
@pytest.mark.parametrize("share", [None, 1.0])
async def test_coroutines_neither_count_nor_wait_where_a_module_computes_too_much(share: float | None) -> None:
    """One holds a lock and waits for a run of its own module that computes, another waits for the lock: with the module
    kept to one run at once all of them end, and it is still one thread at a time.
    """
    inside, waiting, free, busy = asyncio.Event(), asyncio.Event(), asyncio.Event(), threading.Semaphore(1)

    def compute() -> int:
        assert busy.acquire(blocking=False), "two threads of it at once"
        busy.release()
        return 1

    async with brain_on(VirtualClock(), auto_scaling=False) as brain:
        lock = asyncio.Lock()

        async def run(first: bool) -> int:
            (inside if first else waiting).set()
            async with lock:
                if first:
                    await free.wait()
                done: int = await brain.submit("module", compute)
                return done

        await brain.register("module", run)
        tasks = [brain.submit("module", "run", True)]
        await inside.wait()
        tasks.append(brain.submit("module", "run", False))
        await waiting.wait()
        controls = brain._assembly("test").controls
        controls.throttle("module", 1, share)
        free.set()
        assert await asyncio.gather(*tasks) == [1, 1]
        assert await asyncio.gather(*(brain.submit("module", compute) for _ in range(5))) == [1] * 5
        assert (controls._gate._runs, controls._gate._inside) == (0, 0.0)
