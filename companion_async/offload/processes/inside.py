"""What work can ask and say inside a process of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from companion_async.errors import CompanionError, TaskCancelledError
from companion_async.security import check_fraction


class ProcessContext:
    """The running task from the inside, as `TaskContext` is in a thread. What needs the brain, which is in another
    process, raises `CompanionError`.
    """

    def __init__(
        self, task_id: str, module: str, attempt: int, seconds: float | None, report: Callable[[float, str], None]
    ) -> None:
        self.id = task_id
        self.module = module
        self.attempt = attempt
        self.deadline = None if seconds is None else time.monotonic() + seconds
        self.cancelled = False
        self.reason = ""
        self.on_cancel: Callable[[], object] | None = None
        self._report = report

    def check_cancelled(self) -> None:
        """Raise `TaskCancelledError` if the task was cancelled or passed a limit: let it end the work."""
        if self.cancelled:
            raise TaskCancelledError(self.id, self.module, self.reason)

    def progress(self, fraction: float, message: str = "") -> None:
        """Say how far the work is, from 0 to 1, and that it is alive. Any thread."""
        self._report(check_fraction(fraction, "progress"), str(message)[:500])

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Nothing is raised into a process from outside: it is signalled, and killed if it does not stop."""
        yield

    def submit(self, *args: Any, **options: Any) -> NoReturn:
        """Refused: the scheduler is in another process."""
        refuse("current_task().submit()")

    def wait(self, *args: Any, **options: Any) -> NoReturn:
        """Refused: the scheduler is in another process."""
        refuse("current_task().wait()")

    def cancel(self, reason: str) -> None:
        """Nobody wants the result any more. The reader's thread."""
        self.reason, self.cancelled = reason, True
        if self.on_cancel is not None:
            self.on_cancel()


class Absent:
    """Stands in for the brain of a module that lives in a process: whatever is asked of it says so."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        refuse(f"brain.{name}")


def refuse(what: str) -> NoReturn:
    """`CompanionError`: that cannot be had on this side of the border."""
    raise CompanionError(
        f"{what} is not available inside a process of its own (offload='process'): the brain lives in the parent. "
        "Return what is needed and go on in the parent, or register the module with offload='thread'."
    )


running: ProcessContext | None = None
"""The work of this process, if this is one and it works."""

importing_main = False
"""Whether this process is just importing the main program of its parent, to find a function or class in it."""


class Window:
    """How many items of a stream may still be sent before one must have been read."""

    def __init__(self, context: ProcessContext, size: int) -> None:
        self._context = context
        self._left = size
        self._change = threading.Condition()

    def pass_one(self) -> None:
        """Wait for room for one item; `TaskCancelledError` if nobody reads any more."""
        with self._change:
            self._change.wait_for(lambda: self._left > 0 or self._context.cancelled)
            self._context.check_cancelled()
            self._left -= 1

    def open(self) -> None:
        """One was read."""
        with self._change:
            self._left += 1
            self._change.notify()

    def wake(self) -> None:
        """Look whether the task was cancelled."""
        with self._change:
            self._change.notify()
