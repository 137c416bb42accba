"""Where our commands write: standard output for results, standard error for everything else."""

from __future__ import annotations

import sys

from rich.console import Console

_PIPE_WIDTH = 100


def console() -> Console:
    """Standard output. Into a pipe or a file: plain text, no escape codes, lines of a fixed width."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=_PIPE_WIDTH, soft_wrap=False)


def complain(message: str) -> None:
    """One line on standard error, whatever ``message`` holds."""
    print(f"companion: {' '.join(message.split())}", file=sys.stderr)
