"""Resources in a brain, and work that holds them."""

from __future__ import annotations

from typing import Any

from companion_async import (
    AccessMode,
    Brain,
    ResourceType,
)

CORE = "category:core"
READ, WRITE, EXCLUSIVE = AccessMode.READ, AccessMode.WRITE, AccessMode.EXCLUSIVE


def share(brain: Brain, *names: str) -> None:
    for name in names:
        brain.resources.register_resource(name, [name], ResourceType.COMPUTATION)


def holding(brain: Brain, name: str, gate: Any, mode: AccessMode = WRITE) -> Any:
    """Work for a thread: hold a lock while the gate is shut."""

    def hold() -> Any:
        with brain.resources.acquire_context(name, mode) as value:
            gate(name)
            return value

    return hold


def waiters(brain: Brain, name: str) -> int:
    return len(brain.resources.get_resource_status(name).waiters)
