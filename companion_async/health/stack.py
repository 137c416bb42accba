"""Where a thread stands: its stack as short lines, and a mark that changes when it moves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import FrameType

Frames = Callable[[], Mapping[int, FrameType]]
DEEPEST = 40

current_frames: Frames = sys._current_frames


def read_stack(thread_id: int, frames: Frames = current_frames) -> tuple[tuple[str, ...], int] | None:
    """``(lines, mark)`` of that thread, the innermost call last; None when it has ended.

    No source is read and no local variable touched: a line is ``file:line function``. At most the 40 innermost calls.
    """
    frame = frames().get(thread_id)
    if frame is None:
        return None
    lines: list[str] = []
    places: list[tuple[int, int]] = []
    at: FrameType | None = frame
    while at is not None and len(lines) < DEEPEST:
        lines.append(f"{at.f_code.co_filename}:{at.f_lineno} {at.f_code.co_qualname}")
        places.append((id(at.f_code), at.f_lasti))
        at = at.f_back
    # The frames must not be kept: they hold their locals, and the thread's work, alive.
    del frame, at
    return tuple(reversed(lines)), hash(tuple(places))
