"""From any thread to the loop: one queue, and one wake-up for all that has gathered in it."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from companion_async.offload.bell import Bell

Letter = tuple[Any, ...] | Callable[[], Any]
"""What came of a run, as the tuple that `slot.Outcome` describes, or something to be called."""

SHARE = 0.005
"""Seconds the loop works on letters before it lets other callbacks have a turn."""
BETWEEN_GLANCES = range(64)
"""Letters between two looks at the clock."""


class Mailbox:
    """Letters from threads, read on the loop in the order they were posted.

    ``read(letters)`` takes those that come first out, `BETWEEN_GLANCES` at most, and does with each what is to be done:
    outcomes come in such numbers that whoever settles them does not want to be called for each.

    ``post`` never waits and takes no lock; it is ``letters.append`` and, unless ``woken``, `wake`, which a thread that
    has several letters calls once. The loop is woken by the first letter only; those that follow until it
    looks come along. After the loop is closed letters are dropped: nobody is left to read them.
    """

    __slots__ = ("_bell", "_closed", "_loop", "_read", "after", "letters", "woken")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, read: Callable[[deque[Letter]], None], after: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._read = read
        self._bell = Bell(loop, self.deliver)
        self.letters: deque[Letter] = deque()
        self.woken = False
        self._closed = False
        self.after = after

    def post(self, deliver: Callable[[Any], None], content: Any) -> None:
        """Have ``deliver(content)`` called on the loop soon. Any thread."""
        self.letters.append(partial(deliver, content))
        if not self.woken:
            self.wake()

    def wake(self) -> None:
        """Make sure that the loop will look."""
        self.woken = True
        if not self._closed:
            try:
                self._bell.ring()
            except RuntimeError:  # the loop has been closed under a thread that outlived it
                self._closed = True

    def deliver(self, *, whole: bool = False) -> None:
        """Read what is there; unless it is to be the ``whole``, what does not fit into the time share is left for the
        loop's next turn. A letter that raises is reported by the loop, and those behind it are read in the next turn.
        Loop only.
        """
        # Cleared before reading: a letter posted from here on wakes the loop again, one posted earlier is read now.
        self.woken = False
        letters = self.letters
        try:
            self._read(letters)
            if letters:  # more than come before the first glance at the clock
                stop = math.inf if whole else time.perf_counter() + SHARE
                while letters and time.perf_counter() <= stop:
                    self._read(letters)
        finally:
            if letters:
                self.woken = True
                self._bell.again()
        self.after()

    @property
    def closed(self) -> bool:
        """Whether letters are read no more. One posted before this was seen to be False will be read."""
        return self._closed or self._loop.is_closed()

    def close(self) -> None:
        """Wake the loop no more, and read what has come until now. Loop only."""
        self._closed = True
        self._bell.close()
        if not self._loop.is_closed():
            self.deliver(whole=True)
