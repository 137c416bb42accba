"""What a path into the shared state is."""

from __future__ import annotations

import re
from typing import Any

from companion_async.errors import InvalidPathError

PATH_CHARACTERS = 255
PATH_SEGMENTS = 32
_SEGMENT = re.compile(r"[A-Za-z0-9-][A-Za-z0-9_-]*", re.ASCII)


def check_state_path(value: Any) -> tuple[str, ...]:
    """The segments of the dotted path ``value``; else `InvalidPathError`.

    A segment is letters, digits, ``_`` and ``-``, and none begins with ``_``: nothing that Python gives a meaning to
    (``__class__``) can be named. At most `PATH_CHARACTERS` and `PATH_SEGMENTS`.
    """
    if not isinstance(value, str):
        raise InvalidPathError(type(value).__name__, "a path is a string")
    if not value:
        raise InvalidPathError(value, "it is empty")
    if len(value) > PATH_CHARACTERS:
        raise InvalidPathError(value[:80], f"it has more than {PATH_CHARACTERS} characters")
    segments = tuple(value.split("."))
    if len(segments) > PATH_SEGMENTS:
        raise InvalidPathError(value, f"it has more than {PATH_SEGMENTS} segments")
    for segment in segments:
        if not _SEGMENT.fullmatch(segment):
            raise InvalidPathError(value, f"{segment!r} is no segment")
    return segments
