"""The picture of one task."""

from __future__ import annotations

from datetime import datetime

import msgspec

from companion_async.status.picture import Picture


class TaskFailure(msgspec.Struct, frozen=True):
    """Why a task did not complete: the error's type, and the id under which the log has its text."""

    type: str
    id: str
    message: str = ""


class TaskStatus(Picture, frozen=True, kw_only=True):
    """A task as it was at one moment.

    ``state`` is a `TaskState` value, ``priority`` a lower-case name. ``fraction`` and ``message`` are the progress last
    told, None and empty before. ``wait_seconds`` and ``run_seconds`` count on while it waits or runs.
    """

    id: str
    module: str
    category: str
    target: str
    priority: str
    state: str
    attempt: int = 0
    fraction: float | None = None
    message: str = ""
    submitted_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    wait_seconds: float = 0.0
    run_seconds: float | None = None
    error: TaskFailure | None = None
