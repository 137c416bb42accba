"""Pure: whether a callable takes the arguments of a call, as far as that can be known without calling it."""

from __future__ import annotations

import inspect
import math
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from companion_async.errors import WrongArgumentsError

_LONGEST = 300


class _Default:
    def __repr__(self) -> str:
        return "..."


def check_call(module: str, target: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """`WrongArgumentsError` if a call of ``function`` with these would not even begin.

    Known of functions written in Python, their methods and partials, by what they take themselves: what a decorator
    says of the function that it wraps is no proof, and no call is refused that would have gone through. Of everything
    else only the call can tell; see `never_begun`.
    """
    if _takes(function, len(args)) and not kwargs:
        return
    if _is_plain(function):
        _bind(module, target, inspect.signature(function, follow_wrapped=False), args, kwargs)


def never_begun(
    error: TypeError, module: str, target: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Exception:
    """What to make of a TypeError that a call raised before any code of the work ran: `WrongArgumentsError` where
    ``function`` does not take what it was given, else the error itself.
    """
    try:
        _bind(module, target, inspect.signature(function), args, kwargs)
    except WrongArgumentsError as refusal:
        return refusal
    except Exception:  # nothing is known of its parameters, or what it says of them is no signature
        return error
    return error


def _takes(function: Any, count: int) -> bool:
    """Whether so many arguments by position, and no others, surely fit."""
    if type(function) is MethodType:
        function, count = function.__func__, count + 1
    if type(function) is not FunctionType:
        return False
    code = function.__code__
    least = code.co_argcount - len(function.__defaults__ or ())
    most = math.inf if code.co_flags & inspect.CO_VARARGS else code.co_argcount
    return least <= count <= most and not code.co_kwonlyargcount


def _is_plain(function: Any) -> bool:
    if type(function) is MethodType:
        return _is_plain(function.__func__)
    if type(function) is partial:
        return _is_plain(function.func)
    return type(function) is FunctionType and "__signature__" not in function.__dict__


def _bind(
    module: str, target: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        # Names alone: the text may be answered to strangers, and somebody's __repr__ may do anything.
        parameters = [
            each.replace(annotation=each.empty, default=each.empty if each.default is each.empty else _Default())
            for each in signature.parameters.values()
        ]
        takes = str(inspect.Signature(parameters))[:_LONGEST]
        raise WrongArgumentsError(module, target, takes, str(error)[:_LONGEST]) from None
