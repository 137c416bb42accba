"""A subscriber's bounded view of the bus: the publisher never waits, a slow reader loses the oldest and is told.

A deque and an event rather than anyio's memory object streams: those refuse the newest when full, and taking the
oldest out again would need a second handle on the same stream and a statistics call for every event.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import anyio.lowlevel

from companion_async.events.kinds import Event

# A reader with a long backlog never has to wait, so it would never let the loop turn; at a microsecond or so per
# event this is well under a millisecond between two turns.
_EVENTS_PER_TURN = 64


T = TypeVar("T")


class BoundedStream(Generic[T]):
    """What happens, one after the other: enter it to begin, iterate it, leave it to end.

    Holds at most ``capacity`` items. ``dropped`` counts those lost because the reader was slower. When the bus
    closes, what is held is still handed out, then the iteration ends. Leaving the block discards the rest.
    Cancelling a reader loses nothing.
    """

    __slots__ = ("_attach", "_buffer", "_closed", "_detach", "_since_turn", "_wakeup", "capacity", "dropped", "pattern")

    def __init__(
        self,
        pattern: str,
        capacity: int,
        attach: Callable[[Any], None],
        detach: Callable[[Any], None],
    ) -> None:
        self.pattern = pattern
        self.capacity = capacity
        self.dropped = 0
        self._buffer: deque[T] = deque(maxlen=capacity)
        self._wakeup: asyncio.Event | None = None
        self._closed = False
        self._since_turn = 0
        self._attach = attach
        self._detach = detach

    def __len__(self) -> int:
        return len(self._buffer)

    async def __aenter__(self) -> Self:
        self._attach(self)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._detach(self)
        self._buffer.clear()
        self.end()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._since_turn >= _EVENTS_PER_TURN:
            self._since_turn = 0
            await anyio.lowlevel.checkpoint()
        while not self._buffer:
            if self._closed:
                raise StopAsyncIteration
            self._since_turn = 0
            if self._wakeup is None:
                self._wakeup = asyncio.Event()
            await self._wakeup.wait()
        self._since_turn += 1
        return self._buffer.popleft()

    def take(self, item: T) -> None:
        """Hold ``item`` for the reader, in the place of the oldest if there is no room. Loop thread only."""
        if len(self._buffer) == self.capacity:
            self.dropped += 1
        self._buffer.append(item)
        if self._wakeup is not None:
            self._wakeup.set()
            self._wakeup = None

    def take_all(self, items: Collection[T]) -> None:
        """`take` each of them."""
        self.dropped += max(0, len(self._buffer) + len(items) - self.capacity)
        self._buffer.extend(items)
        if self._wakeup is not None:
            self._wakeup.set()
            self._wakeup = None

    def end(self) -> None:
        """No more items will come: the reader gets what is held and then the end."""
        self._closed = True
        if self._wakeup is not None:
            self._wakeup.set()
            self._wakeup = None


class EventStream(BoundedStream[Event]):
    """What ``bus.subscribe`` returns."""

    __slots__ = ()
