"""Telling subscribers of commits: after the swap, in the order of the commits, outside of every lock."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
from asyncio import _get_running_loop
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from loguru import logger

from companion_async.errors import InvalidArgumentError, WrongThreadError, trace_of
from companion_async.events.bus import Topic
from companion_async.events.kinds import StateChanged
from companion_async.events.stream import BoundedStream
from companion_async.state.change import StateChange
from companion_async.state.interest import Interests
from companion_async.state.path import Segments, shown
from companion_async.state.store import Commit

Callback = Callable[[list[StateChange]], object] | Callable[[list[StateChange]], Awaitable[object]]
ChangeStream = BoundedStream[list[StateChange]]
CALLBACK_CAPACITY = 1000
DEEPEST = 16
"""Commits that answer each other from inside callbacks."""
OUTBOX = 100_000
"""Commits of threads that a loop which is held up may have before it; more, and the oldest are told to nobody."""
LAST_WORD = 1.0
"""Real seconds that async callbacks have to end when the state does."""
_COMMITS_PER_TURN = 1000


class Subscription:
    """One subscriber's interest in a pattern. ``told`` counts the commits, ``errors`` those at which it raised,
    ``dropped`` those that it lost because it was slower: an ``async def`` that has `CALLBACK_CAPACITY` of them before
    it loses the oldest. A callback runs in the context of its subscriber, not in that of whoever commits.
    """

    __slots__ = (
        "active",
        "busy",
        "callback",
        "context",
        "dropped",
        "errors",
        "module",
        "segments",
        "since",
        "stream",
        "told",
        "waiting",
    )

    def __init__(
        self, module: str, segments: Segments, since: int, callback: Callback | None, stream: ChangeStream | None = None
    ) -> None:
        self.module = module
        self.segments = segments
        self.since = since
        self.callback = callback
        self.stream = stream
        self.context = contextvars.copy_context()
        self.told = 0
        self.errors = 0
        self.dropped = 0
        self.active = False
        self.busy = False
        # What an async callback has before it; None for all others.
        self.waiting: deque[list[StateChange]] | None = deque() if _is_async(callback) else None

    @property
    def pattern(self) -> str:
        """As it was given."""
        return shown(self.segments)


class Announcer:
    """Takes note of commits and tells of them.

    On ``loop`` `tell` does so at once; from elsewhere it has the loop do it. Without a loop the thread that calls
    `tell` calls the callbacks, one thread at a time.
    """

    def __init__(self, topic: Topic | None) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.errors = self.told = self.dropped = 0
        self._topic = topic
        self._interests: Interests[Subscription] = Interests()
        self._subscriptions: dict[Subscription, None] = {}
        self._lock = threading.Lock()
        self._outbox: deque[Commit] = deque()
        self._gate = threading.Lock()
        self._posted = False
        self._teller = 0
        self._depth = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell on this loop."""
        self.loop = loop

    def on_loop(self) -> bool:
        """Whether the loop is running the caller."""
        return self.loop is not None and _get_running_loop() is self.loop

    @property
    def subscriptions(self) -> list[Subscription]:
        """In the order they were made."""
        with self._lock:
            return list(self._subscriptions)

    @property
    def depth(self) -> int:
        """How many commits a commit of this thread would answer: 0 outside of callbacks."""
        return self._depth if self._teller == threading.get_ident() else 0

    def add(self, subscription: Subscription) -> None:
        """Tell it of the commits after its ``since``."""
        if (subscription.waiting is not None or subscription.stream is not None) and self.loop is None:
            raise InvalidArgumentError(
                "An async callback and a stream need an event loop, and this state was made without one. Make it on "
                "a running loop, enter it with 'async with', or pass a plain function."
            )
        with self._lock:
            self._interests.add(subscription.segments, subscription)
            self._subscriptions[subscription] = None
            subscription.active = True

    def remove(self, subscription: Subscription) -> bool:
        """Never tell it again; False if it was not told any more."""
        with self._lock:
            if not subscription.active:
                return False
            subscription.active = False
            del self._subscriptions[subscription]
            self._interests.remove(subscription.segments, subscription)
        stream, waiting = subscription.stream, subscription.waiting
        if stream is not None:
            self.dropped += stream.dropped
        if waiting is not None:
            waiting.clear()
        return True

    def watch(self, module: str, segments: Segments, capacity: int, since: Callable[[], int]) -> ChangeStream:
        """A stream of the changes of each commit that touches the pattern; it begins when it is entered."""
        made: list[Subscription] = []

        def attach(stream: ChangeStream) -> None:
            if not self.on_loop():
                raise WrongThreadError("async with state.watch()")
            if made:
                raise InvalidArgumentError("This stream has been entered already. Call watch() for another one.")
            made.append(Subscription(module, segments, since(), None, stream))
            self.add(made[0])

        def detach(_stream: ChangeStream) -> None:
            self.remove(made[0])

        return BoundedStream(shown(segments), capacity, attach, detach)

    def note(self, commit: Commit) -> None:
        """Keep it to be told, if anybody listens. Called for each commit in order."""
        if self._subscriptions or (self._topic is not None and self._topic.active):
            if len(self._outbox) >= OUTBOX:
                self._outbox.popleft()
                self.dropped += 1
            self._outbox.append(commit)

    def tell(self) -> None:
        """Tell of everything noted. Called with no lock held. What a callback brings about is told after it."""
        if not self._outbox:
            return
        if self.loop is not None and not self.on_loop():
            if not self._posted:
                self._posted = True
                try:
                    self.loop.call_soon_threadsafe(self._drain)
                except RuntimeError:  # the loop has closed: nobody can be listening
                    self._posted = False
                    self._outbox.clear()
            return
        self._drain()

    def _drain(self) -> None:
        self._posted = False
        # Whoever finds the gate shut leaves the rest to the one inside, which looks again after it has opened it.
        while self._outbox and self._gate.acquire(blocking=False):
            try:
                self._teller = threading.get_ident()
                for _ in range(_COMMITS_PER_TURN):
                    if not self._outbox:
                        break
                    self._tell_one(self._outbox.popleft())
            finally:
                self._teller = self._depth = 0
                self._gate.release()
            if self._outbox and self.loop is not None:
                self.loop.call_soon(self._drain)  # threads may commit faster than callbacks run
                return

    def _tell_one(self, commit: Commit) -> None:
        concerned: dict[Subscription, list[StateChange]] = {}
        with self._lock:
            for change in commit.changes:
                for subscription in self._interests.touched(change.segments, commit.old.root, commit.new.root):
                    concerned.setdefault(subscription, []).append(change)
        self._depth, version = commit.depth + 1, commit.new.version
        for subscription, changes in concerned.items():
            if not subscription.active or subscription.since >= version:
                continue
            subscription.told += 1
            if subscription.stream is not None:
                subscription.stream.take(changes)
            elif subscription.waiting is not None:
                self._queue(subscription, subscription.waiting, changes)
            else:
                self.told += 1
                try:
                    subscription.context.run(subscription.callback, changes)  # type: ignore[arg-type]
                except BaseException as error:  # a callback may raise anything; it ends here
                    self._failed(subscription, error)
        if self._topic is not None and self._topic.active:
            for change in commit.changes:
                self._topic.publish(
                    StateChanged(
                        change.path, change.change_type.value, commit.new.version, change.module, change.timestamp
                    )
                )

    def _queue(self, subscription: Subscription, waiting: deque[list[StateChange]], changes: list[StateChange]) -> None:
        if len(waiting) == CALLBACK_CAPACITY:
            waiting.popleft()
            subscription.dropped += 1
            self.dropped += 1
        waiting.append(changes)
        if not subscription.busy and self.loop is not None and not self._closed:
            # A task only while there is something to tell: nobody has to own one that stands idle.
            subscription.busy = True
            task = self.loop.create_task(
                self._serve(subscription, waiting),
                name=f"state for {subscription.module}",
                context=subscription.context,
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, subscription: Subscription, waiting: deque[list[StateChange]]) -> None:
        try:
            while waiting:
                self.told += 1
                try:
                    result: Any = subscription.callback(waiting.popleft())  # type: ignore[misc]
                    await result
                except BaseException as error:
                    this = asyncio.current_task()
                    if isinstance(error, asyncio.CancelledError) and this is not None and this.cancelling():
                        raise  # this task is cancelled; one that the callback raised by itself ends here
                    self._failed(subscription, error)
        finally:
            subscription.busy = False

    def _failed(self, subscription: Subscription, error: BaseException) -> None:
        self.errors += 1
        subscription.errors += 1
        if subscription.errors & (subscription.errors - 1) == 0:  # 1st, 2nd, 4th, 8th ...: it cannot flood the log
            with contextlib.suppress(Exception):  # a sink of the application that raises must not reach the committer
                logger.error(
                    "The subscriber {} of {} raised {} ({} so far); the others were told.\n{}",
                    subscription.module,
                    subscription.pattern,
                    type(error).__name__,
                    subscription.errors,
                    trace_of(error),
                )

    async def close(self) -> None:
        """Tell of what is left. Streams end after what they hold; async callbacks have `LAST_WORD`."""
        while self._outbox:
            self._drain()
            await asyncio.sleep(0)
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=LAST_WORD)
        self._closed = True
        for subscription in self.subscriptions:
            if subscription.stream is not None:
                subscription.stream.end()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))


def _is_async(callback: Callback | None) -> bool:
    return inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(getattr(callback, "__call__", None))  # noqa: B004
