"""What a file can make of its decoder. It must be importable in the decoder's process, so it stands here by itself."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any


def crash(*_: Any) -> None:
    """As a fault in a decoder's C code does."""
    os.kill(os.getpid(), signal.SIGSEGV)


def spin(*_: Any) -> None:
    """As a parser does that goes round in circles."""
    while True:
        pass


def eat(*_: Any) -> None:
    """As a decoder does that believes what a file says of its size."""
    parts = []
    while True:
        parts.append(bytearray(2**24))


def whoami(*_: Any) -> tuple[int, int]:
    """The process, and its thread."""
    return os.getpid(), threading.get_ident()


def crash_at_one(path: Path) -> tuple[str, list[Any], str]:
    """Read a file whose name says no ill."""
    if "evil" in path.name:
        crash()
    from companion_async.cognition.corpus.pdf import pdf_sections

    return pdf_sections(path)
