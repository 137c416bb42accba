"""The event bus: topics that cost nothing unheard, bounded streams, isolated handlers."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Collection
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import anyio
import msgspec
from anyio.abc import TaskGroup

from companion_async.errors import BrainClosedError, InvalidArgumentError
from companion_async.events.handler import AsyncHandler, Handler, HandlerEntry
from companion_async.events.kinds import EVENT_KINDS, Event
from companion_async.events.stream import EventStream
from companion_async.security import check_count

_Listener = EventStream | HandlerEntry
_Chain = tuple[HandlerEntry, ...]
HANDLER_CAPACITY = 1000


class EventBusStats(msgspec.Struct, frozen=True):
    """Totals since the bus was made; ``dropped`` counts the streams that are still open and those that have ended."""

    streams: int
    handlers: int
    dropped: int
    handler_errors: int


class Topic:
    """One kind of event. Keep it and ask ``active`` before making an event: unheard, that is all an event costs."""

    __slots__ = ("_bus", "_listeners", "_streams", "active", "calls", "kind")

    def __init__(self, bus: EventBus, kind: str) -> None:
        self.kind = kind
        self._bus = bus
        self._listen(())

    def _listen(self, listeners: tuple[_Listener, ...]) -> None:
        self._listeners = listeners
        self.active = bool(listeners)
        # Where nobody but streams listens, as nearly always, no code of others runs and nothing can come in between.
        streams = [entry if isinstance(entry, EventStream) else entry.stream for entry in listeners]
        self._streams = tuple(stream for stream in streams if stream is not None) if None not in streams else None
        self.calls = self._streams is None  # whether publishing runs the code of others

    @property
    def listeners(self) -> int:
        """How many streams and handlers would be told."""
        return len(self._listeners)

    def publish(self, event: Event) -> None:
        """Tell everyone who listened when the call began. Never waits and never raises. Loop thread only.

        Published from inside a handler, the event is told after the one that the handler was called for, so that every
        listener sees the same order.
        """
        streams, bus = self._streams, self._bus
        if streams is None or bus._chain is not None:
            bus._deliver(self, event)
        else:
            for stream in streams:
                stream.take(event)

    def publish_all(self, events: Collection[Event]) -> None:
        """`publish` each of them, where nobody is to be called in between: ``calls`` is False."""
        for stream in self._streams or ():
            stream.take_all(events)


class EventBus:
    """Hands events to bounded streams and to handlers. Everything but `publish_threadsafe` is for the loop's thread.

    ``async with EventBus() as bus`` owns the tasks of ``async def`` handlers; leaving it closes the bus: streams end
    after what they hold, handler tasks are cancelled. Streams and plain handlers work before it is entered too.
    """

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}
        self._entries: dict[_Listener, None] = {}
        self._pending: deque[tuple[Topic, Event, _Chain]] = deque()
        self._chain: _Chain | None = None
        self._closed = False
        self._dropped_by_ended = 0
        self._errors_of_removed = 0
        self._stack = AsyncExitStack()
        self._tasks: TaskGroup | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        for kind in EVENT_KINDS:
            self.topic(kind)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._tasks = await self._stack.enter_async_context(anyio.create_task_group())
        for entry in self._entries:
            if isinstance(entry, HandlerEntry) and entry.stream is not None:
                self._tasks.start_soon(self._serve, entry)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        await self._stack.aclose()

    def topic(self, kind: str) -> Topic:
        """The one topic of that kind; the same object every time."""
        topic = self._topics.get(kind)
        if topic is None:
            topic = self._topics[kind] = Topic(self, kind)
            topic._listen(tuple(entry for entry in self._entries if _matches(entry.pattern, kind)))
        return topic

    def publish(self, event: Event) -> None:
        """`Topic.publish` on the topic of the event's kind."""
        topic = self._topics.get(event.kind) or self.topic(event.kind)
        if topic.active:
            topic.publish(event)

    def publish_threadsafe(self, event: Event) -> None:
        """Publish from any thread, soon. Does nothing unless someone listens and the bus has been entered."""
        topic, loop = self._topics.get(event.kind), self._loop
        if topic is None or not topic.active or loop is None:
            return
        try:
            loop.call_soon_threadsafe(topic.publish, event)
        except RuntimeError:
            return  # the loop has closed: nobody can be listening

    def subscribe(self, pattern: str = "*", capacity: int = 1000) -> EventStream:
        """A stream of the kinds that ``pattern`` names: exact, ``task.*`` or ``*``. It begins when it is entered."""
        self._check(pattern)
        return EventStream(pattern, check_count(capacity, "capacity"), self._attach, self._detach)

    def add_handler(self, pattern: str, fn: Handler | AsyncHandler) -> HandlerEntry:
        """Call ``fn(event)`` for each event of ``pattern``.

        A plain function runs within ``publish``, so it must be quick, and misses nothing. An ``async def`` runs in a
        task of the bus, one event at a time in order; it falls behind as a stream does, losing the oldest. Whatever
        either raises is counted and logged, and the others are told all the same. The bus keeps ``fn`` alive until
        `remove_handler`.
        """
        self._check(pattern)
        if not callable(fn):
            raise InvalidArgumentError(f"An event handler must be callable; {fn!r:.80} is not.")
        stream = None
        if inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(fn, "__call__", None)):  # noqa: B004
            stream = EventStream(pattern, HANDLER_CAPACITY, self._attach, self._detach)
        entry = HandlerEntry(pattern, fn, stream)
        self._attach(entry)
        if stream is not None and self._tasks is not None:
            self._tasks.start_soon(self._serve, entry)
        return entry

    def remove_handler(self, pattern: str, fn: Handler | AsyncHandler) -> bool:
        """Forget the oldest registration of ``fn`` under ``pattern``; False if there is none."""
        for entry in self._entries:
            if isinstance(entry, HandlerEntry) and entry.pattern == pattern and entry.fn == fn:
                self._detach(entry)
                if entry.stream is not None:
                    entry.stream.end()
                return True
        return False

    def close(self) -> None:
        """End every stream and task. Events published from now on are told to nobody. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        for entry in list(self._entries):
            stream = entry if isinstance(entry, EventStream) else entry.stream
            if stream is not None:
                stream.end()
            self._detach(entry)
        self._pending.clear()
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()

    def stats(self) -> EventBusStats:
        """Counts for the status page."""
        dropped, errors = self._dropped_by_ended, self._errors_of_removed
        handlers = 0
        for entry in self._entries:
            dropped += _dropped(entry)
            if isinstance(entry, HandlerEntry):
                handlers += 1
                errors += entry.errors
        return EventBusStats(len(self._entries) - handlers, handlers, dropped, errors)

    def _check(self, pattern: object) -> None:
        if self._closed:
            raise BrainClosedError("shut down")
        if not any(_matches(pattern, kind) for kind in self._topics):
            raise InvalidArgumentError(
                f"{pattern!r:.80} matches no kind of event. Use '*', a family such as 'task.*', or one of: "
                f"{', '.join(self._topics)}."
            )

    def _attach(self, entry: _Listener) -> None:
        if self._closed:
            raise BrainClosedError("shut down")
        if entry in self._entries:
            raise InvalidArgumentError("This stream has been entered already. Call subscribe() for another one.")
        self._entries[entry] = None
        # A new tuple each time, here and below: whoever is being told at this moment walks the old one to its end.
        for topic in self._matching(entry.pattern):
            topic._listen((*topic._listeners, entry))

    def _detach(self, entry: _Listener) -> None:
        if entry not in self._entries:
            return
        del self._entries[entry]
        self._dropped_by_ended += _dropped(entry)
        if isinstance(entry, HandlerEntry):
            self._errors_of_removed += entry.errors
        for topic in self._matching(entry.pattern):
            topic._listen(tuple(other for other in topic._listeners if other is not entry))

    def _matching(self, pattern: str) -> list[Topic]:
        return [topic for topic in self._topics.values() if _matches(pattern, topic.kind)]

    def _deliver(self, topic: Topic, event: Event) -> None:
        if self._chain is not None:
            self._pending.append((topic, event, self._chain))
            return
        self._tell(topic, event, ())
        while self._pending:
            self._tell(*self._pending.popleft())

    def _tell(self, topic: Topic, event: Event, chain: _Chain) -> None:
        for listener in topic._listeners:
            if isinstance(listener, EventStream):
                listener.take(event)
            elif listener.stream is not None:
                listener.stream.take(event)
            elif listener in chain:
                listener.suppressed += 1
            else:
                self._call(listener, event, chain)

    def _call(self, entry: HandlerEntry, event: Event, chain: _Chain) -> None:
        self._chain = (*chain, entry)
        entry.calls += 1
        try:
            entry.fn(event)
        except BaseException as error:  # a handler may raise anything; it ends here
            entry.failed(event, error)
        finally:
            self._chain = None

    async def _serve(self, entry: HandlerEntry) -> None:
        assert entry.stream is not None
        async for event in entry.stream:
            entry.calls += 1
            try:
                result = entry.fn(event)
                assert inspect.isawaitable(result)
                await result
            except BaseException as error:
                this = asyncio.current_task()
                if isinstance(error, asyncio.CancelledError) and this is not None and this.cancelling():
                    raise  # this task is cancelled; one that the handler raised by itself ends here
                entry.failed(event, error)


def _matches(pattern: object, kind: str) -> bool:
    if not isinstance(pattern, str):
        return False
    return pattern in ("*", kind) or (pattern.endswith(".*") and kind.startswith(pattern[:-1]))


def _dropped(entry: _Listener) -> int:
    stream = entry if isinstance(entry, EventStream) else entry.stream
    return stream.dropped if stream is not None else 0
