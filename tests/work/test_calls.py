"""Calls that a handler or callable does not take: refused where they are made, and nobody else's fault."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from companion_async import CompanionError, WrongArgumentsError
from tests.work.house import port, running


class Kinds:
    """A handler of each kind, and one that cannot be looked into."""

    def plain(self, first: int, second: int = 0) -> int:
        return first + second

    async def awaited(self, first: int, *, second: int = 0) -> int:
        return first + second

    def streamed(self, first: int, second: int = 0) -> Iterator[int]:
        yield first + second

    async def streamed_on_the_loop(self, first: int, second: int = 0) -> AsyncIterator[int]:
        yield first + second

    @functools.lru_cache  # noqa: B019 - it is called once
    def cached(self, first: int) -> int:
        return first

    def inner(self, first: int) -> None:
        self.plain()  # type: ignore[call-arg]


@pytest.mark.feature("CB-06", "PM-03")
@pytest.mark.parametrize("target", ["plain", "awaited", "streamed", "streamed_on_the_loop"])
async def test_a_call_that_its_handler_does_not_take_is_refused_at_the_door(target: str):
    """Too few or many arguments, or wrong names: `submit` raises what the handler takes, and nothing has happened."""
    async with running() as brain:
        await brain.register("kinds", Kinds)
        for args, kwargs in [((), {}), ((1, 2, 3), {}), ((1,), {"third": 3}), ((1,), {"first": 1})]:
            for _ in range(2):
                with pytest.raises(
                    WrongArgumentsError, match=rf"'{target}' of module 'kinds' takes \(first, .*second="
                ):
                    brain.submit("kinds", target, *args, kwargs=kwargs)
        assert brain.tasks() == []
        for _ in range(2):
            assert await brain.submit("kinds", target, 1, kwargs={"second": 2}) in (3, [3])
            assert await brain.submit("kinds", target, 1) in (1, [1])


@pytest.mark.feature("CB-06")
async def test_a_callable_that_does_not_take_its_arguments_is_refused_too():
    """Functions, methods and partials that come with the task, and a function that is the module."""
    async with running() as brain:
        await brain.register("double", lambda value: 2 * value)
        for target in (Kinds().plain, functools.partial(Kinds().plain), lambda first: first):
            assert await brain.submit("double", target, 3) == 3
            with pytest.raises(WrongArgumentsError):
                brain.submit("double", target)
        with pytest.raises(WrongArgumentsError, match=r"'run' of module 'double' takes \(value\)"):
            brain.submit("double")
        with pytest.raises(TypeError):
            await brain.to_thread(lambda: 1, 2)


@pytest.mark.feature("CB-06", "CB-09")
async def test_a_call_that_only_the_interpreter_can_refuse_is_the_callers_fault_all_the_same():
    """It fails once, whatever the retries, and counts as no failure in a row; what the work's own code raises does."""
    async with running() as brain:
        await brain.register("kinds", Kinds, retry=5)
        task = brain.submit("kinds", "cached")
        with pytest.raises(WrongArgumentsError, match=r"'cached' of module 'kinds' takes \(first\)"):
            await task
        assert task.attempt == 1
        with pytest.raises(WrongArgumentsError):
            await brain.submit("kinds", len)
        record = port(brain, "kinds").record
        assert (record.tasks_failed, record.failures_in_row) == (2, 0)
        with pytest.raises(TypeError, match="positional argument") as caught:
            await brain.submit("kinds", "inner", 1, retry=1)
        assert not isinstance(caught.value, CompanionError)
        with pytest.raises(TypeError, match="has no len") as caught:
            await brain.submit("kinds", len, 7, retry=1)
        assert not isinstance(caught.value, CompanionError)
        assert record.failures_in_row == 2


@pytest.mark.feature("CB-06", "PM-14")
async def test_what_a_module_takes_is_asked_of_the_instance_that_is_up():
    """A method that the instance has replaced is called by what that takes, and a restart may change it."""
    made: list[int] = []

    class Changing:
        def __init__(self) -> None:
            made.append(1)
            if len(made) > 1:
                vars(self)["run"] = lambda first, second: (first, second)

        def run(self, first: int) -> Any:
            return first

    async with running() as brain:
        await brain.register("changing", Changing)
        assert await brain.submit("changing", "run", 1) == 1
        with pytest.raises(WrongArgumentsError):
            brain.submit("changing", "run", 1, 2)
        await brain.restart("changing")
        assert await brain.submit("changing", "run", 1, 2) == (1, 2)
        with pytest.raises(WrongArgumentsError):
            brain.submit("changing", "run", 1)
