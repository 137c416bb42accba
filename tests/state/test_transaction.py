"""Transactions: all or nothing, as if alone, and refused when they were not."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

import anyio
import pytest

from companion_async import ConflictError, InvalidPathError, StateCoordinator, WrongThreadError
from companion_async.state.transaction import TransactionStateError


@pytest.fixture
def state() -> StateCoordinator:
    return StateCoordinator({"a": 1, "b": 1, "group": {"x": 1, "y": 2}})


@pytest.mark.feature("PT-10", "X-07")
async def test_it_reads_one_moment_and_its_own_writes(state):
    """What others commit meanwhile is not seen, what it writes itself is, and nobody else sees that before the end."""
    async with state.transaction() as transaction:
        transaction.set("group.z", 3)
        transaction.delete("group.x")
        state.propose("other", "b", 5)
        assert transaction.get("b") == 1
        assert transaction.get("group") == {"y": 2, "z": 3}
        assert transaction.get("group.x", "gone") == "gone"
        assert state.get("group") == {"x": 1, "y": 2}
        transaction.merge("group", {"y": 9})
        assert transaction.get("group.y") == 9
        transaction.rollback()
    async with state.transaction() as transaction:
        transaction.set("group.z", 3)
        transaction.delete("group.x")
        transaction.delete("never.there")
    assert state.to_dict() == {"a": 1, "b": 5, "group": {"y": 2, "z": 3}}


@pytest.mark.feature("PT-10")
async def test_all_of_it_is_one_commit(state):
    """Its changes have one version, come to subscribers together, and stand in the history under its module."""
    told: list[Any] = []
    state.subscribe_to_path("m", "*", told.append)
    async with state.transaction("planner") as transaction:
        transaction.set("a", 2)
        transaction.set("b", transaction.get("a") + 1)
    assert state.version == 1
    assert [[(change.path, change.new_value) for change in changes] for changes in told] == [[("a", 2), ("b", 3)]]
    assert [(change.module, change.version) for change in state.history()] == [("planner", 1), ("planner", 1)]


@pytest.mark.feature("PT-10")
@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError, KeyboardInterrupt])
async def test_an_error_in_the_block_leaves_nothing(state, error):
    """CAN-08: the error comes out as it is, and the state is the same root as before."""
    before = state._store.head
    with pytest.raises(error):
        async with state.transaction() as transaction:
            transaction.set("a", 2)
            raise error
    assert state._store.head is before
    assert state.get_metrics().rollbacks == 1


@pytest.mark.feature("PT-10")
async def test_a_cancelled_block_leaves_nothing(state):
    """CAN-08: cancelled between a write and the commit it is rolled back, and the next one is not hindered."""
    with anyio.move_on_after(0):
        async with state.transaction() as transaction:
            transaction.set("a", 2)
            await anyio.sleep_forever()
    assert (state.get("a"), state.version, state.status().active_transactions) == (1, 0, 0)
    async with state.transaction() as transaction:
        transaction.set("a", 3)
    assert state.get("a") == 3


READS_AND_WRITES = {
    "lost update": (lambda tx: tx.set("a", tx.get("a") + 1), lambda state: state.propose("o", "a", 9), ("a",)),
    "write skew": (
        lambda tx: tx.set("a", tx.get("a") + tx.get("b")),
        lambda state: state.propose("o", "b", 9),
        ("b",),
    ),
    "phantom": (
        lambda tx: tx.set("count", len(tx.get("group"))),
        lambda state: state.propose("o", "group.z", 9),
        ("group",),
    ),
    "phantom deleted": (
        lambda tx: tx.set("count", len(tx.get("group"))),
        lambda state: state.propose("o", "group.x", change_type="delete"),
        ("group",),
    ),
    "read of nothing": (
        lambda tx: tx.set("made", tx.get("new") is None),
        lambda state: state.propose("o", "new", 1),
        ("new",),
    ),
    "read under nothing": (
        lambda tx: tx.set("made", tx.get("new.deep.x") is None),
        lambda state: state.propose("o", "new", {"deep": {"x": 1}}),
        ("new.deep.x",),
    ),
    "read from above": (
        lambda tx: tx.set("sum", tx.get("group.x")),
        lambda state: state.propose("o", "group", {"x": [1]}),
        ("group.x",),
    ),
    "read of everything": (
        lambda tx: tx.set("count", len(tx.to_dict())),
        lambda state: state.propose("o", "new", 1),
        ("*",),
    ),
    "read around its own write": (
        lambda tx: (tx.set("group.own", 1), tx.set("count", len(tx.get("group")))),
        lambda state: state.propose("o", "group.x", 9),
        ("group",),
    ),
    "delete of what went": (
        lambda tx: tx.delete("group.x"),
        lambda state: state.propose("o", "group.x", change_type="delete"),
        ("group.x",),
    ),
    "delete of what came": (
        lambda tx: (tx.delete("new"), tx.set("a", 2)),
        lambda state: state.propose("o", "new", 1),
        ("new",),
    ),
    "way blocked": (
        lambda tx: tx.set("group.x2.deep", 1),
        lambda state: state.propose("o", "group.x2", 1),
        ("group.x2.deep",),
    ),
    "merge blocked": (
        lambda tx: tx.merge("group", {"z": 1}),
        lambda state: state.propose("o", "group", 1),
        ("group",),
    ),
}


@pytest.mark.feature("PT-10", "X-07")
@pytest.mark.parametrize("name", READS_AND_WRITES)
def test_whoever_read_what_then_changed_has_lost(state, name):
    """STA-01: no lost update, write skew, phantom or read skew is committed; the error names what had been read."""
    work, interference, paths = READS_AND_WRITES[name]
    with state.transaction() as quiet:
        work(quiet)
    fresh = StateCoordinator({"a": 1, "b": 1, "group": {"x": 1, "y": 2}})
    transaction = fresh.transaction()
    work(transaction)
    assert interference(fresh).applied
    between = fresh._store.head
    with pytest.raises(ConflictError) as raised:
        transaction.commit()
    assert raised.value.paths == paths
    assert fresh._store.head is between
    assert (fresh.get_metrics().transactions_lost, transaction.open) == (1, False)


@pytest.mark.feature("PT-10")
@pytest.mark.parametrize(
    ("work", "interference"),
    [
        (lambda tx: tx.set("a", tx.get("a") + 1), lambda state: state.propose("o", "b", 9)),
        (lambda tx: tx.set("a", tx.get("group.x")), lambda state: state.propose("o", "group.y", 9)),
        (lambda tx: tx.set("group.z", 1), lambda state: state.propose("o", "group.x", 9)),
        (lambda tx: tx.set("a", 2), lambda state: state.propose("o", "a", 9)),
        (lambda tx: tx.merge("group", {"z": 1}), lambda state: state.propose("o", "group.x", 9)),
        (lambda tx: tx.delete("group.x"), lambda state: state.propose("o", "group.x", 9)),
        (
            lambda tx: (tx.set("group", {"own": 1}), tx.set("n", tx.get("group.own"))),
            lambda state: state.propose("o", "group.x", 9),
        ),
        (lambda tx: tx.get("a"), lambda state: state.propose("o", "a", 9)),
    ],
    ids=[
        "elsewhere",
        "beside",
        "beside a write",
        "blind write",
        "blind merge",
        "blind delete",
        "under its own write",
        "only read",
    ],
)
def test_nothing_else_is_a_conflict(state, work, interference):
    """What it did not read may change: paths beside, what it wrote without looking, all if it wrote nothing."""
    transaction = state.transaction()
    work(transaction)
    interference(state)
    transaction.commit()


@pytest.mark.feature("PT-10")
def test_write_skew_is_refused(state):
    """The classic: each reads both and writes the other's. One commits, the other has lost."""
    first, second = state.transaction(), state.transaction()
    for transaction, path in ((first, "a"), (second, "b")):
        if transaction.get("a") + transaction.get("b") >= 2:
            transaction.set(path, 0)
    first.commit()
    with pytest.raises(ConflictError, match="a"):
        second.commit()
    assert (state.get("a"), state.get("b")) == (0, 1)


