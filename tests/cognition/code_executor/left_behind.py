"""What programs leave behind, where they leave anything. Other tests may be running programs at the same time."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def folders(process: int | None = None) -> set[Path]:
    """The folders of the runs that a process, this one if none is named, has under way."""
    return set(Path(tempfile.gettempdir()).glob(f"companion-sandbox-{process or os.getpid()}-*"))


def processes_of(mark: str) -> list[int]:
    """The processes of this machine that carry ``mark`` in their command, or work in a folder of that name."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes().decode("utf-8", "replace") + str((process / "cwd").readlink())
        except OSError:
            continue
        if mark in told:
            found.append(int(process.name))
    return found


def processes_at_work() -> list[int]:
    """The processes of this one's runs: they work in its folders, or have such a folder in their command."""
    return processes_of(f"companion-sandbox-{os.getpid()}-")
