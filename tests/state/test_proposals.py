"""Proposals: what each type of change does, who did it and when, and what is refused."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from companion_async import (
    BrainClosedError,
    ChangeStatus,
    InvalidArgumentError,
    StateChangeType,
    StateCoordinator,
)


@pytest.mark.feature("PT-02", "PT-03")
async def test_what_is_proposed_is_there_at_once():
    """Under the immediate policy the change is applied when the call returns, and says as which version."""
    state = StateCoordinator({"emotional_state": {"happiness": 0.5}})
    change = await state.propose_change("perception", "emotional_state.happiness", 0.8, priority=1)
    assert (change.status, change.version, state.version) == (ChangeStatus.APPLIED, 1, 1)
    assert (change.old_value, change.new_value) == (0.5, 0.8)
    assert state.get("emotional_state") == {"happiness": 0.8}


@pytest.mark.feature("PT-02")
@pytest.mark.parametrize(
    ("kind", "path", "value", "expected"),
    [
        ("create", "new.deep", 1, {"a": {"x": 1}, "n": 0, "new": {"deep": 1}}),
        ("create", "a.x", 2, "something is there already"),
        ("update", "a.x", 2, {"a": {"x": 2}, "n": 0}),
        ("update", "b.c.d", 2, {"a": {"x": 1}, "n": 0, "b": {"c": {"d": 2}}}),
        ("update", "n.x", 2, "n holds a value that is no mapping"),
        ("delete", "a.x", None, {"a": {}, "n": 0}),
        ("delete", "a", None, {"n": 0}),
        ("delete", "no.such", None, "nothing is there"),
        ("merge", "a", {"y": 2}, {"a": {"x": 1, "y": 2}, "n": 0}),
        ("merge", "a", {"x": {"z": 1}}, {"a": {"x": {"z": 1}}, "n": 0}),
        ("merge", "fresh", {"y": 2}, {"a": {"x": 1}, "n": 0, "fresh": {"y": 2}}),
        ("merge", "n", {"y": 2}, "what is there is no mapping"),
    ],
)
def test_each_type_of_change_does_what_it_says_or_is_refused(kind, path, value, expected):
    """What is impossible comes back refused with the reason, and the state and its version stay as they were."""
    start = {"a": {"x": 1}, "n": 0}
    state = StateCoordinator(start)
    change = state.propose("m", path, value, StateChangeType(kind))
    if isinstance(expected, dict):
        assert state.to_dict() == expected
        assert (change.status, state.version) == ("applied", 1)
        assert change.new_value == state.get(path)
    else:
        assert state.to_dict() == start
        assert (change.status, change.reason, state.version) == ("refused", expected, 0)
        assert state.get_metrics().refused == 1
        assert state.history() == []


@pytest.mark.feature("PT-02")
def test_reset_puts_back_what_the_state_began_with():
    """Whatever was done since, at the path alone; what was not there at the beginning is gone."""
    state = StateCoordinator({"a": {"x": [1]}, "b": 1})
    state.propose("m", "a.x", "other")
    state.propose("m", "b", 2)
    state.propose("m", "c", 3)
    for path in ("a", "c", "never"):
        assert state.propose("m", path, change_type="reset").applied
    assert state.to_dict() == {"a": {"x": [1]}, "b": 2}


@pytest.mark.feature("PT-08")
def test_versions_count_commits_and_never_go_back():
    """T5: each applied proposal is one version; a refused one, a read and a snapshot are none."""
    state = StateCoordinator()
    seen = [state.version]
    for number in range(5):
        state.propose("m", "n", number)
        seen.append(state.version)
        state.propose("m", "n", number, "create")
        state.get("n")
        state.create_snapshot()
        assert state.version == seen[-1]
    assert seen == list(range(6))


@pytest.mark.feature("PT-13")
def test_the_history_says_who_what_when_and_from_which_task(virtual_clock):
    """A change keeps its module, type, values, moment, task and metadata; the newest comes last."""
    tasks = iter(["task-1", None])
    state = StateCoordinator({"n": 0}, clock=virtual_clock, current_task=lambda: next(tasks))
    state.propose("planner", "n", 1, metadata={"why": "test"})
    state.propose("reflection", "x.y", 2)
    first, second = state.history()
    assert (first.module, first.path, first.change_type, first.task) == ("planner", "n", "update", "task-1")
    assert (first.old_value, first.new_value, first.metadata) == (0, 1, {"why": "test"})
    assert first.timestamp == datetime.fromtimestamp(virtual_clock.time(), UTC)
    assert (second.module, second.task, second.version) == ("reflection", None, 2)
    assert first.id != second.id
    assert [change.path for change in state.history(path="x")] == ["x.y"]
    assert [change.path for change in state.history(path="x.y.deeper")] == ["x.y"]
    assert state.history(limit=1) == [second]


@pytest.mark.feature("PT-13")
def test_the_history_is_bounded():
    """STA-12: the oldest go; what they held is let go with them."""
    state = StateCoordinator(history_size=100)
    for number in range(1000):
        state.propose("m", f"k{number % 10}", number)
    history = state.history(limit=1000)
    assert [change.version for change in history] == list(range(901, 1001))
    assert state.status().history == 100


@pytest.mark.feature("PT-14")
@pytest.mark.parametrize("priority", [math.nan, math.inf, -math.inf, "1", None, 1j])
def test_a_priority_is_a_finite_number(priority):
    """With one that is not, changes could not be put in order."""
    state = StateCoordinator()
    with pytest.raises(InvalidArgumentError, match="finite number"):
        state.propose("m", "x", 1, priority=priority)
    assert state.version == 0


@pytest.mark.feature("PT-14")
@pytest.mark.parametrize(
    "arguments",
    [
        {"change_type": "replace"},
        {"change_type": None},
        {"change_type": "merge", "new_value": [1]},
        {"change_type": "merge", "new_value": {1: 2}},
        {"metadata": [1]},
        {"module": ""},
        {"module": "a b"},
        {"module": None},
        {"module": "x" * 65},
    ],
    ids=repr,
)
def test_what_is_wrong_with_a_proposal_is_raised_at_the_door(arguments):
    """Nothing is left pending, and no version is made."""
    state = StateCoordinator(sync_policy="on_demand")
    with pytest.raises(InvalidArgumentError):
        state.propose(**{"module": "m", "path": "x", **arguments})
    assert (state.status().pending, state.version) == (0, 0)


@pytest.mark.parametrize(
    "options",
    [
        {"sync_policy": "sometimes"},
        {"batch_size": 0},
        {"sync_interval": math.nan},
        {"sync_interval": 0},
        {"max_snapshots": 0},
        {"history_size": True},
    ],
    ids=repr,
)
def test_settings_are_checked_when_the_state_is_made(options):
    """Each bad one is refused by name."""
    with pytest.raises(InvalidArgumentError, match=next(iter(options))):
        StateCoordinator(**options)


async def test_a_closed_state_can_be_read_and_not_changed():
    """After its block it refuses every change with an error that says why, and answers all questions."""
    async with StateCoordinator({"n": 1}) as state:
        snapshot = state.create_snapshot()
        transaction = state.transaction()
        transaction.set("n", 2)
    for attempt in (
        lambda: state.propose("m", "n", 2),
        lambda: state.transaction(),
        lambda: state.begin_transaction("t"),
        lambda: state.restore(snapshot),
        lambda: state.subscribe_to_path("m", "n", print),
        transaction.commit,
    ):
        with pytest.raises(BrainClosedError):
            attempt()
    with pytest.raises(InvalidArgumentError, match="rolled back already"):
        transaction.commit()
    assert (state.get("n"), state.version, state.status().version) == (1, 0, 0)


@pytest.mark.feature("PT-01", "PT-12")
async def test_metrics_and_status_say_what_there_is_and_what_became_of_it():
    """Frozen pictures; each figure is the count of what was done here."""
    state = StateCoordinator({"n": 0}, sync_policy="on_demand", max_snapshots=2)
    state.register_module("planner")
    state.register_module("idle")
    state.subscribe_to_path("planner", "n", lambda changes: None)
    state.register_conflict_resolver("n", "latest_wins")
    for value in (1, 2):
        state.propose("planner", "n", value)
    state.propose("planner", "n.x", 1)
    await state.apply_changes()
    state.propose("planner", "n", 3)
    for name in ("a", "b", "c"):
        state.create_snapshot(name)
    async with state.transaction() as transaction:
        transaction.set("x", 1)
    kept = state.transaction()
    status = state.status()
    assert (status.version, status.pending, status.active_transactions) == (2, 1, 1)
    assert (status.snapshots, status.history, status.resolvers) == (("b", "c"), 2, ("n",))
    assert status.modules == {"planner": 1, "idle": 0}
    assert status.subscriptions == {"planner": ("n",)}
    assert status.sync_policy == "on_demand"
    metrics = status.metrics
    assert (metrics.commits, metrics.changes, metrics.conflicts, metrics.lost) == (2, 2, 1, 1)
    assert (metrics.refused, metrics.transactions, metrics.rollbacks, metrics.told) == (1, 1, 0, 1)
    kept.rollback()
    assert state.get_metrics().rollbacks == 1
    with pytest.raises(AttributeError):
        setattr(status, "version", 9)  # noqa: B010
    assert state.unregister_module("planner")
    assert not state.unregister_module("planner")
    assert state.status().subscriptions == {}


@pytest.mark.feature("PT-03")
def test_a_state_needs_no_loop():
    """In a program without one everything but streams, async callbacks and timers works."""
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
    state = StateCoordinator({"n": 1})
    told: list[Any] = []
    state.subscribe_to_path("m", "n", told.append)
    state.propose("m", "n", 2)
    with state.transaction() as transaction:
        transaction.set("n", transaction.get("n") + 1)
    assert (state.get("n"), len(told)) == (3, 2)

    async def tell(changes):
        told.append(changes)

    with pytest.raises(InvalidArgumentError, match="need an event loop"):
        state.subscribe_to_path("m", "n", tell)
