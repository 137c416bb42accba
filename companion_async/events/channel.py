"""Channels: bounded lines of items from senders to receivers, coroutines and threads alike.

Not anyio's memory object streams, though they mean the same: those lose an item when the receiver's task is cancelled
between hand-over and resumption, deliver the item of a send that raised `CancelledError`, and know no threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

import anyio.lowlevel
import msgspec

from companion_async.errors import ChannelClosedError, InvalidArgumentError, WrongThreadError
from companion_async.events.turns import Line, LoopWaiter, ThreadWaiter, Waiter
from companion_async.security import check_count, check_seconds

T = TypeVar("T")

Overflow = Literal["wait", "drop_oldest"]
OVERFLOWS: tuple[Overflow, ...] = ("wait", "drop_oldest")
USUAL_CAPACITY = 64
_LONGEST_NAME = 128
# Who never has to wait would never let the loop turn.
_ITEMS_PER_TURN = 64
_NOTHING: Any = object()


class Waits(Protocol):
    """How work waits: with its place in its category lent to others, so that a full category still moves."""

    def sleep(self, done: threading.Event, seconds: float | None) -> None:
        """Block this thread until ``done``, at most ``seconds``; raises when the work that calls is given up."""

    async def pause(self, wait: Callable[[], Awaitable[Any]]) -> None:
        """Await ``wait()``."""


class PlainWaits:
    """Waiting where nothing is to be lent."""

    def sleep(self, done: threading.Event, seconds: float | None) -> None:
        done.wait(seconds)

    async def pause(self, wait: Callable[[], Awaitable[Any]]) -> None:
        await wait()


class ChannelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A channel at one moment: ``waiting`` items of ``capacity``, who stands in line, and totals since it was made."""

    name: str
    capacity: int
    overflow: str
    waiting: int
    senders_waiting: int
    receivers_waiting: int
    sent: int
    received: int
    dropped: int
    closed: bool


