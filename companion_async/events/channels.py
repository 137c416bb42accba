"""The channels of one brain, by name."""

from __future__ import annotations

import threading
from typing import Any

from companion_async.errors import BrainClosedError, InvalidArgumentError
from companion_async.events.channel import USUAL_CAPACITY, Channel, ChannelStatus, Overflow, Waits


class Channels:
    """Makes a channel when its name is first asked for, and forgets it when it is closed. Any thread."""

    def __init__(self, waits: Waits) -> None:
        self._waits = waits
        self._lock = threading.Lock()
        self._open: dict[str, Channel[Any]] = {}
        self._closed = False

    def open(self, name: str, capacity: int | None = None, overflow: Overflow | None = None) -> Channel[Any]:
        """The channel of that name. What is left out is as it is, or usual; what is given must not differ."""
        made: Channel[Any] = Channel(
            name,
            USUAL_CAPACITY if capacity is None else capacity,
            overflow="wait" if overflow is None else overflow,
            waits=self._waits,
            on_close=self._forget,
        )
        with self._lock:
            if self._closed:
                raise BrainClosedError("shut down")
            known = self._open.setdefault(name, made)
        for what, asked, has in (("capacity", capacity, known.capacity), ("overflow", overflow, known.overflow)):
            if asked is not None and asked != has:
                raise InvalidArgumentError(
                    f"Channel {name!r} exists already, with {what}={has!r}. Leave {what} out, or use another name."
                )
        return known

    def statuses(self) -> dict[str, ChannelStatus]:
        """Every open channel at this moment."""
        with self._lock:
            channels = list(self._open.values())
        return {channel.name: channel.status() for channel in channels}

    def close(self) -> None:
        """Close them all, and make no more."""
        with self._lock:
            self._closed = True
            channels = list(self._open.values())
        for channel in channels:
            channel.close()

    def _forget(self, channel: Channel[Any]) -> None:
        with self._lock:
            if self._open.get(channel.name) is channel:
                del self._open[channel.name]
