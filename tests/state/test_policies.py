"""Policies: when pending changes are decided, on time that the test owns."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from companion_async import BrainClosedError, ChangeStatus, StateCoordinator, SyncPolicy
from companion_async.testing.clock import settle, until

PENDING, APPLIED = ChangeStatus.PENDING, ChangeStatus.APPLIED


@pytest.mark.feature("PT-06")
async def test_on_demand_nothing_happens_by_itself(virtual_clock):
    """What is proposed is pending, invisible, and applied in one commit when it is asked for."""
    async with StateCoordinator(sync_policy="on_demand", clock=virtual_clock) as state:
        changes = [await state.propose_change("m", f"k{number}", number) for number in range(50)]
        await virtual_clock.advance(3600)
        assert {change.status for change in changes} == {PENDING}
        assert (state.to_dict(), state.version, state.status().pending) == ({}, 0, 50)
        await state.apply_changes()
        assert {change.status for change in changes} == {APPLIED}
        assert (state.version, state.status().pending, virtual_clock.pending) == (1, 0, 0)


@pytest.mark.feature("PT-04")
async def test_a_full_batch_is_decided_at_once(virtual_clock):
    """The change that makes it full is applied when its call returns; the next one begins a batch of its own."""
    async with StateCoordinator(sync_policy=SyncPolicy.BATCHED, batch_size=3, clock=virtual_clock) as state:
        changes = [state.propose("m", f"k{number}", number) for number in range(4)]
        assert [change.status for change in changes] == [APPLIED, APPLIED, APPLIED, PENDING]
        assert [change.version for change in changes] == [1, 1, 1, None]


@pytest.mark.feature("PT-04")
async def test_a_batch_that_does_not_fill_is_decided_in_time(virtual_clock):
    """The oldest waits ``sync_interval`` and no longer; a batch that filled leaves no timer behind."""
    async with StateCoordinator(sync_policy="batched", batch_size=3, sync_interval=2.0, clock=virtual_clock) as state:
        first = state.propose("m", "a", 1)
        await virtual_clock.advance(1.5)
        second = state.propose("m", "b", 2)
        assert (first.status, second.status) == (PENDING, PENDING)
        await virtual_clock.advance(0.5)
        assert (first.version, second.version) == (1, 1)
        assert virtual_clock.pending == 0
        for number in range(3):
            state.propose("m", f"k{number}", number)
        assert virtual_clock.pending == 0
        third = state.propose("m", "c", 3)
        await virtual_clock.advance(1.9)
        assert third.status is PENDING
        await virtual_clock.advance(0.1)
        assert third.applied


@pytest.mark.feature("PT-05")
async def test_periodic_changes_are_decided_at_the_beats(virtual_clock):
    """Whatever was proposed since the last beat goes together; with nothing pending there is no timer at all."""
    async with StateCoordinator(sync_policy="periodic", sync_interval=2.0, clock=virtual_clock) as state:
        await virtual_clock.advance(3.0)
        assert virtual_clock.pending == 0
        changes = [state.propose("m", f"k{number}", number) for number in range(20)]
        await virtual_clock.advance(0.9)
        assert {change.status for change in changes} == {PENDING}
        await virtual_clock.advance(0.1)
        assert {change.version for change in changes} == {1}
        late = state.propose("m", "late", 1)
        await virtual_clock.advance(1.9)
        assert late.status is PENDING
        await virtual_clock.advance(0.1)
        assert late.applied


@pytest.mark.feature("PT-04", "PT-05", "PT-06")
@pytest.mark.parametrize("policy", ["batched", "periodic", "on_demand"])
async def test_what_is_pending_is_decided_at_the_end(policy, virtual_clock):
    """STA-10: a change that was acknowledged as pending is not lost with the state; subscribers are told of it."""
    told: list[Any] = []
    async with StateCoordinator(sync_policy=policy, clock=virtual_clock) as state:
        state.subscribe_to_path("m", "a", told.extend)

        async def tell(changes):
            await asyncio.sleep(0)
            told.extend(changes)

        state.subscribe_to_path("m", "a", tell)
        change = state.propose("m", "a", 1)
        assert change.status is PENDING
    assert change.applied
    assert told == [change, change]
    assert (state.get("a"), virtual_clock.pending) == (1, 0)


@pytest.mark.feature("PT-04")
async def test_threads_propose_into_the_same_batch(virtual_clock):
    """A thread's change has the loop's timer set, or fills the batch and is decided in that thread."""
    async with StateCoordinator(sync_policy="batched", batch_size=2, clock=virtual_clock) as state:
        told_on = []
        state.subscribe_to_path("m", "*", lambda changes: told_on.append(threading.current_thread()))
        first = await asyncio.to_thread(state.propose, "m", "a", 1)
        await settle()
        assert (first.status, virtual_clock.pending) == (PENDING, 1)
        await virtual_clock.advance(1.0)
        assert first.applied
        pair = [await asyncio.to_thread(state.propose, "m", name, 1) for name in "bc"]
        assert [change.status for change in pair] == [APPLIED, APPLIED]
        await until(lambda: len(told_on) == 2)
        assert set(told_on) == {threading.main_thread()}


@pytest.mark.feature("PT-06")
def test_two_threads_that_apply_decide_each_change_once():
    """While one thread's resolver runs, another decides the same batch: one of them does, and nothing is lost."""
    state = StateCoordinator(sync_policy="on_demand")
    inside, go_on = threading.Event(), threading.Event()
    calls = []

    def slow(changes):
        calls.append(threading.current_thread())
        if threading.current_thread() is not threading.main_thread():
            inside.set()
            assert go_on.wait(30)
        return changes[-1]

    state.register_conflict_resolver("x", "custom", slow)
    changes = [state.propose("m", "x", number) for number in range(3)]
    thread = threading.Thread(target=state.apply)
    thread.start()
    assert inside.wait(30)
    state.apply()
    assert changes[-1].applied
    later = state.propose("m", "y", 1)
    go_on.set()
    thread.join(30)
    assert len(calls) == 2
    assert (state.version, later.status, state.to_dict()) == (1, PENDING, {"x": 2})
    assert state.get_metrics().lost == 2


@pytest.mark.feature("PT-04")
async def test_what_a_subscriber_proposes_at_the_end_is_decided_too():
    """Its answer to the last batch is a batch of its own; the answer to that one is refused by an error."""
    state = StateCoordinator(sync_policy="on_demand")
    answers: list[Any] = []

    def answer(changes):
        answers.append(state.propose("m", f"{changes[0].path}x", 1))

    async with state:
        subscription = state.subscribe_to_path("m", "*", answer)
        state.propose("m", "a", 1)
    assert (state.to_dict(), state.status().pending) == ({"a": 1, "ax": 1}, 0)
    assert [change.status for change in answers] == [APPLIED]
    assert subscription.errors == 1


@pytest.mark.feature("PT-04")
async def test_no_thread_is_told_pending_for_ever():
    """Threads propose while the state is left: each change is decided or refused by an error, none stays pending."""
    proposed: list[Any] = []
    refused = []

    def work(state, number):
        try:
            while True:
                proposed.append(state.propose("m", f"k{number}", 1))
        except BrainClosedError as error:
            refused.append(error)

    async with StateCoordinator(sync_policy="periodic", sync_interval=3600) as state:
        threads = [threading.Thread(target=work, args=(state, number)) for number in range(4)]
        for thread in threads:
            thread.start()
        await until(lambda: len(proposed) > 1000)
    for thread in threads:
        thread.join(30)
    assert len(refused) == 4
    assert PENDING not in {change.status for change in proposed}
    assert state.status().pending == 0
