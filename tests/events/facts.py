"""What tests of events and channels share: events to publish, and what streams and channels hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from companion_async.events.channel import Channel
from companion_async.events.kinds import ModulePaused, TaskCompleted, TaskFailed
from companion_async.events.stream import EventStream

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def completed(name: str | int = "t1") -> TaskCompleted:
    """A task has completed."""
    return TaskCompleted(str(name), "m", "core", NOW)


def failed(name: str | int = "t1") -> TaskFailed:
    """A task has failed."""
    return TaskFailed(str(name), "m", "core", NOW, "ValueError", "no")


def paused() -> ModulePaused:
    """A module was paused."""
    return ModulePaused("m", "core", NOW)


async def taken(stream: EventStream) -> list[str]:
    """What the stream holds now, as kinds or task ids."""
    found: list[str] = []
    while len(stream):
        event = await anext(stream)
        found.append(getattr(event, "task_id", event.kind))
    return found


def held(channel: Channel[Any]) -> list[Any]:
    """What the channel holds, taken out."""
    return [channel._take() for _ in range(channel.status().waiting)]


def in_thread(work: Callable[[], Any]) -> asyncio.Task[Any]:
    """``work()`` in a thread of its own, as a task."""
    return asyncio.create_task(asyncio.to_thread(work))
