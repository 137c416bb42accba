"""The shared resources over HTTP: who holds them, who waits, and for whom."""

from __future__ import annotations

import msgspec

from companion_async.errors import UnknownResourceError
from companion_async.http.operation import Call
from companion_async.locks.status import CoordinatorMetrics, ResourceStatus, WaitPicture


class LocksPicture(msgspec.Struct, frozen=True):
    """All resources, and who waits for whom."""

    metrics: CoordinatorMetrics
    resources: tuple[ResourceStatus, ...]
    waits: WaitPicture


def locks(call: Call) -> LocksPicture:
    """The locks at this moment."""
    coordinator = call.brain.resources
    found = []
    for name in coordinator.resource_ids:
        try:
            found.append(coordinator.get_resource_status(name))
        except UnknownResourceError:  # a thread has unregistered it meanwhile
            continue
    return LocksPicture(coordinator.get_coordinator_metrics(), tuple(found), coordinator.get_wait_graph())
