"""The event loops that are measured, and running on one of them."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def available() -> tuple[str, ...]:
    """The kinds of loop that this machine has."""
    return ("asyncio", "uvloop") if importlib.util.find_spec("uvloop") else ("asyncio",)


def run(loop: str, main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on that kind of loop."""
    with asyncio.Runner(loop_factory=_factory(loop)) as runner:
        return runner.run(main)


def warm_up(loop: str) -> None:
    """Have that kind of loop imported and used once."""
    run(loop, asyncio.sleep(0))


def _factory(loop: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if loop == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop
