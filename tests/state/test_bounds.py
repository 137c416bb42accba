"""Bounds: whoever is slow or forgets costs so much and no more, and is told."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from companion_async import ChangeStatus, InvalidArgumentError, StateCoordinator
from companion_async.state import announcer, batch
from companion_async.state.transaction import TransactionStateError
from companion_async.testing.clock import settle, until


def in_thread(work, *args):
    thread = threading.Thread(target=work, args=args)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.feature("PT-11")
async def test_a_loop_that_is_held_up_has_so_many_commits_before_it(monkeypatch):
    """T6: beyond the bound the oldest are told to nobody, and that is counted; the newest come in order."""
    monkeypatch.setattr(announcer, "OUTBOX", 10)
    state, heard = StateCoordinator(), list[Any]()
    state.subscribe_to_path("m", "n", lambda changes: heard.append(changes[0].version))
    in_thread(lambda: [state.propose("m", "n", number) for number in range(25)])
    await settle()
    assert heard == list(range(16, 26))
    assert state.get_metrics().dropped == 15


@pytest.mark.feature("PT-11")
async def test_a_flood_of_commits_leaves_the_loop_its_turns(monkeypatch):
    """What threads have committed is told in portions: other callbacks of the loop run in between."""
    monkeypatch.setattr(announcer, "_COMMITS_PER_TURN", 10)
    state, order = StateCoordinator(), list[Any]()
    state.subscribe_to_path("m", "n", lambda changes: order.append(changes[0].version))
    in_thread(lambda: [state.propose("m", "n", number) for number in range(25)])

    def turn():
        order.append("turn")
        if len(order) < 30 and order.count("turn") < 10:
            asyncio.get_running_loop().call_soon(turn)

    turn()
    await until(lambda: 25 in order)
    told = [each for each in order if each != "turn"]
    assert told == list(range(1, 26))
    assert "turn" in order[order.index(1) : order.index(25)]


@pytest.mark.feature("PT-06")
def test_changes_that_nobody_decides_are_refused_at_a_bound(monkeypatch):
    """What waits is kept; what comes too much is refused with what to do; after it was decided there is room again."""
    monkeypatch.setattr(batch, "MOST_PENDING", 3)
    state = StateCoordinator(sync_policy="on_demand")
    changes = [state.propose("m", f"k{number}", number) for number in range(4)]
    assert [change.status for change in changes] == [ChangeStatus.PENDING] * 3 + [ChangeStatus.REFUSED]
    assert "call apply_changes()" in changes[3].reason
    state.apply()
    assert state.to_dict() == {"k0": 0, "k1": 1, "k2": 2}
    assert state.propose("m", "k3", 3).status is ChangeStatus.PENDING


@pytest.mark.feature("PT-10")
async def test_a_named_transaction_that_was_forgotten_does_not_swallow_what_follows(virtual_clock):
    """STA-04: once its time is over, the next call that would have been part of it says so, and the one after that
    stands for itself.
    """
    state = StateCoordinator({"n": 0}, clock=virtual_clock, transaction_ttl=60.0)
    state.begin_transaction("t")
    swallowed = state.propose("m", "n", 1)
    await virtual_clock.advance(59.9)
    assert state.propose("m", "n", 2).status is ChangeStatus.PENDING
    await virtual_clock.advance(0.2)
    with pytest.raises(TransactionStateError, match="not ended in time"):
        state.propose("m", "n", 3)
    assert (swallowed.status, state.status().active_transactions) == (ChangeStatus.LOST, 0)
    assert state.propose("m", "n", 4).applied
    assert (state.get("n"), state.get_metrics().rollbacks) == (4, 1)
    state.begin_transaction("t")
    await virtual_clock.advance(61.0)
    with pytest.raises(TransactionStateError, match="not ended in time"):
        state.commit_transaction("t")
    assert state.get("n") == 4
    with pytest.raises(InvalidArgumentError, match="transaction_ttl"):
        StateCoordinator(transaction_ttl=0)


def test_many_merges_above_many_changes_take_no_square_of_time():
    """A batch of 4,000 merges of one mapping and 4,000 changes below it is decided at once."""
    state, count = StateCoordinator(sync_policy="on_demand"), 4000
    merges = [state.propose("m", "a", {f"k{number}": {}}, "merge") for number in range(count)]
    below = [state.propose("n", f"a.k{number}.x", number) for number in range(count)]
    state.register_conflict_resolver("many", "custom", lambda changes: list(changes))
    many = [state.propose("o", "many", number) for number in range(count)]
    state.apply()
    assert all(change.applied for change in (*merges, *below, *many))
    assert (len(state.get("a")), state.get("a.k7.x")) == (count, 7)


def test_pictures_can_be_taken_while_threads_begin_transactions():
    """The status counts open transactions while eight threads make and forget them."""
    state, stop = StateCoordinator(), threading.Event()
    errors = []

    def begin():
        kept = []
        while not stop.is_set():
            kept.append(state.transaction())
            if len(kept) > 50:
                kept.clear()

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(300):
            state.status()
    except RuntimeError as error:
        errors.append(error)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert errors == []
    assert state.status().active_transactions == 0
