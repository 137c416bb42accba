"""Whether a call begins is known beforehand, and no call is refused that would have gone through."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from unittest.mock import create_autospec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion_async import InvalidArgumentError, WrongArgumentsError
from companion_async.security import check_call, never_begun


def nothing() -> None: ...
def two(first: int, second: int) -> None: ...
def second_may_lack(first: int, second: int = 0) -> None: ...
def by_place(first: int, /, second: int = 0) -> None: ...
def by_name(first: int, *, second: int) -> None: ...
def perhaps_by_name(first: int, *, second: int = 0) -> None: ...
def any_number(first: int, *others: int) -> None: ...
def anything(*first: int, **second: int) -> None: ...
def first_and_names(first: int, /, **second: int) -> None: ...
async def coroutine(first: int, second: int = 0) -> None: ...


def generator(first: int, second: int = 0) -> Any:
    yield first


class Owner:
    """Functions that are bound to something."""

    def method(self, first: int, second: int = 0) -> None: ...
    @classmethod
    def of_the_class(cls, first: int) -> None: ...
    @staticmethod
    def of_nobody(first: int) -> None: ...


KNOWN: list[Callable[..., Any]] = [
    nothing,
    two,
    second_may_lack,
    by_place,
    by_name,
    perhaps_by_name,
    any_number,
    anything,
    first_and_names,
    coroutine,
    generator,
    Owner().method,
    Owner().of_the_class,
    Owner().of_nobody,
    functools.partial(two, 1),
    functools.partial(second_may_lack, second=1),
    functools.partial(Owner().method, 1),
]


@given(
    function=st.sampled_from(KNOWN),
    args=st.lists(st.integers(), max_size=4).map(tuple),
    kwargs=st.dictionaries(st.sampled_from(["first", "second", "third"]), st.integers()),
)
def test_refused_is_exactly_what_the_interpreter_refuses(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Of functions, methods and partials, whatever their parameters are: the call raises just where this does."""
    try:
        left = function(*args, **kwargs)
        fits = True
        if hasattr(left, "close"):
            left.close()
    except TypeError:
        fits = False
    try:
        check_call("m", "run", function, args, kwargs)
        taken = True
    except WrongArgumentsError:
        taken = False
    assert taken == fits


def test_what_a_decorator_says_of_another_function_is_no_proof() -> None:
    """A wrapper that adds an argument, and an object that gives itself a signature, are called as before."""

    @functools.wraps(two)
    def adds_one(first: int) -> None:
        two(first, 1)

    def claims(*args: int) -> None: ...

    claims.__signature__ = "none"  # type: ignore[attr-defined]
    check_call("m", "run", adds_one, (1,), {})
    check_call("m", "run", claims, (), {"a": 1})
    check_call("m", "run", create_autospec(two), (1, 2, 3), {})
    with pytest.raises(WrongArgumentsError):
        check_call("m", "run", adds_one, (1, 2), {})


def test_the_refusal_says_what_is_taken_and_shows_no_value() -> None:
    """Parameters by their names: a default may be a secret, and its text may be anybody's code."""

    class Secret:
        def __repr__(self) -> str:
            raise AssertionError

    def run(path: str, *, token: object = Secret()) -> None: ...

    with pytest.raises(WrongArgumentsError, match=r"takes \(path, \*, token=\.\.\.\).*missing a required") as caught:
        check_call("files", "run", run, (), {})
    assert isinstance(caught.value, InvalidArgumentError)
    assert isinstance(caught.value, TypeError)
    with pytest.raises(WrongArgumentsError) as caught:
        check_call("files", "run", run, ("a",), {"x" * 100_000: 1})
    assert len(str(caught.value)) < 1000


def test_of_a_call_that_failed_at_once_it_is_known_whose_fault_it_was() -> None:
    """Of callables of C and cached functions only the call tells; a TypeError of another meaning stays what it is."""
    error = TypeError("as the interpreter has it")
    cached = functools.cache(two)
    assert isinstance(never_begun(error, "m", "run", cached, (1,), {}), WrongArgumentsError)
    assert isinstance(never_begun(error, "m", "run", len, (), {}), WrongArgumentsError)
    assert never_begun(error, "m", "run", len, (7,), {}) is error
    assert never_begun(error, "m", "run", dict, (1, 2), {}) is error  # it has no signature
