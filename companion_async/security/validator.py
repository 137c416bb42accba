"""`SecurityValidator`: the checks on memories, state and calls that modules and doors share."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from companion_async.errors import SecurityError
from companion_async.security.arguments import shown
from companion_async.security.paths import check_state_path
from companion_async.security.values import USUAL, Inspection, SecuritySettings, UnknownTypeError, check_value

_LONGEST_TYPE = 64
# What moves a terminal's cursor or ends a C string; white space and line ends are text.
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


class SecurityValidator:
    """Each check returns what it was given, fit for use, or raises `SecurityError` or `InvalidPathError`.

    Nothing is escaped for HTML or for any other language: text is stored as it was said, and escaped where it is shown.
    ``limits`` are those of a brain: ``brain.config.security``.
    """

    @staticmethod
    def sanitize_memory_data(
        content: str,
        type: str,
        importance: float | str = 0.5,
        context: Mapping[str, Any] | None = None,
        *,
        limits: SecuritySettings = USUAL,
    ) -> tuple[str, str, float, dict[str, Any]]:
        """The four, fit to be stored.

        In all text, control characters become their visible pictures (escape becomes ``␛``), and what no encoding takes
        becomes ``�``; nothing else is changed, and a second time changes nothing. ``importance`` is a number from 0 to
        1 or the text of one. Of ``context`` what is no plain data is left out; what is too big, too deep, not finite or
        under a key that begins with ``__`` is refused, as is content beyond ``max_content`` characters.
        """
        given: Any = content
        if not isinstance(given, str):
            raise SecurityError(f"content must be text; {_kind(content)} is not.")
        if len(content) > limits.max_content:
            raise SecurityError(f"content has {len(content)} characters; at most {limits.max_content} are taken.")
        named: Any = type
        if not (isinstance(named, str) and 0 < len(type) <= _LONGEST_TYPE and type.isprintable()):
            raise SecurityError(f"type must be 1 to {_LONGEST_TYPE} printable characters; {shown(type)} is not.")
        if not isinstance(context, Mapping | None):
            raise SecurityError(f"context must be a dict; {_kind(context)} is not.")
        return visible(content), type, _importance(importance), _context(context or {}, limits)

    @staticmethod
    def validate_state_path(path: str) -> str:
        """``path`` if it can name a place in the state: see `check_state_path`."""
        check_state_path(path)
        return path

    @staticmethod
    def validate_state_value(value: Any, *, limits: SecuritySettings = USUAL) -> Any:
        """``value`` if it is plain data within the limits: see `check_value`."""
        check_value(value, "value", limits)
        return value

    @staticmethod
    def validate_execution_args(
        args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, *, limits: SecuritySettings = USUAL
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call that comes from outside: few, with plain names, and plain data within the limits."""
        if not isinstance(args, (list, tuple)):
            raise SecurityError(f"args must be a list or tuple; {_kind(args)} is not.")
        if not isinstance(kwargs, Mapping | None):
            raise SecurityError(f"kwargs must be a dict; {_kind(kwargs)} is not.")
        named: dict[Any, Any] = dict(kwargs or {})
        if len(args) + len(named) > limits.max_arguments:
            raise SecurityError(f"A call takes at most {limits.max_arguments} arguments, not {len(args) + len(named)}.")
        inspection = Inspection(limits)
        for index, value in enumerate(args):
            inspection.look(value, f"args[{index}]")
        for name, value in named.items():
            if not (isinstance(name, str) and name.isidentifier() and not name.startswith("__")):
                raise SecurityError(f"{shown(name)} is no name for an argument.")
            inspection.look(value, f"kwargs[{name[:40]!r}]")
        return tuple(args), named


def visible(text: str) -> str:
    """``text`` with pictures in the place of control characters."""
    return _CONTROLS.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def _importance(given: Any) -> float:
    if isinstance(given, (int, float, str)) and not isinstance(given, bool):
        try:
            number = float(given)
        except (ValueError, OverflowError):
            number = math.nan
        if 0.0 <= number <= 1.0:
            return number
    raise SecurityError(f"importance must be a number from 0 to 1; {shown(given)} is not.")


def _context(context: Mapping[Any, Any], limits: SecuritySettings) -> dict[str, Any]:
    inspection, kept = Inspection(limits, encodable=False), dict[str, Any]()
    for key, value in context.items():
        if not isinstance(key, str) or key.startswith("__"):
            raise SecurityError(f"{shown(key)} is no key for a context: use text that does not begin with '__'.")
        try:
            inspection.look({key: value}, "context")
        except UnknownTypeError:
            continue
        kept[visible(key)] = _clean(value)
    return kept


def _clean(value: Any) -> Any:
    """A value that was looked at, with all its text made visible."""
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return visible(value)
    if isinstance(value, dict):
        return {_clean(key): _clean(member) for key, member in value.items()}
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            return kind(_clean(member) for member in value)
    return value


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"
