"""Snapshots: exactly one moment, kept in bounds, and put back by a commit."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from companion_async import ChangeStatus, InvalidArgumentError, StateCoordinator
from companion_async.state.snapshot import UnknownSnapshotError


@pytest.mark.feature("PT-09", "X-07")
def test_a_snapshot_is_the_moment_it_was_taken(virtual_clock):
    """Whatever is committed later, it reads as the state did then; taking it copies nothing."""
    state = StateCoordinator({"a": {"x": 1}}, clock=virtual_clock)
    state.propose("m", "a.y", 2)
    snapshot = state.create_snapshot("checkpoint")
    assert snapshot.root is state._store.head.root
    state.propose("m", "a", change_type="delete")
    assert (snapshot.name, snapshot.version) == ("checkpoint", 1)
    assert snapshot.timestamp.timestamp() == virtual_clock.time()
    assert (snapshot.to_dict(), snapshot.get("a.y"), snapshot.get("no", 7)) == ({"a": {"x": 1, "y": 2}}, 2, 7)
    snapshot.to_dict()["a"]["x"] = "changed"
    assert snapshot.get("a.x") == 1


@pytest.mark.feature("PT-09", "PT-08")
async def test_restoring_is_a_commit_that_brings_everything_back():
    """T7: what was added later is gone, the version goes up, the history says from which snapshot."""
    state = StateCoordinator({"a": {"x": 1}, "b": 1})
    told: list[Any] = []
    state.subscribe_to_path("m", "a.x", told.append)
    state.subscribe_to_path("m", "b", told.append)
    state.create_snapshot("s")
    state.propose("m", "a.x", 2)
    state.propose("m", "later", 3)
    told.clear()
    change = await state.restore_snapshot("s", "operator")
    assert (state.to_dict(), state.version) == ({"a": {"x": 1}, "b": 1}, 3)
    assert (change.path, change.change_type, change.module, change.metadata) == (
        "*",
        "reset",
        "operator",
        {"snapshot": "s"},
    )
    assert (change.old_value["later"], change.new_value) == (3, state.to_dict())
    assert state.history()[-1] is change
    assert told == [[change]], "only whom the restore concerns: b was the same all the time"
    state.restore(state.create_snapshot())
    assert state.version == 4
    assert state.get_metrics().restores == 2


@pytest.mark.feature("PT-09")
def test_the_oldest_of_too_many_goes():
    """As many as allowed are kept by name; one's own handle on an older one still reads and restores."""
    state = StateCoordinator({"n": 0}, max_snapshots=3)
    kept = []
    for number in range(5):
        state.propose("m", "n", number)
        kept.append(state.create_snapshot(f"s{number}"))
    assert state.status().snapshots == ("s2", "s3", "s4")
    with pytest.raises(UnknownSnapshotError, match=r"s2, s3, s4") as raised:
        state.restore("s0")
    assert isinstance(raised.value, KeyError)
    state.restore(kept[0])
    assert state.get("n") == 0
    state.create_snapshot("s2")
    assert state.status().snapshots == ("s3", "s4", "s2")
    assert state.restore("s2").applied


@pytest.mark.feature("PT-09")
def test_names_are_made_where_none_is_given():
    """Each is another; a name that is none is refused."""
    state = StateCoordinator()
    state.create_snapshot("snapshot-2")
    assert [state.create_snapshot().name for _ in range(2)] == ["snapshot-1", "snapshot-3"]
    names: list[Any] = ["", 7, "x" * 256]
    for name in names:
        with pytest.raises(InvalidArgumentError):
            state.create_snapshot(name)


@pytest.mark.feature("PT-09")
def test_what_is_pending_at_a_restore_has_lost():
    """It was meant for the state that was left; it is told so and never applied."""
    state = StateCoordinator({"n": 0}, sync_policy="on_demand")
    state.create_snapshot("s")
    change = state.propose("m", "n", 1)
    state.restore("s")
    state.apply()
    assert (change.status, change.reason) == (ChangeStatus.LOST, "the snapshot 's' was restored")
    assert (state.get("n"), state.status().pending, state.get_metrics().lost) == (0, 0, 1)


@pytest.mark.feature("PT-09", "X-07")
def test_snapshots_among_a_thousand_commits_are_whole():
    """STA-08: each shows all of a transaction or nothing of it, exactly as many commits as its version says."""
    state = StateCoordinator({"a": 0, "b": 0}, max_snapshots=10_000)
    snapshots, stop = [], threading.Event()

    def take():
        while not stop.is_set():
            snapshots.append(state.create_snapshot())

    def both(transaction):
        number = transaction.get("a") + 1
        transaction.set("a", number)
        transaction.set("b", number)

    taker = threading.Thread(target=take)
    writers = [
        threading.Thread(target=lambda: [state.transact(both, attempts=10_000) for _ in range(250)]) for _ in range(4)
    ]
    for thread in (taker, *writers):
        thread.start()
    for thread in writers:
        thread.join(20)
    stop.set()
    taker.join(30)
    assert state.to_dict() == {"a": 1000, "b": 1000}
    assert snapshots
    assert all(one.get("a") == one.get("b") == one.version for one in snapshots)
