"""What a call on the loop comes to, for the one thread that waits for it."""

from __future__ import annotations

import threading
from typing import Any


class Answer:
    """Told and asked once, as a `concurrent.futures.Future` is. Whoever tells it never waits: a future has a lock that
    its reader holds now and then, and holds on to while a signal handler interrupts it there. A handler that then waits
    for the loop, as one that closes a portal does, would wait for a loop that waits for that lock.
    """

    __slots__ = ("_error", "_gate", "_told", "_value")

    def __init__(self) -> None:
        self._value: Any = None
        self._error: BaseException | None = None
        self._told = False
        # A binary semaphore: whoever tells releases it, and no code of Python's own runs under it.
        self._gate = threading.Lock()
        self._gate.acquire()

    def done(self) -> bool:
        """Whether it was told."""
        return self._told

    def set_result(self, value: Any) -> None:
        """The call has returned this."""
        self._value = value
        self._tell()

    def set_exception(self, error: BaseException) -> None:
        """The call has raised this."""
        self._error = error
        self._tell()

    def result(self) -> Any:
        """Wait for it: what the call has returned, or raise what it has raised."""
        self._gate.acquire()
        error, self._error = self._error, None
        if error is None:
            return self._value
        try:
            raise error
        finally:
            del error  # its traceback has this frame

    def _tell(self) -> None:
        self._told = True
        self._gate.release()
