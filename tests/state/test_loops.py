"""The state and event loops: told on its own one, without one by whoever commits, and alive when it has gone."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from companion_async import StateCoordinator
from companion_async.testing.clock import until


@pytest.mark.feature("PT-11")
def test_without_a_loop_the_committing_thread_tells():
    """One thread at a time, in commit order, each commit once, whichever of eight threads it was."""
    state, heard, busy = StateCoordinator(), [], threading.Lock()

    def callback(changes):
        assert busy.acquire(blocking=False)
        heard.append(changes[0].version)
        busy.release()

    subscription = state.subscribe_to_path("m", "*", callback)
    threads = [
        threading.Thread(target=lambda name=f"t{n}": [state.propose("m", name, k) for k in range(100)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert subscription.errors == 0
    assert heard == list(range(1, 801))


@pytest.mark.parametrize("policy", ["immediate", "periodic"])
def test_a_state_outlives_its_loop(policy):
    """Between two runs of its loop what is to be told waits. Once it has closed nobody is told, and all else works."""
    told: list[Any] = []
    loop = asyncio.new_event_loop()

    async def make():
        state = StateCoordinator(sync_policy=policy, sync_interval=0.001)
        state.subscribe_to_path("m", "n", told.extend)

        async def tell(changes):
            told.extend(changes)

        state.subscribe_to_path("m", "n", tell)
        return state

    state = loop.run_until_complete(make())
    change = state.propose("m", "n", 1)
    assert told == []
    loop.run_until_complete(until(lambda: len(told) == 2))
    assert told == [change, change]
    loop.close()
    state.propose("m", "n", 2)
    state.apply()
    assert (state.get("n"), len(told)) == (2, 2)
