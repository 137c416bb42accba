"""Checks of single arguments: a name, a duration, a count."""

from __future__ import annotations

import math
import re
import reprlib
from typing import Any

from companion_async.errors import InvalidArgumentError

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_LONGEST_LABEL = 200
_BRIEF = reprlib.Repr()
_BRIEF.maxstring = _BRIEF.maxother = 80


def shown(value: Any) -> str:
    """``value`` for a message: short, made in a short time, and some text even where its own ``repr`` raises."""
    try:
        return _BRIEF.repr(value)[:120]
    except Exception:
        return f"a {type(value).__name__}"


def check_name(value: Any, what: str) -> str:
    """``value`` if it is 1 to 64 letters, digits, ``_``, ``-`` or ``.``; else `InvalidArgumentError`."""
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise InvalidArgumentError(f"{shown(value)} is no {what}: use 1 to 64 letters, digits, '_', '-' or '.'.")


def check_label(value: Any, what: str) -> str:
    """``value`` if it is text for people to tell things apart by, of 1 to 200 printable characters; else
    `InvalidArgumentError`.
    """
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_LABEL and value.isprintable():
        return value
    raise InvalidArgumentError(f"{what} must be 1 to {_LONGEST_LABEL} printable characters; {shown(value)} is not.")


def check_labels(values: Any, what: str, *, most: int = 10_000) -> tuple[str, ...]:
    """``values`` as a tuple if it is a list, tuple or set of at most ``most`` labels; else `InvalidArgumentError`."""
    if not isinstance(values, (list, tuple, set, frozenset)) or len(values) > most:
        raise InvalidArgumentError(f"{what} must be a list of at most {most} texts; {shown(values)} is not.")
    return tuple(check_label(value, f"each of {what}") for value in values)


def check_text(value: Any, what: str, *, longest: int = 1_000_000) -> str:
    """``value`` if it is a text of at most ``longest`` characters without lone surrogates, which no encoding takes;
    else `InvalidArgumentError`.
    """
    if isinstance(value, str) and len(value) <= longest:
        try:
            value.encode()
        except UnicodeEncodeError:
            pass
        else:
            return value
    raise InvalidArgumentError(f"{what} must be a text of at most {longest} characters; {shown(value)} is not.")


def check_seconds(value: Any, what: str, *, zero: bool = False) -> float:
    """``value`` as a float if it is a finite number of seconds above 0 (from 0 on with ``zero``).

    NaN and infinities are refused: JSON lets them in, and a timer set to NaN ends some event loops.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            seconds = float(value)
        except OverflowError:
            seconds = math.inf
        if math.isfinite(seconds) and (seconds > 0 or (zero and seconds == 0)):
            return seconds
    bound = "0 or more" if zero else "more than 0"
    raise InvalidArgumentError(f"{what} must be a finite number of seconds, {bound}; {shown(value)} is not.")


def check_count(value: Any, what: str, *, minimum: int = 1, maximum: int | None = None) -> int:
    """``value`` if it is an int (not a bool) from ``minimum`` to ``maximum``; else `InvalidArgumentError`."""
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and value >= minimum
        and (maximum is None or value <= maximum)
    ):
        return value
    bound = f"from {minimum} on" if maximum is None else f"from {minimum} to {maximum}"
    raise InvalidArgumentError(f"{what} must be a whole number {bound}; {shown(value)} is not.")


def check_fraction(value: Any, what: str) -> float:
    """``value`` as a float if it is a number from 0 to 1; else `InvalidArgumentError`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0:
        raise InvalidArgumentError(f"{what} must be a number from 0 to 1; {shown(value)} is not.")
    return float(value)


def check_valence(value: Any, what: str) -> float:
    """``value`` as a float if it is a number from -1 (bad) to 1 (good); else `InvalidArgumentError`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1.0 <= value <= 1.0:
        raise InvalidArgumentError(f"{what} must be a number from -1 to 1; {shown(value)} is not.")
    return float(value)
