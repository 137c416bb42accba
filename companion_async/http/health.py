"""For whoever keeps the process alive: whether it lives, and whether it takes work."""

from __future__ import annotations

import msgspec

from companion_async.http.answer import Answer
from companion_async.http.operation import Call
from companion_async.http.refusal import not_ready


class Pulse(msgspec.Struct, frozen=True):
    """``status`` is ``alive`` or ``ready``."""

    status: str


def livez(call: Call) -> Pulse:
    """It answers, so it lives, whatever the brain is doing."""
    return Pulse("alive")


def readyz(call: Call) -> Pulse | Answer:
    """Whether the brain takes work: not while it starts, drains or has been shut down."""
    if call.brain.phase == "running" and not call.api.replay.closed:
        return Pulse("ready")
    return not_ready("shutting down" if call.brain.phase == "running" else call.brain.phase).answer()
