"""Many items through one target, a bounded number of them in flight."""

from __future__ import annotations

import asyncio
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
    ``limit`` are in flight or unread; leaving the loop, an error or a cancellation cancels the tasks in flight.
    """
    source = _items(items)
    flight: deque[Task[Any]] = deque()
    ended: asyncio.Queue[Task[Any]] = asyncio.Queue()
    exhausted = False
    try:
        while True:
            while not exhausted and len(flight) < limit:
                try:
                    item = await anext(source)
                except StopAsyncIteration:
                    exhausted = True
                    break
                task = submit(item)
                flight.append(task)
                task.add_done_callback(ended.put_nowait)
            if not flight:
                return
            if ordered:
                task = flight[0]
                if not task.done():
                    await asyncio.wait([task.join()])
                task = flight.popleft()
            else:
                task = await ended.get()
                flight.remove(task)
            error = None if task.cancelled() else task.exception()
            if return_exceptions and (error is not None or task.cancelled()):
                yield error if error is not None else task.error
            else:
                yield task.result()
    finally:
        for task in flight:
            task.cancel("the iteration over map() ended")


async def _items(items: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
