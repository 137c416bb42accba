"""A callable that is told of events; whatever it raises ends with it."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

from loguru import logger

from companion_async.errors import trace_of
from companion_async.events.kinds import Event
from companion_async.events.stream import EventStream

Handler = Callable[[Event], object]
AsyncHandler = Callable[[Event], Awaitable[object]]


class HandlerEntry:
    """One registration: how often it was called, how often it raised, and what was kept from it.

    ``suppressed`` counts events that the handler brought about itself, by publishing while it ran: it is not told of
    those, so that a handler of failures which fails or publishes failures cannot go round for ever.
    An ``async def`` handler has a ``stream`` of its own, read by one task, so its events stay in order and bounded.
    """

    __slots__ = ("calls", "errors", "fn", "pattern", "stream", "suppressed")

    def __init__(self, pattern: str, fn: Handler | AsyncHandler, stream: EventStream | None) -> None:
        self.pattern = pattern
        self.fn = fn
        self.stream = stream
        self.calls = 0
        self.errors = 0
        self.suppressed = 0

    def failed(self, event: Event, error: BaseException) -> None:
        """Count ``error``; log the 1st, 2nd, 4th, 8th ... so that a handler that always fails cannot flood the log."""
        self.errors += 1
        if self.errors & (self.errors - 1) == 0:
            name = getattr(self.fn, "__qualname__", type(self.fn).__qualname__)
            with contextlib.suppress(Exception):  # a sink of the application that raises must not reach the publisher
                logger.error(
                    "Event handler {} raised {} at {} ({} so far); the others were told.\n{}",
                    name,
                    type(error).__name__,
                    event.kind,
                    self.errors,
                    trace_of(error),
                )
