"""The picture of one worker, a thread or a process."""

from __future__ import annotations

from companion_async.status.picture import Picture


class WorkerStatus(Picture, frozen=True, kw_only=True):
    """One thread of a category, or one process of a module in it: that has a ``pid``, and its module when idle too.

    ``state`` is ``idle``, ``busy`` or ``abandoned`` (its run passed its limit; the thread ends when the work does).
    ``native_id`` is the id that the operating system's tools show. ``cpu_percent`` is of one core over the last health
    interval, None where it cannot be read. Memory belongs to the process, not to a thread: see `SystemStatus`.
    """

    name: str
    native_id: int | None
    pid: int | None = None
    state: str
    module: str | None = None
    task_id: str | None = None
    running_seconds: float | None = None
    cpu_percent: float | None = None
