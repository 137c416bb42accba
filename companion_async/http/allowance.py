"""Pictures of the moment that are asked for again and again: made afresh while that is cheap, else handed out again.

Making a picture of a large brain takes the event loop a millisecond or more, and the loop is what all tasks go through.
So pictures together may take a tenth of its time; whoever asks for more gets the last one, which is then as many times
older than it took to make as that allows: milliseconds. A question that nobody asked lately is always answered anew.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from companion_async.http.answer import Answer

SHARE = 0.1
"""Of the loop's time, for pictures."""
BURST = 0.25
"""Seconds of it that may be spent at once after a quiet while."""
OLDEST = 1.0
"""Seconds after which no picture is handed out again, whatever a new one costs."""
_MOST = 64


class Allowance:
    """The time that pictures may take, and the last answer for each key; ``now`` is a monotonic clock. Loop only."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._left = BURST
        self._looked = self._now()
        self._kept: dict[Hashable, tuple[Answer, float]] = {}

    def answer(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """``make()``, or what it last made for ``key`` where the allowance is used up. Its errors pass through."""
        now = self._now()
        self._left = min(BURST, self._left + (now - self._looked) * SHARE)
        self._looked = now
        if self._left <= 0 and key in self._kept and now - self._kept[key][1] < OLDEST:
            return self._kept[key][0]
        try:
            made = make()
        finally:
            self._left -= self._now() - now
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key] = (made, now)
        return made
