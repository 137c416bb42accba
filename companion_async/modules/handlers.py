"""Which of a module's methods can be called by name, and on which side of the loop each kind of callable runs."""

from __future__ import annotations

import functools
import inspect
from enum import StrEnum
from types import FunctionType, MethodType
from typing import Any

import msgspec

from companion_async.errors import InvalidArgumentError
from companion_async.modules.module import BaseModule

HOOKS = ("start", "stop", "health")

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement
_DEEPEST = 100  # layers of partials, methods and callable objects; more is a circle


class HandlerKind(StrEnum):
    """Where a callable runs: in a worker thread or on the event loop, and whether it streams."""

    THREAD = "thread"
    LOOP = "loop"
    GENERATOR = "generator"
    ASYNC_GENERATOR = "async_generator"


class Handler(msgspec.Struct, frozen=True, gc=False):
    """One entry of a module's allow-list."""

    name: str
    kind: HandlerKind


def classify(callable_: Any) -> HandlerKind:
    """How ``callable_`` runs, without calling it; `InvalidArgumentError` if it cannot be called.

    Sees through partials, bound, static and class methods, callable objects, and wrappers made in C that name what they
    wrap (``functools.cache``). A wrapper written in Python is taken for what it is itself: from the outside a plain
    ``def`` around an ``async def`` cannot be told from one that runs it to its end, as ``async_to_sync`` does, and the
    first is harmless in a thread while the second would block the loop. So a ``THREAD`` callable may return an
    awaitable, and whoever runs it must then await that on the loop.
    """
    layer = callable_
    for _ in range(_DEEPEST):
        if inspect.iscoroutinefunction(layer) or _is_types_coroutine(layer):
            return HandlerKind.LOOP
        if inspect.isasyncgenfunction(layer):
            return HandlerKind.ASYNC_GENERATOR
        if inspect.isgeneratorfunction(layer):
            return HandlerKind.GENERATOR
        below = _below(layer)
        if below is None:
            break
        layer = below
    if callable(callable_) or isinstance(callable_, (staticmethod, classmethod, functools.partialmethod)):
        return HandlerKind.THREAD
    raise InvalidArgumentError(
        f"An object of type {type(callable_).__name__!r} cannot be called. Pass a function or a method."
    )


def collect(source: object) -> dict[str, HandlerKind]:
    """The handlers of a class, or of an instance's class: the name and kind of each public method.

    Public is what has no leading underscore, is not ``start``, ``stop`` or ``health`` and does not come from
    `BaseModule`. Properties are never evaluated; classes, values and callables that are merely kept as attributes, on
    the class or on the instance, are not methods and cannot be reached by name.
    """
    cls = source if isinstance(source, type) else type(source)
    own = set(dir(BaseModule)) if issubclass(cls, BaseModule) else set()
    found: dict[str, HandlerKind] = {}
    for base in reversed(cls.__mro__):
        if not base.__flags__ & _HEAP_TYPE:
            continue  # What a built-in class brings along, str.maketrans for one, its user never meant as a handler.
        for name, attribute in vars(base).items():
            if name.startswith("_") or name in HOOKS or name in own:
                continue
            if is_method(attribute):
                found[name] = classify(attribute)
            else:
                # A subclass that hides a method behind a value takes it off the list.
                found.pop(name, None)
    return found


def is_method(attribute: object) -> bool:
    """Whether a class attribute, as it stands in the class, is a method: written in Python, or wrapping one that is."""
    if isinstance(attribute, (FunctionType, staticmethod, classmethod, functools.partialmethod)):
        return True
    if isinstance(attribute, functools.singledispatchmethod):
        return True
    wraps = inspect.getattr_static(attribute, "__wrapped__", None)
    return wraps is not None and not isinstance(attribute, type) and callable(attribute)


def _below(layer: Any) -> Any:
    """What stands behind one layer of ``layer``, or None where nothing more is known."""
    if isinstance(layer, (functools.partial, functools.partialmethod, functools.singledispatchmethod)):
        return layer.func
    if isinstance(layer, (MethodType, staticmethod, classmethod)):
        return layer.__func__
    if isinstance(layer, (type, FunctionType)):
        return None
    if inspect.isroutine(layer) or isinstance(layer, functools._lru_cache_wrapper):
        return getattr(layer, "__wrapped__", None)
    return inspect.getattr_static(type(layer), "__call__", None)


def _is_types_coroutine(layer: Any) -> bool:
    # types.coroutine leaves the flag of a generator on what must be awaited.
    return isinstance(layer, FunctionType) and bool(layer.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE)
