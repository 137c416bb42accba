"""`Turns`: a lock whose holder, when it comes back at once, lets those go first who wait."""

from __future__ import annotations

import threading
from types import TracebackType


class Turns:
    """A re-entrant lock. With `threading.RLock` a thread that does one piece of work after the other takes the lock
    again before any other is awake; here it queues behind whoever waits.
    """

    def __init__(self) -> None:
        self._door = threading.Lock()  # held by the next one, while it waits for the room
        self._room = threading.Lock()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        me = threading.get_ident()
        if self._owner != me:  # nobody else sets it to that
            with self._door:
                self._room.acquire()
            self._owner = me
        self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = None
            self._room.release()
