"""The picture of one category."""

from __future__ import annotations

from companion_async.status.picture import Picture
from companion_async.status.worker import WorkerStatus


class CategoryStatus(Picture, frozen=True, kw_only=True):
    """A category's slots and queue.

    ``active`` slots are busy with a run, ``total`` threads live (idle ones counted, abandoned ones not), ``max`` is the
    limit now and ``configured`` the one it began with. Running work is never touched, so after a resize below what runs
    ``active`` is more until enough of that has ended. ``utilization`` is active / max, 0.0 to 1.0. ``kept`` slots are
    for CRITICAL and HIGH work alone, since such has come in the last minute or two. ``abandoned`` threads count against
    ``abandoned_budget``; with that spent the category is ``overloaded``.
    """

    name: str
    active: int = 0
    total: int = 0
    max: int
    configured: int
    queued: int = 0
    kept: int = 0
    abandoned: int = 0
    abandoned_budget: int = 0
    utilization: float = 0.0
    overloaded: bool = False
    workers: tuple[WorkerStatus, ...] = ()