@pytest.mark.feature("PT-10")
def test_a_restore_counts_as_a_change(state):
    """STA-08: an open transaction that read what the restore changed has lost; one that did not commits on top."""
    state.create_snapshot("s")
    state.propose("m", "a", 2)
    reads, blind = state.transaction(), state.transaction()
    reads.set("x", reads.get("a"))
    blind.set("y", blind.get("b"))
    state.restore("s")
    with pytest.raises(ConflictError):
        reads.commit()
    blind.commit()
    assert state.to_dict() == {"a": 1, "b": 1, "group": {"x": 1, "y": 2}, "y": 1}


@pytest.mark.feature("PT-10")
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_transaction_ends_once(state, end):
    """STA-03: whatever is asked of it after its end is refused, with how it ended; the state is untouched by that."""
    transaction = state.transaction()
    transaction.set("a", 2)
    getattr(transaction, end)()
    version = state.version
    for again in (
        transaction.commit,
        transaction.rollback,
        lambda: transaction.get("a"),
        lambda: transaction.set("a", 3),
        lambda: transaction.delete("a"),
        transaction.__enter__,
    ):
        with pytest.raises(TransactionStateError, match="committed already" if end == "commit" else "rolled back"):
            again()
    assert state.version == version


def test_one_that_lost_has_ended(state):
    """It cannot be committed again by chance; its changes say that they have lost."""
    transaction = state.transaction()
    transaction.set("a", transaction.get("a") + 1)
    state.propose("m", "a", 5)
    with pytest.raises(ConflictError):
        transaction.commit()
    with pytest.raises(TransactionStateError, match="lost"):
        transaction.commit()
    assert state.get("a") == 5


