"""What few tasks have: limits of their own, a key, callbacks, a stream, a way with detours, an error."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import Context
from types import TracebackType
from typing import Any

import msgspec

from companion_async.modules.retry import RetryPolicy
from companion_async.modules.timeout import Timeout
from companion_async.scheduling.timers import Timer
from companion_async.security import Argument


class Progress(msgspec.Struct, frozen=True):
    """What the work last said of itself: ``fraction`` from 0 to 1."""

    fraction: float = 0.0
    message: str = ""


class Particulars(msgspec.Struct, eq=False):
    """What few tasks have, kept apart so that the many stay small.

    ``after`` are the numbers of those that it waited for; ``called`` is what a failed run was called with, which the
    frames of its error keep alive anyway, and ``shown`` a text of it where that is kept of other ends.
    """

    spans: Timeout | None = None
    retry: RetryPolicy | None = None
    key: str | None = None
    callback: tuple[Callable[[Any], Any], Context] | None = None
    after: tuple[int, ...] = ()
    on_upstream_failure: str = "fail"
    stream: Any = None
    progress: Progress = Progress()
    steps: list[tuple[str, float, str]] = []
    timers: list[Timer] = []
    left: list[Callable[[], None]] = []
    admission: bool = False
    reason: str = ""
    waiters: list[asyncio.Future[None]] = []
    done_callbacks: list[tuple[Callable[[Any], Any], Context]] = []
    events: list[threading.Event] = []
    work: Any = None
    trace: TracebackType | None = None
    shown: tuple[Argument, ...] | None = None
    called: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]] | None = None