class Channel(Generic[T]):
    """Items in the order in which they were sent, each to one receiver.

    Coroutines `send`, `receive` and ``async for``; threads `put`, `get` and ``for``. Senders wait while ``capacity``
    items are unread, in order of arrival; so do receivers while there is none. With ``overflow="drop_oldest"`` senders
    never wait: the oldest item goes, and is counted. Closed, it refuses what is sent, and ends for its receivers after
    what it holds.

    A send that raises has not sent, a receive that raises has not received, whenever a cancellation or a time limit
    strikes. Work that waits lends its place in its category, so senders and receivers may share a full one; what a
    house with all its ``max_threads`` waiting needs to go on is another thread, and that it does not get.
    """

    def __init__(
        self,
        name: str,
        capacity: int = USUAL_CAPACITY,
        *,
        overflow: Overflow = "wait",
        waits: Waits | None = None,
        on_close: Callable[[Channel[Any]], None] | None = None,
    ) -> None:
        self.name = check_channel_name(name)
        self.capacity = check_count(capacity, "capacity")
        self.overflow = check_overflow(overflow)
        self._waits = waits if waits is not None else PlainWaits()
        self._on_close = on_close
        self._lock = threading.Lock()
        self._items: deque[T] = deque()
        self._senders = Line()
        self._receivers = Line()
        self._closed = False
        self._sent = self._received = self._dropped = 0
        self._since_turn = 0

    # -- coroutines ------------------------------------------------------------------------------------------------

    async def send(self, item: T) -> None:
        """Put ``item`` in, waiting for room; `ChannelClosedError` if there never will be."""
        if self._turn_is_due():
            await anyio.lowlevel.checkpoint()
        if self._put(item):
            return
        waiter = LoopWaiter()
        self._join(self._senders, waiter)
        try:
            await self._waits.pause(waiter.wait)
        except BaseException:
            self._leave(self._senders, waiter)
            raise
        self._put(item, waiter)

    async def receive(self) -> T:
        """The next item, waited for; `ChannelClosedError` once the channel is closed and empty."""
        if self._turn_is_due():
            await anyio.lowlevel.checkpoint()
        item = self._take()
        if item is not _NOTHING:
            return item
        waiter = LoopWaiter()
        self._join(self._receivers, waiter)
        try:
            await self._waits.pause(waiter.wait)
        except BaseException:
            self._leave(self._receivers, waiter)
            raise
        return self._take(waiter)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.receive()
        except ChannelClosedError:
            raise StopAsyncIteration from None

    # -- threads ---------------------------------------------------------------------------------------------------

    def put(self, item: T, timeout: float | None = None) -> None:
        """`send` from a thread without an event loop; `TimeoutError` after ``timeout`` seconds, 0 tries once."""
        limit = _patience("channel.put()", "await channel.send(item)", timeout)
        if not self._put(item):
            self._put(item, self._wait(self._senders, limit, "has no room"))

    def get(self, timeout: float | None = None) -> T:
        """`receive` from a thread without an event loop; `TimeoutError` after ``timeout`` seconds, 0 tries once."""
        limit = _patience("channel.get()", "await channel.receive()", timeout)
        item = self._take()
        return item if item is not _NOTHING else self._take(self._wait(self._receivers, limit, "holds no item"))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        try:
            return self.get()
        except ChannelClosedError:
            raise StopIteration from None

    # -- any thread ------------------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent."""
        return self._closed

    def __len__(self) -> int:
        """How many items are unread now."""
        return len(self._items)

    def __bool__(self) -> bool:
        """True: a channel that holds nothing is a channel."""
        return True

    def close(self) -> None:
        """Refuse what is sent from now on; receivers end after what is held. Any thread; a second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            leaving = [*self._senders.dissolve(), *self._receivers.dissolve()]
        for waiter in leaving:
            waiter.wake()
        if self._on_close is not None:
            self._on_close(self)

    def status(self) -> ChannelStatus:
        """The channel at this moment."""
        with self._lock:
            return ChannelStatus(
                name=self.name,
                capacity=self.capacity,
                overflow=self.overflow,
                waiting=len(self._items),
                senders_waiting=len(self._senders),
                receivers_waiting=len(self._receivers),
                sent=self._sent,
                received=self._received,
                dropped=self._dropped,
                closed=self._closed,
            )

    def __repr__(self) -> str:
        return f"<Channel {self.name!r}: {len(self._items)} of {self.capacity} items>"

    # -- inside ----------------------------------------------------------------------------------------------------

    def _put(self, item: T, waiter: Waiter | None = None) -> bool:
        """Take the room there is, or that ``waiter`` was promised; False if it has to be waited for."""
        oldest: Any = None
        with self._lock:
            promised = waiter is not None and waiter.granted
            self._senders.promised -= promised
            if self._closed:
                raise ChannelClosedError(self.name)
            if not promised and len(self._items) + self._senders.promised >= self.capacity:
                if self.overflow != "drop_oldest":
                    return False
                oldest = self._items.popleft()
                self._dropped += 1
            self._items.append(item)
            self._sent += 1
            woken = self._receivers.promise(len(self._items))
        del oldest  # outside of the lock: the end of an item may run anything
        if woken is not None:
            woken.wake()
        return True

    def _take(self, waiter: Waiter | None = None) -> T:
        """The item there is, or that ``waiter`` was promised; nothing if it has to be waited for."""
        with self._lock:
            promised = waiter is not None and waiter.granted
            self._receivers.promised -= promised
            if not promised and len(self._items) <= self._receivers.promised:
                if self._closed:
                    raise ChannelClosedError(self.name)
                return _NOTHING  # type: ignore[no-any-return]
            item = self._items.popleft()
            self._received += 1
            woken = self._senders.promise(self.capacity - len(self._items))
        if woken is not None:
            woken.wake()
        return item

    def _join(self, line: Line, waiter: Waiter) -> None:
        with self._lock:
            line.join(waiter)
            woken = [self._promise(line)] if not self._closed else line.dissolve()
        for one in woken:
            if one is not None:
                one.wake()

    def _leave(self, line: Line, waiter: Waiter) -> None:
        with self._lock:
            line.leave(waiter)
            woken = self._promise(line)
        if woken is not None:
            woken.wake()

    def _promise(self, line: Line) -> Waiter | None:
        held = len(self._items)
        return line.promise(held if line is self._receivers else self.capacity - held)

    def _wait(self, line: Line, limit: float | None, why: str) -> ThreadWaiter:
        """Block until something is promised or the channel is closed."""
        waiter = ThreadWaiter()
        self._join(line, waiter)
        try:
            if limit != 0:
                self._waits.sleep(waiter.done, limit)
        except BaseException:
            self._leave(line, waiter)
            raise
        with self._lock:
            if waiter.granted or self._closed:
                return waiter
            line.leave(waiter)
        raise TimeoutError(f"Channel {self.name!r} {why} after {limit:g} s.")

    def _turn_is_due(self) -> bool:
        self._since_turn = (self._since_turn + 1) % _ITEMS_PER_TURN
        return not self._since_turn


def check_channel_name(name: Any) -> str:
    """``name`` if it is text that can be shown, such as ``perception->planning``."""
    if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable():
        return name
    raise InvalidArgumentError(
        f"{name!r:.80} is no name for a channel: use 1 to {_LONGEST_NAME} printable characters, "
        "such as 'perception->planning'."
    )


def check_overflow(overflow: Any) -> Overflow:
    """``overflow`` if it is a rule."""
    if overflow in OVERFLOWS:
        return overflow  # type: ignore[no-any-return]
    raise InvalidArgumentError(f"overflow must be one of {', '.join(OVERFLOWS)}; {overflow!r:.80} is not.")


def _patience(operation: str, instead: str, timeout: Any) -> float | None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return None if timeout is None else check_seconds(timeout, "timeout", zero=True)
    raise WrongThreadError(operation, instead)
