"""The built-in module ``decoders``: the processes that the others have their files decoded in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Literal

from companion_async.cognition.decoding.settings import DecodingSettings
from companion_async.errors import CompanionError, TaskCrashedError, TaskTimeoutError
from companion_async.modules.module import BaseModule
from companion_async.scheduling.context import current_task

Reason = Literal["crashed", "too_slow", "too_large"]

MODULE = "decoders"
"""The name it is registered under, with ``offload="process"``."""


class Decoders(BaseModule):
    """Has no handlers of its own: `decoded` and `decoded_in_thread` give it functions. A process is started with the
    first, and ends when none has come for as long as the brain's settings for processes say.
    """

    def __init__(self, settings: DecodingSettings | None = None) -> None:
        super().__init__()
        self._settings = settings or DecodingSettings()

    def start(self) -> None:
        """Limit the memory of this process, once and for all."""
        if not sys.platform.startswith("linux"):
            return
        import resource

        # What is allocated counts, not what is mapped from files. A lower limit of the brain's stays.
        _, highest = resource.getrlimit(resource.RLIMIT_DATA)
        limit = self._settings.memory_limit
        if highest != resource.RLIM_INFINITY:
            limit = min(limit, highest)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


class DecodingError(CompanionError):
    """A file was too much for its decoder, which has ended: ``reason`` is ``crashed``, ``too_slow`` or ``too_large``
    (it took more memory than it may). Nothing else is concerned.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"The file could not be decoded: {detail}.", reason, detail)


async def decoded(brain: Any, module: str, settings: DecodingSettings, function: Callable[..., Any], *args: Any) -> Any:
    """``function(*args)`` for ``module``, where ``settings`` say, or `DecodingError`. Cancelled, it is stopped."""
    try:
        return await brain.submit(MODULE if settings.isolate else module, function, *args, timeout=settings.seconds)
    except (TaskCrashedError, TaskTimeoutError, MemoryError) as error:
        raise _told(error, settings) from None


def decoded_in_thread(settings: DecodingSettings, function: Callable[..., Any], *args: Any) -> Any:
    """`decoded` for work in a thread: that does it itself, or lends its place while another process does."""
    try:
        if not settings.isolate:
            return function(*args)
        context = current_task()
        return context.wait(context.submit(MODULE, function, *args, timeout=settings.seconds))
    except (TaskCrashedError, TaskTimeoutError, MemoryError) as error:
        raise _told(error, settings) from None


def _told(error: TaskCrashedError | TaskTimeoutError | MemoryError, settings: DecodingSettings) -> DecodingError:
    if isinstance(error, TaskTimeoutError):
        return DecodingError("too_slow", f"it took more than {settings.seconds:g} s")
    if isinstance(error, MemoryError):
        return DecodingError("too_large", f"it took more memory than {settings.memory_limit:,} bytes")
    return DecodingError("crashed", f"its decoder has crashed ({error.exit or error.raised})")
