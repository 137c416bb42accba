"""Where time comes from. Everything above asks a clock, so that a test or a simulation can own it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Protocol


class TimerHandle(Protocol):
    """What `Clock.call_later` returns."""

    def cancel(self) -> None:
        """Forget the call; after it has run this does nothing."""


class Clock(Protocol):
    """Durations come from ``monotonic``, dates for people from ``time``. Both are safe to call in any thread."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""

    def time(self) -> float:
        """Seconds since the epoch, UTC."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        """Call ``callback`` on the running loop ``delay`` seconds from now. Loop thread only."""

    async def sleep(self, delay: float) -> None:
        """Return after ``delay`` seconds. Cancellation ends it at once and leaves nothing behind."""


class SystemClock:
    """The machine's clocks and the running loop's timers."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        # Loops sleep for whole milliseconds. uvloop rounds what is left, down too: it would turn without sleeping from
        # half a millisecond before each instant on.
        return asyncio.get_running_loop().call_later(math.ceil(delay * 1e3) * 1e-3, callback)

    async def sleep(self, delay: float) -> None:
        await asyncio.sleep(delay)
