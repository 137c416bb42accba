"""Items on their way from a generator, in a thread or on the loop, to whoever reads them on the loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Protocol

from companion_async.offload.frames import ours

RETAINED = 1024
"""Items already read that are kept, so that a short stream can be iterated and awaited."""


class StreamClosed(BaseException):
    """Raised where the producer puts an item that nobody will read: it unwinds the generator."""


class Places(Protocol):
    """Lends the place of the work that calls, while it waits."""

    def block(self, wait: Callable[[], None]) -> None:
        """Call ``wait()`` in this thread."""

    async def pause(self, wait: Callable[[], Awaitable[Any]]) -> None:
        """Await ``wait()`` on the loop."""


class Stream:
    """A bounded buffer with one reader. The producer waits while ``capacity`` items are unread. It keeps its place
    then, so that no more producers work than the category allows, unless its reader is work too (see `begin_reading`).

    `collect` lifts the bound: somebody wants the whole list. ``close`` ends the producer at its next item.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, capacity: int, beat: Callable[[], None], places: Places
    ) -> None:
        self._loop = loop
        self._places = places
        self._works = False
        self._capacity = capacity
        self._beat = beat
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._items: list[Any] = []
        self._read = 0
        self._collecting = False
        self._wanted = False
        self._closed = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self.touched = False
        self.reading = False

    # -- the producer ----------------------------------------------------------------------------------------------

    @ours
    def produce(self, function: Callable[..., Iterator[Any]], *args: Any, **kwargs: Any) -> list[Any]:
        """Run a generator function to its end in this thread, handing on its items; the list of those still kept."""
        items = function(*args, **kwargs)
        try:
            for item in items:
                with self._room:
                    self._add(item, self._loop.call_soon_threadsafe)
                    while self._full() and not self._works:
                        self._room.wait()
                    full = self._full()
                if full:
                    self._places.block(self._wait_for_room)
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
        return self._items

    @ours
    async def produce_async(self, function: Callable[..., AsyncIterator[Any]], *args: Any, **kwargs: Any) -> list[Any]:
        """`produce` for an asynchronous generator function, on the loop."""
        items = function(*args, **kwargs)
        try:
            async for item in items:
                with self._lock:
                    self._add(item, self._call)
                while self._full() and not self._works:
                    self._writer = self._loop.create_future()
                    await self._writer
                if self._full():
                    await self._places.pause(self._await_room)
        finally:
            aclose = getattr(items, "aclose", None)
            if aclose is not None:
                await aclose()
        return self._items

    def _wait_for_room(self) -> None:
        with self._room:
            while self._full():
                self._room.wait()

    async def _await_room(self) -> None:
        while self._full():
            self._writer = self._loop.create_future()
            await self._writer

    def restart(self) -> None:
        """The work is run again from the beginning, and nothing of it has been read. Loop only."""
        with self._room:
            self._items = []

    def close(self) -> None:
        """Nobody reads any more: the producer is unwound at its next item. Loop only."""
        with self._room:
            self._closed = True
            self._room.notify_all()
        _settle(self._writer)
        _settle(self._reader)

    # -- the reader ------------------------------------------------------------------------------------------------

    def collect(self) -> None:
        """Somebody waits for the end: keep all items from here on, or from when the present reader leaves.

        Loop only.
        """
        self._wanted = True
        if not self.reading:
            with self._room:
                self._collecting = True
                self._room.notify_all()
            _settle(self._writer)

    def begin_reading(self, *, by_work: bool) -> None:
        """A reader has come. One that is work lends its place in a category while it waits, and may need the one that
        the producer holds. Loop only.
        """
        self.touched = self.reading = True
        if by_work:
            with self._room:
                self._works = True
                self._room.notify_all()
            _settle(self._writer)

    def end_reading(self) -> None:
        """The reader has left. Loop only."""
        self.reading = False
        if self._wanted:
            self.collect()

    @property
    def unread(self) -> bool:
        """Whether an item is there to be read."""
        return self._read < len(self._items)

    def next(self) -> Any:
        """The oldest unread item. Loop only."""
        with self._room:
            item = self._items[self._read]
            self._read += 1
            self.touched = True
            if self._read > RETAINED and not self._collecting:
                del self._items[: self._read]
                self._read = 0
            if len(self._items) - self._read <= self._capacity // 2:
                self._room.notify_all()
                _settle(self._writer)
        return item

    async def arrival(self) -> None:
        """Return when an item has come or the producer has ended. Cancellation loses nothing. Loop only."""
        self._reader = self._loop.create_future()
        with self._lock:
            ready = self.unread or self._closed
        if not ready:
            await self._reader

    def ended(self) -> None:
        """The producer has ended: let the reader look. Loop only."""
        _settle(self._reader)

    # -- under the lock --------------------------------------------------------------------------------------------

    def _add(self, item: Any, call: Callable[..., Any]) -> None:
        if self._closed:
            raise StreamClosed
        self._items.append(item)
        self._beat()
        if self._reader is not None and not self._reader.done():
            call(_settle, self._reader)

    def _call(self, function: Callable[..., Any], *args: Any) -> None:
        function(*args)

    def _full(self) -> bool:
        return not self._closed and not self._collecting and len(self._items) - self._read >= self._capacity


def _settle(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
