"""One run in a process, as the loop waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from companion_async.offload.processes.messages import Cancel, Done, Failed, Item, Message, Progress, Read

if TYPE_CHECKING:
    from companion_async.offload.processes.process import Process


class Conversation:
    """From the request to what came of it: `parcel` is then the result or, if `failed`, the error, and `exit` is set if
    the process ended instead. Loop only.

    A cancelled wait goes on: the work is signalled, and the process is killed when the wait is cancelled again. So
    whoever waits here has the process to himself until it is free, or gone.
    """

    def __init__(self, process: Process, on_progress: Callable[[float, str], None]) -> None:
        self.process = process
        self.parcel = b""
        self.failed = False
        self.exit = ""
        self.cpu: float | None = None
        self.signalled = False
        self._on_progress = on_progress
        self._items: deque[bytes] = deque()
        self._arrival = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether the run has ended."""
        return self._ended.is_set()

    def hear(self, message: Message, parcel: bytes) -> None:
        """Something came from the process."""
        match message:
            case Progress(fraction=fraction, message=text):
                self._on_progress(fraction, text)
            case Item():
                self._items.append(parcel)
                self._arrival.set()
            case Done(cpu=cpu):
                self.parcel, self.cpu = parcel, cpu
                self._end()
            case Failed(cpu=cpu):
                self.parcel, self.cpu, self.failed = parcel, cpu, True
                self._end()

    def lost(self, exit: str) -> None:
        """The process has ended; what it had said before still counts."""
        if not self.over:
            self.exit = exit
            self._end()

    def _end(self) -> None:
        self._ended.set()
        self._arrival.set()

    async def end(self) -> None:
        """Return when the run has ended, cancelled or not."""
        while not self.over:
            try:
                await self._ended.wait()
            except asyncio.CancelledError:
                self.signal()

    def signal(self) -> None:
        """Nobody wants it any more; said twice, it means business."""
        if self.signalled:
            self.process.kill()
        else:
            self.signalled = True
            self.process.send(Cancel())

    async def next_item(self) -> bytes | None:
        """The next item of the stream; None after the last, and when the run has ended otherwise."""
        while not self._items:
            if self.over:
                return None
            self._arrival.clear()
            await self._arrival.wait()
        self.process.send(Read())
        return self._items.popleft()
