"""All threads of a brain together: one cap over every category's pool, and who waits for a place under it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Tenant(Protocol):
    """A category's pool, as the house sees it."""

    slots: int

    def ensure(self) -> None:
        """Start the slots that the waiting work calls for."""

    def give_up_idle(self) -> bool:
        """Send the coldest parked thread home; False if none is parked."""


class House:
    """Counts every live thread, abandoned ones too, and keeps them within ``max_threads`` at every instant.

    A pool that finds the house full is hungry: it gets the next place that comes free, the one with the fewest slots
    first. Pools notice through `share`: a thread that comes back from a run goes home instead of taking more when its
    pool has more slots than a hungry one would have with one more. ``on_starved(tenant)`` is told of a hungry
    one that has no thread at all. Loop only; any thread reads ``share``.
    """

    __slots__ = ("_hungry", "created", "live", "max_threads", "on_starved", "share", "tenants")

    def __init__(self, max_threads: int) -> None:
        self.max_threads = max_threads
        self.live = 0
        self.created = 0
        self.tenants: list[Tenant] = []
        self._hungry: list[Tenant] = []
        self.share = _PLENTY
        self.on_starved: Callable[[Any], None] = _nobody_told

    def enter(self, tenant: Tenant) -> bool:
        """Take a place for one more thread; False when the house is full: ``tenant`` is told when that changes."""
        if self.live < self.max_threads:
            self.live += 1
            self.created += 1
            return True
        if tenant not in self._hungry:
            self._hungry.append(tenant)
        self._measure()
        for other in sorted(self.tenants, key=lambda pool: -pool.slots):
            if other is not tenant and other.give_up_idle():
                break
        if not tenant.slots:
            self.on_starved(tenant)
        return False

    def leave(self) -> None:
        """A thread has really ended: its place is free."""
        self.live -= 1
        hungry, self._hungry = sorted(self._hungry, key=lambda pool: pool.slots), []
        self.share = _PLENTY
        for tenant in hungry:
            tenant.ensure()

    def _measure(self) -> None:
        self.share = min((tenant.slots + 1 for tenant in self._hungry), default=_PLENTY)


def _nobody_told(tenant: Any) -> None:
    return None


_PLENTY = 1_000_000
