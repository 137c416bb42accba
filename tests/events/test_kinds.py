"""The event structs."""

from __future__ import annotations

import gc
import json
from datetime import UTC, datetime

import msgspec
import pytest

from companion_async.events.kinds import EVENT_KINDS, DecisionMade, Event, LockDeadlock, TaskCompleted, TaskFailed, utc

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DOCUMENTED = {
    *("task.queued", "task.started", "task.completed", "task.failed", "task.cancelled", "task.timed_out"),
    *("task.retrying", "module.started", "module.completed", "module.error", "module.restarted", "module.paused"),
    *("module.resumed", "category.resized", "system.overload", "system.recovered", "state.changed", "lock.deadlock"),
    *("decision.made", "health.checked"),
}


def sample(kind: type[Event]) -> Event:
    """An event of that kind with a value of the right type in each required field."""
    values = {"timestamp": NOW, "cycle": ("a", "b"), "findings": (), "data": {"old": 1}, "applied": True}
    names = [field.name for field in msgspec.structs.fields(kind) if field.required]
    numbers = {"old", "new", "queued", "version", "decision_id", "modules_checked", "memory_bytes"}
    made = {name: values.get(name, 3 if name in numbers else "x") for name in names}
    made.update({name: value for name, value in (("healthy", True), ("loop_lag", 0.001)) if name in names})
    return kind(**made)


def test_there_is_exactly_one_struct_per_documented_kind() -> None:
    """The kinds of the contract exist, each once, and no others."""
    assert set(EVENT_KINDS) == DOCUMENTED


@pytest.mark.parametrize("kind", sorted(EVENT_KINDS))
@pytest.mark.feature("U-4", "CB-33")
def test_an_event_is_frozen_and_goes_to_json_and_back_with_its_kind(kind: str) -> None:
    """The dotted name is on the class, the instance and in the JSON; nothing can change the event."""
    event = sample(EVENT_KINDS[kind])
    encoded = json.loads(msgspec.json.encode(event))
    assert event.kind == encoded["kind"] == kind == event.to_dict()["kind"]
    assert encoded == event.to_dict()
    assert msgspec.json.decode(msgspec.json.encode(event), type=EVENT_KINDS[kind]) == event
    with pytest.raises(AttributeError):
        event.timestamp = NOW  # type: ignore[attr-defined]


def test_timestamps_are_utc_with_their_offset() -> None:
    """Epoch seconds become an aware UTC datetime, and an ISO-8601 string in the dictionary."""
    event = TaskCompleted("t1", "m", "core", utc(0.0))
    assert event.timestamp.tzinfo is UTC
    assert event.to_dict()["timestamp"] == "1970-01-01T00:00:00Z"


def test_task_events_carry_what_their_readers_need() -> None:
    """A failure names task, module, category, attempt, the error's type and its text."""
    event = TaskFailed("t1", "m", "core", NOW, "ValueError", "no", 2, 0.5)
    assert event.to_dict() == {
        "kind": "task.failed",
        "task_id": "t1",
        "module": "m",
        "category": "core",
        "timestamp": "2026-11-22T12:00:00Z",
        "error": "ValueError",
        "message": "no",
        "attempt": 2,
        "run_seconds": 0.5,
    }


def test_events_of_plain_values_are_not_tracked_by_the_garbage_collector() -> None:
    """A backlog of events does not lengthen collections, except for decisions, whose data could hold a cycle."""
    assert not gc.is_tracked(TaskCompleted("t1", "m", "core", NOW))
    assert not gc.is_tracked(LockDeadlock(("a", "b"), "b", NOW))
    assert gc.is_tracked(DecisionMade(1, "scale_up", "core", {}, "", True, NOW))
