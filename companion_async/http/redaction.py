"""What is told of failures: type, id and time. The text stays in the log, but for operators who may read it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from companion_async.events.kinds import Event, ModuleError, TaskFailed, TaskRetrying
from companion_async.status.module import ErrorEntry, ModuleStatus
from companion_async.status.system import LoopBlock, SystemStatus


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One failure as it leaves the process: the log has the text under ``id``."""

    type: str
    id: str
    timestamp: datetime
    task_id: str | None = None
    message: str | UnsetType = UNSET


class ModulePicture(ModuleStatus, frozen=True, kw_only=True):
    """A `ModuleStatus` with its failures as they leave the process."""

    errors: tuple[Failure, ...] = ()  # type: ignore[assignment]


def module_picture(status: ModuleStatus, *, exposes: bool) -> ModulePicture:
    """``status`` without the texts of errors, unless ``exposes``."""
    fields = {name: getattr(status, name) for name in ModuleStatus.__struct_fields__}
    fields["errors"] = tuple(_failure(entry, exposes) for entry in status.errors)
    if status.state == "error" and not exposes:
        fields["reason"] = status.errors[-1].type if status.errors else ""
    return ModulePicture(**fields)


def system_picture(status: SystemStatus, *, exposes: bool) -> SystemStatus:
    """``status`` without the stacks, which show lines of source, unless ``exposes``."""
    if exposes or not status.loop_blocks:
        return status
    blocks = tuple(LoopBlock(since=block.since, seconds=block.seconds) for block in status.loop_blocks)
    return msgspec.structs.replace(status, loop_blocks=blocks)


def encode_event(event: Event, *, exposes: bool) -> bytes:
    """The event as one line of JSON. Where it tells of a failure, ``error`` is a `Failure`."""
    if not isinstance(event, (TaskFailed, TaskRetrying, ModuleError)):
        return msgspec.json.encode(event)
    fields: dict[str, Any] = msgspec.to_builtins(event)
    message = fields.pop("message")
    found = fields.pop("id", None) or fields.get("task_id") or ""
    error = {"type": fields["error"], "id": found, "timestamp": fields["timestamp"]}
    fields["error"] = {**error, "message": message} if exposes else error
    return msgspec.json.encode(fields)


def _failure(entry: ErrorEntry, exposes: bool) -> Failure:
    return Failure(
        type=entry.type,
        id=entry.id,
        timestamp=entry.timestamp,
        task_id=entry.task_id,
        message=entry.message if exposes else UNSET,
    )
