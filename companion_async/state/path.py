"""Pure: paths and patterns of the state, and which of them touch each other."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from companion_async.errors import InvalidPathError
from companion_async.security import check_state_path

ANY = "*"
Segments = tuple[str, ...]

# A thousand agents ask for thirty paths each, again and again.
_known = lru_cache(maxsize=65_536)(check_state_path)


def parse_path(path: Any) -> Segments:
    """`check_state_path`, remembered: the same few paths are asked for again and again."""
    return _known(path) if type(path) is str else check_state_path(path)


def parse_pattern(pattern: Any) -> Segments:
    """The segments of a path in which ``*`` may stand for any one segment; else `InvalidPathError`."""
    if not isinstance(pattern, str):
        return check_state_path(pattern)
    stars = ["x" if segment == ANY else segment for segment in pattern.split(".")]
    try:
        check_state_path(".".join(stars))
    except InvalidPathError as error:
        raise InvalidPathError(pattern, error.why) from None
    return tuple(pattern.split("."))


def shown(segments: Segments) -> str:
    """As its reader would write it; the root is ``*``, since a change of all is one of each."""
    return ".".join(segments) or ANY
