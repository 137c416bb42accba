"""Named transactions: bound to the task or thread that began them, and to nobody else."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

from companion_async import ChangeStatus, ConflictError, InvalidArgumentError, StateCoordinator
from companion_async.state.transaction import TransactionStateError


@pytest.mark.feature("PT-10")
async def test_proposals_of_its_task_are_part_of_it_and_others_stay_outside():
    """STA-02: between begin and commit another task's change is applied by itself, and survives a rollback."""
    state = StateCoordinator({"mine": 0, "theirs": 0})

    async def other():
        assert (await state.propose_change("other", "theirs", 1)).applied
        assert state.get("mine") == 0

    state.begin_transaction("plan", module="planner")
    mine = await state.propose_change("planner", "mine", 1)
    assert mine.status is ChangeStatus.PENDING
    await asyncio.create_task(other())
    await asyncio.to_thread(state.propose, "thread", "in-thread", 1)
    assert (state.get("mine"), state.get("theirs")) == (1, 0)
    state.rollback_transaction("plan")
    assert (mine.status, mine.reason) == (ChangeStatus.LOST, "its transaction was rolled back")
    assert state.to_dict() == {"mine": 0, "theirs": 1, "in-thread": 1}
    assert (await state.propose_change("planner", "mine", 2)).applied


@pytest.mark.feature("PT-10")
async def test_committing_applies_all_at_once_or_nothing():
    """All its proposals get one version; if what it read was changed by others it has lost as a whole."""
    state = StateCoordinator({"a": 1, "b": 1})
    state.begin_transaction("t")
    first = state.propose("m", "a", state.get("a") + 1)
    second = state.propose("m", "c.d", 1, "create")
    assert state.commit_transaction("t") == 1
    assert (first.version, second.version) == (1, 1)

    state.begin_transaction("t")
    lost = state.propose("m", "a", state.get("b"))
    await asyncio.create_task(state.propose_change("other", "b", 7))
    with pytest.raises(ConflictError, match="b"):
        state.commit_transaction("t")
    assert lost.status is ChangeStatus.LOST
    assert state.to_dict() == {"a": 2, "b": 7, "c": {"d": 1}}


@pytest.mark.feature("PT-10")
async def test_what_is_impossible_in_it_is_refused_at_once():
    """A proposal that could not be applied to what the transaction sees is refused; the others are committed."""
    state = StateCoordinator({"n": 1})
    state.begin_transaction("t")
    refused = [
        state.propose("m", "n", 2, "create"),
        state.propose("m", "gone", change_type="delete"),
        state.propose("m", "n.deep", 1),
    ]
    state.propose("m", "n", 3)
    assert state.propose("m", "n", change_type="reset").status is ChangeStatus.PENDING
    state.propose("m", "extra", 1, "create")
    state.commit_transaction("t")
    assert {change.status for change in refused} == {ChangeStatus.REFUSED}
    assert state.to_dict() == {"n": 1, "extra": 1}


@pytest.mark.feature("PT-10")
async def test_names_that_are_not_open_here_are_refused():
    """STA-03: unknown, ended, another's, or open already: each with an error that says what to do."""
    state = StateCoordinator({"n": 1})
    for end in (state.commit_transaction, state.rollback_transaction):
        with pytest.raises(TransactionStateError, match="No transaction 'x' is open here"):
            end("x")
    state.begin_transaction("x")
    with pytest.raises(TransactionStateError, match="open here already"):
        state.begin_transaction("x")

    async def stranger():
        with pytest.raises(TransactionStateError, match="another task or thread"):
            state.commit_transaction("x")
        state.begin_transaction("x")  # a name is taken in its own task only
        state.propose("stranger", "s", 1)
        state.commit_transaction("x")

    await asyncio.create_task(stranger())
    state.propose("m", "n", 2)
    state.commit_transaction("x")
    with pytest.raises(TransactionStateError):
        state.commit_transaction("x")
    assert state.to_dict() == {"n": 2, "s": 1}
    names: list[Any] = ["", None, 7]
    for name in names:
        with pytest.raises(InvalidArgumentError):
            state.begin_transaction(name)


@pytest.mark.feature("PT-10")
async def test_one_inside_another_takes_the_proposals():
    """The one begun last is meant; they end in any order, each for itself."""
    state = StateCoordinator()
    state.begin_transaction("outer")
    state.propose("m", "a", 1)
    state.begin_transaction("inner")
    state.propose("m", "b", 2)
    state.rollback_transaction("inner")
    state.propose("m", "c", 3)
    assert state.to_dict() == {"a": 1, "c": 3}
    assert state.version == 0
    state.commit_transaction("outer")
    assert state.to_dict() == {"a": 1, "c": 3}


@pytest.mark.feature("PT-10")
async def test_one_that_its_task_never_ends_is_gone_with_the_task():
    """STA-04: others neither wait for it nor see anything of it."""
    state = StateCoordinator({"n": 1})

    async def forgets():
        state.begin_transaction("t")
        state.propose("m", "n", 2)
        raise ValueError

    with pytest.raises(ValueError):
        await asyncio.create_task(forgets())
    await asyncio.sleep(0)  # the loop's own handle has the task until its next turn
    gc.collect()
    assert (state.get("n"), state.status().active_transactions) == (1, 0)
    assert (await state.propose_change("m", "n", 3)).applied


@pytest.mark.feature("PT-10")
def test_threads_have_transactions_of_their_own():
    """Each thread's begin, proposals and commit are its own, under one name."""
    state = StateCoordinator()
    together = threading.Barrier(4)

    def work(number):
        state.begin_transaction("t")
        together.wait(30)
        for step in range(10):
            state.propose("m", f"thread{number}.k{step}", step)
        assert len(state.get(f"thread{number}")) == 10
        together.wait(30)
        state.commit_transaction("t")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert state.version == 4
    assert {key: len(value) for key, value in state.to_dict().items()} == {f"thread{n}": 10 for n in range(4)}


async def test_two_states_do_not_mix_their_transactions():
    """A transaction on one state says nothing about another one."""
    one, other = StateCoordinator(), StateCoordinator()
    one.begin_transaction("t")
    assert other.propose("m", "x", 1).applied
    other.begin_transaction("t")
    one.propose("m", "y", 1)
    one.commit_transaction("t")
    other.rollback_transaction("t")
    assert (one.to_dict(), other.to_dict()) == ({"y": 1}, {"x": 1})
