"""What can be done to a brain from here, and nothing else: each is a method that a person could call."""

from __future__ import annotations

from typing import Any

from companion_async.errors import InvalidArgumentError

OPERATIONS = ("restart", "pause", "resume", "resize", "set_quota")


async def perform(brain: Any, operation: str, subject: str, value: int | None, reason: str) -> None:
    """Do one operation to a module (``resize``: to a category). What the brain raises comes out as it is."""
    match operation:
        case "restart":
            if not await brain.restart(subject, reason):
                raise InvalidArgumentError(f"{subject!r} did not come up again.")
        case "pause":
            brain.pause(subject, reason)
        case "resume":
            brain.resume(subject, reason)
        case "resize" if value is not None:
            brain.resize(subject, value)
        case "set_quota" if value is not None:
            brain.set_quota(subject, value)
        case _:
            raise InvalidArgumentError(f"{operation!r:.80} is no operation: there are {', '.join(OPERATIONS)}.")