@pytest.mark.feature("PT-10")
async def test_on_the_loop_it_is_async_with(state):
    """A plain ``with`` on a loop is refused with the form that belongs there; in a thread it works."""
    with pytest.raises(WrongThreadError, match=r"Use async with state\.transaction"), state.transaction():
        pass

    def in_thread():
        with state.transaction() as transaction:
            transaction.set("a", transaction.get("a") + 1)

    await asyncio.to_thread(in_thread)
    assert state.get("a") == 2


def test_a_write_that_is_impossible_is_raised_and_the_rest_goes_on(state):
    """Below a value that is no mapping nothing can be put; the transaction itself is unharmed."""
    with state.transaction() as transaction:
        with pytest.raises(InvalidPathError, match="no mapping"):
            transaction.set("a.deeper", 1)
        transaction.set("b", 2)
    assert (state.get("a"), state.get("b")) == (1, 2)
    # It has learned that `a` is a value: if that changes, what it did because of it is void.
    other = state.transaction()
    with pytest.raises(InvalidPathError):
        other.set("a.deeper", 1)
    other.set("b", 3)
    state.propose("m", "a", {})
    with pytest.raises(ConflictError):
        other.commit()


@pytest.mark.feature("PT-10")
def test_a_forgotten_transaction_holds_nothing(state):
    """STA-04: nobody waits for it, and it is gone with its last reference; nothing is locked, so nothing is to free."""
    transaction = state.transaction()
    transaction.set("a", transaction.get("a") + 1)
    with state.transaction() as other:
        other.set("a", other.get("a") + 10)
    gone = weakref.ref(transaction)
    assert state.status().active_transactions == 1
    del transaction
    gc.collect()
    assert gone() is None
    assert (state.status().active_transactions, state.get("a")) == (0, 11)


@pytest.mark.feature("PT-10")
async def test_running_again_until_it_commits(state):
    """The retry helper calls the function once per attempt, with a fresh transaction, and returns what it returned."""
    calls = []

    async def work(transaction):
        calls.append(transaction.version)
        value = transaction.get("a")
        if len(calls) < 3:
            state.propose("other", "a", value + 10)
        transaction.set("a", value + 1)
        return value

    assert await state.run_transaction(work) == 21
    assert (calls, state.get("a")) == ([0, 1, 2], 22)
    assert state.transact(lambda transaction: transaction.get("a")) == 22
    assert await state.run_transaction(lambda transaction: transaction.get("b")) == 1


@pytest.mark.feature("PT-10")
async def test_attempts_are_counted(state):
    """After the last one the conflict is raised; any other error at once; nothing is left open."""
    calls = []

    def never(transaction):
        calls.append(1)
        state.propose("other", "a", transaction.get("a") + 10)
        transaction.set("a", 0)

    with pytest.raises(ConflictError):
        state.transact(never, attempts=3)
    assert len(calls) == 3
    with pytest.raises(ConflictError):
        await state.run_transaction(never, attempts=2)
    assert len(calls) == 5

    def broken(transaction):
        transaction.set("a", 0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        state.transact(broken)
    assert state.status().active_transactions == 0

    def commits_itself(transaction):
        transaction.set("b", transaction.get("b") + 1)
        if transaction.get("b") == 2:
            state.propose("other", "b", 10)
        transaction.commit()

    state.transact(commits_itself)
    assert state.get("b") == 11


@pytest.mark.feature("PT-10")
def test_threads_that_all_add_to_one_number_get_every_addition_in():
    """Conflicts are many and none is lost: the sum is exact."""
    state = StateCoordinator({"n": 0})

    def add():
        for _ in range(100):
            state.transact(lambda tx: tx.set("n", tx.get("n") + 1), attempts=10_000)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (state.get("n"), state.version) == (800, 800)
