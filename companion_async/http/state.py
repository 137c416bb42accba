"""The shared state over HTTP: what stands there, and how it came to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from companion_async.http.operation import Call
from companion_async.http.refusal import Refusal, at_the_door
from companion_async.state.change import StateChange
from companion_async.state.coordinator import StateCoordinator
from companion_async.state.snapshot import StateSnapshot, UnknownSnapshotError
from companion_async.state.status import StateStatus

_LARGEST_VALUE = 1_048_576  # bytes of JSON
_LONGEST_TEXT = 500


class StateQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path``: a part of the state, all of it unless given. ``limit``: how many of the last changes are told.
    ``snapshot``: the value as it stood in the snapshot of that name.
    """

    path: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50
    snapshot: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class ChangePicture(msgspec.Struct, frozen=True, kw_only=True):
    """One change that was applied; the values are JSON, cut after 500 characters."""

    number: int
    path: str
    change_type: str
    module: str
    task_id: str | None
    version: int | None
    old_value: str
    new_value: str
    timestamp: datetime


class SnapshotPicture(msgspec.Struct, frozen=True):
    """A snapshot that is kept."""

    name: str
    version: int
    timestamp: datetime


class StatePicture(msgspec.Struct, frozen=True, kw_only=True):
    """The state at this moment, and its last changes, newest last. What is no JSON shows as its type in parentheses; a
    value of more than a MiB is left out, and ``omitted`` says so. ``snapshots``: those that are kept, oldest first.
    """

    status: StateStatus
    snapshots: tuple[SnapshotPicture, ...]
    value: Any
    omitted: str | None
    history: tuple[ChangePicture, ...]


def state(call: Call) -> StatePicture:
    """What stands at the path that the query names."""
    coordinator, query = call.brain.state, call.query
    with at_the_door():
        source = coordinator if query.snapshot is None else _snapshot(call, query.snapshot)
        value = source.get(query.path) if query.path is not None else source.to_dict()
        changes = coordinator.history(query.limit, query.path)
    shown, omitted = _shown(value)
    status = coordinator.status()
    return StatePicture(
        status=status,
        snapshots=tuple(_kept(coordinator, status.snapshots)),
        value=shown,
        omitted=omitted,
        history=tuple(_change(change) for change in changes),
    )


def _snapshot(call: Call, name: str) -> StateSnapshot:
    try:
        return call.brain.state.get_snapshot(name)
    except UnknownSnapshotError as error:
        raise Refusal(404, "unknown_snapshot", error.message) from None


def _kept(coordinator: StateCoordinator, names: Iterable[str]) -> Iterator[SnapshotPicture]:
    for name in names:
        with suppress(UnknownSnapshotError):  # a thread has taken one too many meanwhile
            found = coordinator.get_snapshot(name)
            yield SnapshotPicture(found.name, found.version, found.timestamp)


def _shown(value: Any) -> tuple[Any, str | None]:
    try:
        encoded = msgspec.json.encode(value, enc_hook=_named)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return None, "What stands there is no JSON."
    if len(encoded) > _LARGEST_VALUE:
        return None, f"What stands there is {len(encoded)} bytes of JSON, more than {_LARGEST_VALUE}: ask for a part."
    return msgspec.Raw(encoded), None


def _change(change: StateChange) -> ChangePicture:
    return ChangePicture(
        number=change.number,
        path=change.path,
        change_type=change.change_type.value,
        module=change.module,
        task_id=change.task,
        version=change.version,
        old_value=_text(change.old_value),
        new_value=_text(change.new_value),
        timestamp=change.timestamp,
    )


def _text(value: Any) -> str:
    try:
        text = msgspec.json.encode(value, enc_hook=_named).decode()
    except (TypeError, ValueError, RecursionError, OverflowError):
        return f"({type(value).__name__})"
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _named(value: Any) -> str:
    return f"({type(value).__name__})"
