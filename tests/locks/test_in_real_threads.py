"""Real threads and a real loop on the same locks: histories that some order explains, and exact sums."""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import threading
from typing import Any, NamedTuple

import pytest

from companion_async import AccessMode, Brain, BrainConfig, ResourceType, current_task
from tests.locks.clients import READ, WRITE, coordinator


class Op(NamedTuple):
    """One read or write of a register: when it was asked for, when it came back, and what was read or written."""

    begun: int
    ended: int
    writes: bool
    value: int


def in_some_order(history: list[Op]) -> bool:
    """Whether there is an order of the operations, true to time, in which each read sees the last write (after Wing
    and Gong: try every operation that nothing else has ended before).
    """

    def place(left: frozenset[Op], value: int) -> bool:
        if not left:
            return True
        first_end = min(op.ended for op in left)
        return any(
            place(left - {op}, op.value if op.writes else value)
            for op in left
            if op.begun < first_end and (op.writes or op.value == value)
        )

    return place(frozenset(history), 0)


def test_the_check_of_histories_finds_one_that_cannot_be():
    """Two reads one after the other must not see new, then old."""
    write = Op(0, 9, True, 7)
    assert in_some_order([write, Op(1, 2, False, 0), Op(3, 4, False, 7)])
    assert not in_some_order([write, Op(1, 2, False, 7), Op(3, 4, False, 0)])


@pytest.mark.feature("PR-02", "PR-03", "PR-07")
async def test_histories_of_threads_and_coroutines_are_linearizable():
    """Two threads and two coroutines read and write a register of two halves under the lock, two operations each."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for seed in range(40):
            made, ticks, register, history = coordinator(), itertools.count(), [0, 0], list[Op]()
            dice = random.Random(seed)
            plans = [[(dice.random() < 0.5, 10 * client + number + 1) for number in range(2)] for client in range(4)]

            def use(writes: bool, value: int) -> int:
                if writes:
                    register[0] = value  # noqa: B023
                    register[1] = value  # noqa: B023
                else:
                    value, other = register  # noqa: B023
                    assert value == other
                return value

            def thread(plan: Any) -> None:
                for writes, value in plan:
                    begun = next(ticks)  # noqa: B023
                    with made.acquire_context("memory", WRITE if writes else READ):  # noqa: B023
                        seen = use(writes, value)
                    history.append(Op(begun, next(ticks), writes, seen))  # noqa: B023

            async def coroutine(plan: Any) -> None:
                for writes, value in plan:
                    begun = next(ticks)  # noqa: B023
                    async with made.acquire_context("memory", WRITE if writes else READ):  # noqa: B023
                        await asyncio.sleep(0)
                        seen = use(writes, value)
                    history.append(Op(begun, next(ticks), writes, seen))  # noqa: B023

            threads = [threading.Thread(target=thread, args=(plan,)) for plan in plans[:2]]
            for one in threads:
                one.start()
            await asyncio.gather(*(coroutine(plan) for plan in plans[2:]))
            for one in threads:
                one.join()
            assert len(history) == 8
            assert in_some_order(history), history
    finally:
        sys.setswitchinterval(usual)


async def mix(operations: int) -> None:
    """Eight worker threads and 200 coroutines count on two locks in nested order, in all modes; every sum is exact."""
    modes = [AccessMode.READ, AccessMode.WRITE, AccessMode.EXCLUSIVE]
    async with Brain(BrainConfig(categories={"core": 8}, lock_timeout=300.0, default_timeout=None)) as brain:
        counters = {name: [0] for name in ("a", "b")}
        for name, counter in counters.items():
            brain.resources.register_resource(name, counter, ResourceType.COMPUTATION)
        acquire = brain.resources.acquire_context
        written = dict.fromkeys(counters, 0)
        lock = threading.Lock()

        def account(seen: dict[str, int]) -> None:
            with lock:
                for name, count in seen.items():
                    written[name] += count

        def in_thread(seed: int, count: int) -> None:
            dice, mine = random.Random(seed), dict.fromkeys(counters, 0)
            for number in range(count):
                mode, name = dice.choice(modes), dice.choice("ab")
                with acquire(name, mode) as counter:
                    before = counter[0]
                    if mode is not AccessMode.READ:
                        counter[0] = before + 1
                        mine[name] += 1
                    else:
                        assert counter[0] == before
                if number % 256 == 0:
                    current_task().check_cancelled()
            account(mine)

        async def on_loop(seed: int, count: int) -> None:
            dice, mine = random.Random(seed), dict.fromkeys(counters, 0)
            for number in range(count):
                mode, name = dice.choice(modes), dice.choice("ab")
                async with acquire(name, mode) as counter:
                    before = counter[0]
                    if number % 8 == 0:
                        await asyncio.sleep(0)
                    if mode is not AccessMode.READ:
                        counter[0] = before + 1
                        mine[name] += 1
                    else:
                        assert counter[0] == before
            account(mine)

        half, threads, coroutines = operations // 2, 8, 200
        works = [brain.submit("category:core", in_thread, seed, half // threads) for seed in range(threads)]
        await asyncio.gather(*(on_loop(1000 + seed, half // coroutines) for seed in range(coroutines)), *works)
        assert {name: counter[0] for name, counter in counters.items()} == written
        metrics = brain.resources.get_coordinator_metrics()
        done = half // threads * threads + half // coroutines * coroutines
        assert (metrics.requests, metrics.acquisitions, metrics.held, metrics.waiting) == (done, done, 0, 0)
        assert (metrics.timeouts, metrics.deadlocks, metrics.cancelled) == (0, 0, 0)


@pytest.mark.feature("PR-03", "PR-08")
async def test_threads_and_coroutines_together_count_exactly():
    """Eight threads, two hundred coroutines, four thousand operations."""
    await mix(4_000)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.feature("PR-03", "PR-08")
async def test_a_million_operations_count_exactly():
    """The same with a million."""
    await mix(1_000_000)
