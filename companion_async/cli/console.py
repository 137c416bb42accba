"""Where our commands write: standard output for results, standard error for everything else."""

from __future__ import annotations

import io
import sys

from rich.console import Console

_PIPE_WIDTH = 100


def console() -> Console:
    """Standard output. Into a pipe or a file: plain text without escape codes, in lines of a fixed width."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=_PIPE_WIDTH, file=_Trimmed())


def complain(message: str) -> None:
    """One line on standard error, whatever ``message`` holds."""
    print(f"companion: {' '.join(message.split())}", file=sys.stderr, flush=True)


def speak_any_encoding() -> None:
    """From here on a character that the terminal's encoding has not got is printed as a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


class _Trimmed(io.StringIO):
    """Standard output without the blanks that fill up the lines of a table. Takes whole lines."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return sys.stdout.encoding or "utf-8"

    def write(self, text: str) -> int:
        sys.stdout.write("\n".join(line.rstrip() for line in text.split("\n")))
        return len(text)

    def flush(self) -> None:
        sys.stdout.flush()
