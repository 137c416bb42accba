"""Pictures of resources, their locks and all waits: frozen, safe to keep, JSON as they are. Durations in seconds."""

from __future__ import annotations

import msgspec


class LockStatus(msgspec.Struct, frozen=True):
    """One lock that is held or waited for; ``seconds`` since it was granted or asked for."""

    owner: str
    holder: str
    mode: str
    priority: str
    seconds: float
    lock_id: str = ""


class ResourceStatus(msgspec.Struct, frozen=True):
    """One resource. ``requests`` are all that ever came; ``contention`` those of them that had to wait; the waits are
    of those that had to wait and were granted. ``refused`` were upgrades and the like. ``suspect``: a writer lost its
    lock before it had let go, so what it wrote may be half-done.
    """

    resource_id: str
    resource_type: str
    holders: tuple[LockStatus, ...]
    waiters: tuple[LockStatus, ...]
    suspect: bool
    requests: int
    acquisitions: int
    contention: int
    timeouts: int
    deadlocks: int
    cancelled: int
    refused: int
    average_wait: float
    p99_wait: float


class CoordinatorMetrics(msgspec.Struct, frozen=True):
    """All resources together. ``peak_locks`` is the most that were ever held and waited for at once."""

    resources: int
    held: int
    waiting: int
    peak_locks: int
    max_concurrent_locks: int
    deadlock_detection: bool
    suspect: tuple[str, ...]
    requests: int
    acquisitions: int
    contention: int
    timeouts: int
    deadlocks: int
    cancelled: int
    refused: int
    average_wait: float
    p99_wait: float


class WaitNode(msgspec.Struct, frozen=True):
    """An owner or a resource (``kind``) that takes part in a wait."""

    id: str
    kind: str
    label: str


class WaitEdge(msgspec.Struct, frozen=True):
    """``kind``: an owner ``waits`` for a resource, a resource is ``held`` by an owner, an owner ``joins`` another."""

    source: str
    target: str
    kind: str


class WaitPicture(msgspec.Struct, frozen=True):
    """Who waits for whom at this moment."""

    nodes: tuple[WaitNode, ...]
    edges: tuple[WaitEdge, ...]
