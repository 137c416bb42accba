"""Many items through one target, a bounded number of them in flight."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import Any

from companion_async.scheduling.task import Task


async def map_tasks(
    submit: Callable[[Any], Task[Any]],
    items: Iterable[Any] | AsyncIterable[Any],
    *,
    limit: int,
    ordered: bool,
    return_exceptions: bool,
) -> AsyncIterator[Any]:
    """Yield the results as they come, or in the order of the items. The next item is asked for only when fewer than
    ``limit`` are in flight or unread, and never waited for while a result is there; leaving the loop, an error or a
    cancellation cancels the tasks in flight.
    """
    flight = _Flight(submit, limit)
    feeder = asyncio.ensure_future(flight.feed(items)) if isinstance(items, AsyncIterable) else None
    source = iter(()) if isinstance(items, AsyncIterable) else iter(items)
    try:
        while True:
            while feeder is None and len(flight.tasks) < limit:
                try:
                    flight.add(next(source))
                except StopIteration:
                    break
            exhausted = feeder is None or feeder.done()
            if feeder is not None and feeder.done():
                feeder.result()
            task = flight.land(ordered)
            if task is None:
                if exhausted and not flight.tasks:
                    return
                await flight.news()
                continue
            error = task.error
            if return_exceptions and error is not None:
                yield error
            else:
                yield task.result()
    finally:
        if feeder is not None:
            feeder.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await feeder
        for task in flight.tasks:
            task.cancel("the iteration over map() ended")


class _Flight:
    """The tasks that are under way or unread."""

    def __init__(self, submit: Callable[[Any], Task[Any]], limit: int) -> None:
        self.tasks: deque[Task[Any]] = deque()
        self._submit = submit
        self._limit = limit
        self._landed: deque[Task[Any]] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    def add(self, item: Any) -> None:
        """Send one more off."""
        task = self._submit(item)
        self.tasks.append(task)
        task.add_done_callback(self._land)

    async def feed(self, items: AsyncIterable[Any]) -> None:
        """Send off all, each as soon as there is room for it."""
        try:
            async for item in items:
                self.add(item)
                while len(self.tasks) >= self._limit:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._news.set()

    def land(self, ordered: bool) -> Task[Any] | None:
        """The next that has ended, if there is one."""
        if ordered:
            task = self.tasks[0] if self.tasks and self.tasks[0].done() else None
        else:
            task = self._landed.popleft() if self._landed else None
        if task is not None:
            self.tasks.remove(task)
            self._room.set()
        return task

    async def news(self) -> None:
        """Return when another has ended, or when there will be no more. Inside work the place is lent meanwhile."""
        self._news.clear()
        seat = self.tasks[0].owner.seat_of_caller() if self.tasks else None
        if seat is None:
            await self._news.wait()
        else:
            await self.tasks[0].owner.loans.wait(seat, tuple(self.tasks), self._news.wait)

    def _land(self, task: Task[Any]) -> None:
        self._landed.append(task)
        self._news.set()
