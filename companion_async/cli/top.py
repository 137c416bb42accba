"""`companion top`: a running server's threads, modules and latest decisions, live on the whole screen."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from companion_async.cli.console import complain
from companion_async.cli.process import FAILED, OK
from companion_async.cli.remote import NoAnswerError, by_name, check_url, get
from companion_async.cli.tables import decisions_table, threads_table
from companion_async.errors import InvalidArgumentError
from companion_async.security import check_seconds

_DECISIONS = 5


def watch(url: str, token: str | None, every: float) -> int:
    """Look at the server every so many seconds until ``q`` or Ctrl-C. While it does not answer, the last picture stays
    with a line that says so.
    """
    check_url(url)
    check_seconds(every, "--every")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidArgumentError("top needs a terminal; companion status prints the same once, anywhere.")
    view = _View(url, token)
    try:
        view.look()
    except NoAnswerError as error:
        complain(str(error))
        return FAILED
    try:
        with _keys(), Live(view.page(), console=Console(highlight=False), screen=True, auto_refresh=False) as live:
            while not _quits(every):
                view.try_again()
                live.update(view.page(), refresh=True)
    except KeyboardInterrupt:  # one of the two ways in which it is meant to end
        return OK
    return OK


class _View:
    """What was seen last, and how long ago."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url, self._token = url, token
        self._trouble = ""
        self._seen = self._done = self._rate = 0.0
        self._status: Any = None
        self._modules: Any = None
        self._decisions: Any = None

    def look(self) -> None:
        """Ask the server; `NoAnswerError` if it does not answer."""
        status = get(self._url, "/api/threads/status", self._token)
        self._modules = by_name(get(self._url, "/api/modules", self._token))
        self._decisions = get(self._url, f"/api/threads/decisions?limit={_DECISIONS}", self._token)
        now, done = time.monotonic(), float(status["stats"]["total_tasks_completed"])
        if self._status is not None and now > self._seen:
            self._rate = max(0.0, done - self._done) / (now - self._seen)
        self._status, self._seen, self._done, self._trouble = status, now, done, ""

    def try_again(self) -> None:
        """`look`, but keep what was seen if there is no answer."""
        try:
            self.look()
        except NoAnswerError as error:
            self._trouble = f"{error} Seen {time.monotonic() - self._seen:.0f} s ago."

    def page(self) -> RenderableType:
        """The whole screen."""
        head = Text(f"{self._url}   {time.strftime('%H:%M:%S')}   {self._rate:,.1f} tasks/s   q ends", style="bold")
        parts: list[RenderableType] = [head]
        if self._trouble:
            parts.append(Text(self._trouble, style="red"))
        parts.append(threads_table(self._status, self._modules))
        if self._decisions:
            parts.append(decisions_table(self._decisions))
        return Group(*parts)


def _quits(seconds: float) -> bool:
    """Wait for a key: whether it was ``q`` before the time was over."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([sys.stdin], [], [], left)[0] and sys.stdin.read(1) in ("q", "Q", ""):
            return True
    return False


@contextmanager
def _keys() -> Iterator[None]:
    """Keys count at once and are not shown, until the block ends."""
    try:
        import termios
        import tty
    except ImportError as error:
        raise InvalidArgumentError(
            "top needs a terminal of a POSIX system; companion status works anywhere."
        ) from error
    usual = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, usual)
