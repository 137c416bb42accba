"""A loop that must not end: what it raises is told, and it begins again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from loguru import logger

from companion_async.clock import Clock
from companion_async.errors import trace_of

FIRST_DELAY = 0.5
LONGEST_DELAY = 60.0
STABLE_AFTER = 120.0


class Crash(msgspec.Struct, frozen=True):
    """A supervised loop raised ``error`` (a type's name), the ``count``-th time in a row; it begins again after
    ``delay`` seconds.
    """

    name: str
    error: str
    count: int
    delay: float


async def supervise(
    name: str, run: Callable[[], Awaitable[None]], clock: Clock, on_crash: Callable[[Crash], object] | None = None
) -> None:
    """``await run()``, again after each `Exception` it raises, at first soon and then at most every minute.

    Two minutes without a crash are a fresh start for the delay. ``on_crash`` is told before the delay; what it raises
    is logged and otherwise ignored. Returns when ``run`` returns. Cancellation goes through.
    """
    count = 0
    while True:
        began = clock.monotonic()
        try:
            await run()
            return
        except Exception as error:
            count = 1 if clock.monotonic() - began >= STABLE_AFTER else count + 1
            crash = Crash(name, _name(error), count, min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(count - 1, 16)))
            logger.error(
                "The {} raised {} ({} in a row) and begins again in {:.1f} s.\n{}",
                name,
                crash.error,
                count,
                crash.delay,
                trace_of(error),
            )
        if on_crash is not None:
            try:
                on_crash(crash)
            except Exception as error:
                logger.error("Telling of the crash of the {} failed too.\n{}", name, trace_of(error))
        await clock.sleep(crash.delay)


def _name(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return type(error).__name__
