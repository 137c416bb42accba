"""Live modules on a clock that the test owns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from companion_async.modules.lifecycle import Module
from companion_async.modules.spec import ModuleSpec
from companion_async.testing.clock import VirtualClock
from tests.modules import actors


@pytest.fixture
def trace() -> actors.Trace:
    return actors.Trace()


@pytest.fixture
def traced(trace: actors.Trace) -> type[actors.Traced]:
    return type("Traced", (actors.Traced,), {"trace": trace})


@pytest.fixture
def stuck(trace: actors.Trace) -> Callable[..., type[actors.Stuck]]:
    """``stuck("start")`` is a class whose ``start`` hangs."""

    def stuck(at: str, *, stubborn: bool = False) -> type[actors.Stuck]:
        told = {"trace": trace, "at": at, "stubborn": stubborn, "release": asyncio.Event()}
        return type("Stuck", (actors.Stuck,), told)

    return stuck


@pytest.fixture
def make(trace: actors.Trace, traced: type[actors.Traced], virtual_clock: VirtualClock) -> Callable[..., Module]:
    """``make(module, **fields)`` is a live module, by default of ``traced``; what is def runs at once, in no thread."""

    async def inline(work: Callable[[], Any]) -> Any:
        return work()

    def make(module: Any = traced, *, thread: Any = inline, **fields: Any) -> Module:
        return Module(
            ModuleSpec("m", module, **fields),
            clock=virtual_clock,
            call_in_thread=thread,
            on_change=trace.on_change,
            start_timeout=actors.START_TIMEOUT,
            grace=actors.GRACE,
        )

    return make
