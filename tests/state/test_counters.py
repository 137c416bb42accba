"""Counters in the state, added to by threads and coroutines at once: no addition is lost, none is counted twice."""

from __future__ import annotations

import asyncio
import random
from functools import partial

import pytest

from companion_async import Brain, BrainConfig

THREADS, COROUTINES, COUNTERS = 8, 200, 16


async def count(additions):
    """Have 8 worker threads and 200 coroutines of a brain make so many additions; the state and what was asked for."""
    config = BrainConfig(categories={"core": THREADS}, default_timeout=None)
    share = additions // (THREADS + COROUTINES)
    expected = [0] * COUNTERS
    seeds = random.Random(7)
    plans = []
    for _ in range(THREADS + COROUTINES):
        plan = [(seeds.randrange(COUNTERS), seeds.randrange(1, 4)) for _ in range(share)]
        for counter, amount in plan:
            expected[counter] += amount
        plans.append(plan)

    async with Brain(config) as brain:
        state = brain.state

        def add(transaction, counter, amount):
            path = f"counters.c{counter}"
            transaction.set(path, transaction.get(path, 0) + amount)
            transaction.set("total", transaction.get("total", 0) + amount)

        def in_thread(plan):
            for counter, amount in plan:
                state.transact(partial(add, counter=counter, amount=amount), attempts=1_000_000)

        async def on_loop(plan):
            for counter, amount in plan:
                await state.run_transaction(partial(add, counter=counter, amount=amount), attempts=1_000_000)
                await asyncio.sleep(0)

        await brain.register("counter", in_thread, category="core")
        tasks = [brain.submit("counter", "run", plan) for plan in plans[:THREADS]]
        await asyncio.gather(*(on_loop(plan) for plan in plans[THREADS:]))
        for task in tasks:
            await task
        return state, expected, share * (THREADS + COROUTINES)


def check(state, expected, additions):
    counters = state.get("counters")
    assert [counters[f"c{number}"] for number in range(COUNTERS)] == expected
    assert state.get("total") == sum(expected)
    assert state.version == state.get_metrics().transactions == additions


@pytest.mark.feature("PT-10", "PT-08")
async def test_threads_and_coroutines_lose_no_addition():
    """8 threads and 200 coroutines, 4,000 additions in transactions over two counters each: every total is exact."""
    check(*await count(4160))


@pytest.mark.slow
@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.feature("PT-10", "PT-08")
async def test_a_million_additions_are_exact():
    """The same a million times over."""
    check(*await count(1_000_064))
