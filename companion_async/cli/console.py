"""Where our commands write: standard output for results, standard error for everything else."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import TextIO

from rich.console import Console, RenderableType
from rich.constrain import Constrain

_PAGE = 100
_ENDLESS = 10_000
_BLANKS = re.compile(r"(?: |\x1b\[[0-9;]*m)++(?=\n)")


def console() -> Console:
    """Standard output. Into a pipe or a file: plain text without escape codes, each row of a table on one line, however
    long, unless COLUMNS says how wide the page is.
    """
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _ENDLESS
    return Console(highlight=False, width=wide, file=_Trimmed(sys.stdout))


def prose(text: RenderableType) -> RenderableType:
    """Text to be read: in lines of a hundred characters at most, even where the page is wider."""
    return Constrain(text, _PAGE)


def complain(message: str) -> None:
    """One line on standard error, whatever ``message`` holds."""
    print(f"companion: {' '.join(message.split())}", file=sys.stderr, flush=True)


def open_closed_streams() -> None:
    """From here on a standard stream that was closed, as by a starter of services or ``>&-``, is the null device.

    Whatever is opened first would be given its number, and libuv ends the process when it closes one of these three.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # What is opened has the lowest free number, and that is this one: those below it are open by now.
            null = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(null, "w" if number else "r", encoding="utf-8"))


def speak_any_encoding() -> None:
    """From here on a character that the terminal's encoding has not got is printed as a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


class _Trimmed(io.StringIO):
    """``stream`` without the blanks that fill up the lines of a table. Takes whole lines."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        # Looked up once: a live progress bar puts itself in the place of sys.stdout, and writes to us.
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding or "utf-8"

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        self._stream.write(_BLANKS.sub(lambda blanks: blanks[0].replace(" ", ""), text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()
