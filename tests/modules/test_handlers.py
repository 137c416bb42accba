"""Which methods can be called by name, and how each kind of callable runs."""

from __future__ import annotations

import asyncio
import functools
import math
import types
from typing import ClassVar
from unittest.mock import AsyncMock, Mock

import pytest

from companion_async.errors import InvalidArgumentError
from companion_async.modules.handlers import Handler, HandlerKind, classify, collect
from companion_async.modules.module import BaseModule

THREAD, LOOP, GENERATOR, ASYNC_GENERATOR = HandlerKind


def plain():
    return 1


async def coroutine():
    return 1


def stream():
    yield 1


async def async_stream():
    yield 1


@types.coroutine
def old_coroutine():
    yield


def passed_through(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


def run_to_its_end(function):
    @functools.wraps(function)
    def wrapper(*args):
        return asyncio.run(function(*args))

    return wrapper


def listed(function):
    @functools.wraps(function)
    def wrapper(*args):
        return list(function(*args))

    return wrapper


def awaited(function):
    @functools.wraps(function)
    async def wrapper(*args):
        return function(*args)

    return wrapper


class Callable_:
    def __call__(self):
        return 1


class AsyncCallable:
    async def __call__(self):
        return 1


class StreamCallable:
    def __call__(self):
        yield 1


class Endless:
    pass


setattr(Endless, "__call__", Endless())  # noqa: B010 - mypy knows no such class


class Owner:
    def bound(self):
        return 1

    async def bound_async(self):
        return 1

    @classmethod
    async def of_class(cls):
        return 1

    @staticmethod
    def static_stream():
        yield 1


KINDS = [
    (plain, THREAD),
    (coroutine, LOOP),
    (stream, GENERATOR),
    (async_stream, ASYNC_GENERATOR),
    (old_coroutine, LOOP),
    (lambda: 1, THREAD),
    (len, THREAD),
    ([].append, THREAD),
    (Owner, THREAD),
    (Owner().bound, THREAD),
    (Owner().bound_async, LOOP),
    (Owner.of_class, LOOP),
    (Owner.static_stream, GENERATOR),
    (functools.partial(coroutine), LOOP),
    (functools.partial(functools.partial(stream)), GENERATOR),
    (functools.partial(Owner().bound_async), LOOP),
    (functools.partial(AsyncCallable()), LOOP),
    (Callable_(), THREAD),
    (AsyncCallable(), LOOP),
    (StreamCallable(), GENERATOR),
    (Endless(), THREAD),
    (functools.cache(plain), THREAD),
    (functools.cache(coroutine), LOOP),
    (functools.lru_cache(maxsize=1)(stream), GENERATOR),
    (passed_through(coroutine), THREAD),
    (run_to_its_end(coroutine), THREAD),
    (listed(stream), THREAD),
    (awaited(plain), LOOP),
    (functools.cache(awaited(plain)), LOOP),
    (AsyncMock(), LOOP),
    (Mock(), THREAD),
]


@pytest.mark.parametrize(
    ("callable_", "kind"), KINDS, ids=lambda value: getattr(value, "__name__", type(value).__name__)
)
def test_every_kind_of_callable_is_told_apart(callable_, kind):
    """Partials, methods, callable objects and wrappers are classified by what a call of them really gives."""
    assert classify(callable_) is kind


@pytest.mark.parametrize("value", [None, 1, "run", object(), [plain]])
def test_what_cannot_be_called_is_refused(value):
    """A value that is no callable is refused at the door."""
    with pytest.raises(InvalidArgumentError, match="cannot be called"):
        classify(value)


class Everything(BaseModule):
    constant = 3
    table: ClassVar[dict[str, int]] = {}
    kept = Mock()
    borrowed = math.sqrt

    class Nested:
        pass

    def __init__(self):
        self.own = plain
        self.evaluated = 0

    def run(self):
        return 1

    async def fetch(self):
        return 1

    def stream(self):
        yield 1

    async def follow(self):
        yield 1

    @staticmethod
    def still():
        return 1

    @classmethod
    async def of_class(cls):
        return 1

    @functools.lru_cache  # noqa: B019 - what it does to a method is what is tested
    def cached(self):
        return 1

    @functools.singledispatchmethod
    async def dispatched(self, value):
        return value

    fixed = functools.partialmethod(fetch)
    short = lambda self: 1  # noqa: E731 - a method all the same

    @property
    def computed(self):
        raise AssertionError

    @functools.cached_property
    def computed_once(self):
        raise AssertionError

    def start(self):
        return None

    async def stop(self):
        return None

    def health(self):
        return None

    def _private(self):
        return None

    def __mangled(self):
        return None

    def __call__(self):
        return None


HANDLERS = {
    "run": THREAD,
    "fetch": LOOP,
    "stream": GENERATOR,
    "follow": ASYNC_GENERATOR,
    "still": THREAD,
    "of_class": LOOP,
    "cached": THREAD,
    "dispatched": LOOP,
    "fixed": LOOP,
    "short": THREAD,
}


@pytest.mark.parametrize("source", [Everything, Everything()], ids=["class", "instance"])
def test_the_handlers_are_the_public_methods_and_nothing_else(source):
    """Properties are not evaluated; hooks, private names, values, classes and kept callables are not on the list."""
    assert collect(source) == HANDLERS


def test_inherited_methods_count_and_hidden_ones_do_not():
    """A method of a base class is a handler until a subclass puts a value in its place."""

    class Base(BaseModule):
        def kept(self):
            return 1

        def hidden(self):
            return 1

        def changed(self):
            return 1

    class Derived(Base):
        hidden = None  # type: ignore[assignment]

        async def changed(self):
            return 1

    assert collect(Derived) == {"kept": THREAD, "changed": LOOP}


def test_a_name_of_the_base_module_is_never_a_handler():
    """A method that takes the place of what BaseModule brings is not offered; elsewhere the name is free."""

    class Odd(BaseModule):
        def agent_state(self):
            return 1

    class Plain:
        def agent_state(self):
            return 1

    assert collect(Odd) == {}
    assert collect(Plain) == {"agent_state": THREAD}


@pytest.mark.parametrize("source", ["text", 3, {}, int, str, math, None, BaseModule(), object()])
def test_built_in_types_bring_no_handlers(source):
    """What a built-in class can do is not offered by name, nor is what BaseModule itself brings."""
    assert collect(source) == {}


def test_a_handler_is_a_value():
    """An entry of the allow-list cannot be changed after registration."""
    handler = Handler("run", THREAD)
    with pytest.raises(AttributeError):
        handler.name = "other"  # type: ignore[misc]
