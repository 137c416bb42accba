"""What can be shared, and how it is taken."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from companion_async.errors import InvalidArgumentError

E = TypeVar("E", bound=StrEnum)


class ResourceType(StrEnum):
    """What kind of thing a resource is, for whoever looks at it; locks treat all kinds alike."""

    EPISODIC_MEMORY = "episodic_memory"
    SEMANTIC_MEMORY = "semantic_memory"
    TEMPORAL_MEMORY = "temporal_memory"
    CIRCULAR_BUFFER = "circular_buffer"
    AGENT_STATE = "agent_state"
    COMPUTATION = "computation"
    NETWORK = "network"
    FILE_IO = "file_io"


class AccessMode(StrEnum):
    """``READ`` is shared, ``WRITE`` has one writer, who may write again and read, ``EXCLUSIVE`` is alone even there."""

    READ = "read"
    WRITE = "write"
    EXCLUSIVE = "exclusive"


def parse(kind: type[E], value: Any, what: str) -> E:
    """The member of ``kind`` that ``value`` is or names; anything else raises `InvalidArgumentError`."""
    if isinstance(value, kind):
        return value
    try:
        return kind(value)
    except ValueError:
        raise InvalidArgumentError(f"{what} must be one of {', '.join(kind)}; {value!r:.80} is not.") from None
