"""The process around a command: its log, its event loop, and an end that a stuck thread cannot hold up."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from loguru import logger

from companion_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    from loguru import Record

T = TypeVar("T")

OK, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

GRACE = 2.0
"""Seconds that threads have to end by themselves after a command is done."""

_LEVELS = ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL")


_SILENCE = logging.NullHandler()


def set_up_log(level: str | None) -> None:
    """Send the library's log to standard error from ``level`` on; without one, stay silent, and so do the libraries
    below, whose warnings Python would print there without saying of what.
    """
    logger.remove()
    logging.getLogger().addHandler(_SILENCE)
    if not level:
        return
    if level.upper() not in _LEVELS:
        raise InvalidArgumentError(f"COMPANION_LOG_LEVEL must be one of {', '.join(_LEVELS)}; {level!r:.40} is not.")
    logging.getLogger().removeHandler(_SILENCE)
    logger.enable("companion_async")
    # Diagnosis would print the values of variables into tracebacks, keys among them.
    logger.add(_write_line, level=level.upper(), format=_line_format, colorize=sys.stderr.isatty(), diagnose=False)


def _line_format(record: Record) -> str:
    # What a line is bound to (module, task) comes behind it, where there is something.
    bound = "".join(f" <dim>{key}={{extra[{key}]}}</dim>" for key in record["extra"] if key.isidentifier())
    return f"<green>{{time:HH:mm:ss.SSS}}</green> <level>{{level: <8}}</level> {{message}}{bound}\n{{exception}}"


def _write_line(line: str) -> None:
    # Looked up anew for each line: a live progress bar puts itself in the place of sys.stderr.
    sys.stderr.write(line)


def loop_name() -> str:
    """What the loop of our commands is called: ``uvloop`` where it is installed, else ``asyncio``."""
    try:
        import uvloop  # noqa: F401
    except ImportError:
        return "asyncio"
    return "uvloop"


def run(main: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run(main)``, under uvloop where there is one.

    Ctrl-C cancels ``main``, and raises KeyboardInterrupt when it has ended.
    """
    if loop_name() == "uvloop":
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main)
    return asyncio.run(main)


def leave(code: int, grace: float = GRACE) -> NoReturn:
    """End the process with ``code``: as usual if all threads have ended within ``grace`` seconds, else without them.

    The interpreter waits for every thread that is no daemon, and a thread that is stuck in a call cannot be ended. So
    after the grace the process is, with a line on standard error that says so.
    """
    end = time.monotonic() + grace
    this = threading.current_thread()
    stuck: list[threading.Thread] = []
    try:
        for thread in threading.enumerate():
            if thread is not this and not thread.daemon:
                thread.join(max(0.0, end - time.monotonic()))
                if thread.is_alive():
                    stuck.append(thread)
    except KeyboardInterrupt:
        end_now(INTERRUPTED, "Interrupted again; ending the process at once.")
    if stuck:
        names = ", ".join(thread.name for thread in stuck[:5])
        threads = "1 thread is" if len(stuck) == 1 else f"{len(stuck)} threads are"
        end_now(code, f"{threads} still running after {grace:g} s ({names}); ending the process without waiting.")
    sys.exit(code)


def end_now(code: int, message: str) -> NoReturn:
    """End the process with ``code`` and a line on standard error, whatever its threads are doing."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is sys.stderr:
                print(f"companion: {message}", file=stream)
            stream.flush()
        except (OSError, ValueError):
            # A closed pipe must not keep the process from ending.
            continue
    os._exit(code)
