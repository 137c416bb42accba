"""The five priorities, lower is more urgent."""

from __future__ import annotations

from enum import IntEnum

from companion_async.errors import InvalidArgumentError

URGENT = 2
"""The upper levels, CRITICAL and HIGH, end here: they have a place and room in the queue that the others leave them."""


class Priority(IntEnum):
    """How urgent a task is. ``NORMAL`` and ``BACKGROUND`` are second names of ``MEDIUM`` and ``IDLE``."""

    CRITICAL = 1
    HIGH = 2
    MEDIUM = 3
    LOW = 4
    IDLE = 5
    NORMAL = 3
    BACKGROUND = 5

    @classmethod
    def parse(cls, value: Priority | str) -> Priority:
        """The priority that ``value`` is or names, in any case; anything else raises `InvalidArgumentError`."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            found = _NAMED.get(value) or _NAMED.get(value.strip().lower())
            if found is not None:
                return found
        names = ", ".join(_NAMED)
        raise InvalidArgumentError(f"{value!r} is no priority. Use a Priority or one of: {names}.")


_NAMED = {name.lower(): member for name, member in Priority.__members__.items()}
