"""Hearing that the process is asked to end, before the server that runs it has waited for its streams."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_ENDS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def told_of_the_end(tell: Callable[[], None]) -> Iterator[None]:
    """Have ``tell`` called on the running loop when SIGINT or SIGTERM comes, besides whatever is done about it anyway.

    Servers wait for open responses before they tell an application to shut down, and an event stream has no end of its
    own. Only handlers that are there already are joined, in the main thread; elsewhere no signal comes anyway.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    joined: dict[signal.Signals, tuple[Any, Any]] = {}
    for number in _ENDS:
        before = signal.getsignal(number)
        if callable(before) and before is not signal.default_int_handler:
            ours = _joining(before, loop, tell)
            signal.signal(number, ours)
            joined[number] = (ours, before)
    try:
        yield
    finally:
        for number, (ours, before) in joined.items():
            if signal.getsignal(number) is ours:
                signal.signal(number, before)


def _joining(
    before: Callable[[int, FrameType | None], Any], loop: asyncio.AbstractEventLoop, tell: Callable[[], None]
) -> Callable[[int, FrameType | None], Any]:
    def handler(number: int, frame: FrameType | None) -> Any:
        # A signal strikes anywhere, so nothing is done here that could wait for a lock.
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell)
        return before(number, frame)

    return handler
