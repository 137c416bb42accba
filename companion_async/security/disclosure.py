"""Pure: what a task was called with, as text for people: short, made in a short time, and without what is secret."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

import msgspec

_SECRET = re.compile(
    r"passw|passphrase|pwd|secret|token|api_?key|authori[sz]ation|bearer|credential|cookie|private_?key", re.IGNORECASE
)
_LONGEST_TEXT = 200
_LONGEST = 1000
_LONGEST_TOGETHER = 3 * _LONGEST
_MOST_ARGUMENTS = 40
_MOST = (20, 6, 4, 2)  # members that are shown, by depth: together a thousand at most
_LARGEST_BITS = 256
_BRACKETS: Mapping[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("{", "}"),
    dict: ("{", "}"),
}


class Argument(msgspec.Struct, frozen=True):
    """One argument: the name of its parameter, or its place where that is not known, and the value as text."""

    name: str
    value: str


def shown_arguments(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Argument, ...]:
    """Each argument under its name. What has the name of a secret shows as ``***``, and what is not plain data as its
    type in parentheses: nobody's ``__repr__`` is called. What would be too long together is counted in a last one.
    """
    named = [*zip(_names(function, args), args, strict=True), *kwargs.items()]
    shown: list[Argument] = []
    left = _LONGEST_TOGETHER
    for name, value in named[:_MOST_ARGUMENTS]:
        shown.append(Argument(name[:_LONGEST_TEXT], _of_name(name, value, 0)[:_LONGEST]))
        left -= len(shown[-1].value)
        if left <= 0:
            break
    if len(named) > len(shown):
        shown.append(Argument("…", f"{len(named) - len(shown)} more"))
    return tuple(shown)


def _names(function: Callable[..., Any], args: tuple[Any, ...]) -> list[str]:
    """A name for each positional argument."""
    names: list[str] = []
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a callable of C
        parameters = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{place}]" for place in range(len(args) - len(names))]
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    names += [str(place) for place in range(len(names), len(args))]
    return names[: len(args)]


def _of_name(name: object, value: Any, depth: int) -> str:
    if isinstance(name, str) and _SECRET.search(name) and not isinstance(value, (bool, int, float, type(None))):
        return "***"
    return _text(value, depth)


def _text(value: Any, depth: int) -> str:
    kind = type(value)
    if kind is str:
        return repr(value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]}…")
    if kind is int and value.bit_length() > _LARGEST_BITS:
        return f"(a number of {value.bit_length()} bits)"
    if kind in (bool, int, float, type(None)):
        return repr(value)
    if kind in (bytes, bytearray):
        return f"({len(value)} bytes)"
    if kind in _BRACKETS:
        return _members(value, depth)
    return f"({kind.__name__})"


def _members(value: Any, depth: int) -> str:
    begin, end = _BRACKETS[type(value)]
    if depth == len(_MOST):
        return f"{begin}…{end}" if value else f"{begin}{end}"
    if type(value) is dict:
        pairs = ((_text(key, len(_MOST)), _of_name(key, each, depth + 1)) for key, each in value.items())
        parts: Iterable[str] = (f"{key}: {each}" for key, each in pairs)
    else:
        parts = (_text(each, depth + 1) for each in value)
    shown = list(islice(parts, _MOST[depth]))
    more = [f"… {len(value) - len(shown)} more"] if len(value) > len(shown) else []
    return f"{begin}{', '.join([*shown, *more])}{end}"
