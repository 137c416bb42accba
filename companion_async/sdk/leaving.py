"""The end of the interpreter: every open portal is shut down, all of them together within two seconds.

Portals live on daemon threads, and so do the worker threads that they start: the interpreter does not wait for them.
It calls its exit handlers while they still run, and that is where modules get to stop in good order. Threads that
belong to the program itself and are no daemons are waited for before that, and may go on using their brain.
"""

from __future__ import annotations

import atexit
import concurrent.futures
import os
import threading
import time
from typing import Any, Protocol

SECONDS = 2.0
_UNFORESEEN = 0.2  # of the two seconds: threads are joined in it, on a machine that may be slow
_LAST_WORD = 1.0  # of the two seconds: a brain gives its modules that long to stop


class Closable(Protocol):
    """A portal, as its end sees it."""

    process: int
    ended: concurrent.futures.Future[Any]

    def begin_closing(self, drain: float) -> None: ...


_open: set[Closable] = set()
_until: float | None = None


def begun() -> bool:
    """Whether the caller is an exit handler: the main thread counts as ended, and is the one that runs."""
    main = threading.main_thread()
    return threading.current_thread() is main and not main.is_alive()


def seconds_left() -> float:
    """What is left of the two seconds, which begin when this is first asked."""
    global _until
    now = time.monotonic()
    if _until is None:
        _until = now + SECONDS - _UNFORESEEN
    return max(0.0, _until - now)


def drain_seconds() -> float:
    """What of it accepted work may use to end."""
    return max(0.0, seconds_left() - _LAST_WORD)


def watch(portal: Closable) -> None:
    """Shut the portal down when the interpreter ends, unless it has `forget` before."""
    _open.add(portal)


def forget(portal: Closable) -> None:
    """The portal is closed."""
    _open.discard(portal)


def close_all() -> None:
    """Begin every shutdown, then wait for all of them while time is left."""
    # A fork inherits the set and none of the threads: what it holds belongs to the parent.
    closing = [portal for portal in tuple(_open) if portal.process == os.getpid()]
    for portal in closing:
        portal.begin_closing(drain_seconds())
    concurrent.futures.wait([portal.ended for portal in closing], seconds_left())


atexit.register(close_all)
