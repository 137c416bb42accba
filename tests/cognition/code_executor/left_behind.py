"""What programs leave behind, where they leave anything."""

from __future__ import annotations

import tempfile
from pathlib import Path


def processes_named(mark):
    """The processes of this machine that carry ``mark`` in their command."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def folders():
    return set(Path(tempfile.gettempdir()).glob("companion-sandbox-*"))
