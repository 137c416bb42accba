"""Modules over HTTP: looked at by readers, paused, resumed and restarted by operators, with a reason for the log."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from companion_async.http.operation import Call
from companion_async.http.redaction import ModulePicture, module_picture
from companion_async.http.refusal import at_the_door

_UNSAID = "Asked for over HTTP, without a reason."


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, in the words of whoever asks."""

    reason: Annotated[str, Meta(max_length=500)] = ""


def all_modules(call: Call) -> list[ModulePicture]:
    """Every module, by name."""
    names = sorted(call.brain.status().module_threads)
    return [module_picture(call.brain.module_status(name), exposes=call.exposes) for name in names]


def one_module(call: Call) -> ModulePicture:
    """The module that the path names."""
    with at_the_door():
        status = call.brain.module_status(call.params["name"])
    return module_picture(status, exposes=call.exposes)


def pause(call: Call) -> ModulePicture:
    """Hold its work."""
    with at_the_door():
        call.brain.pause(call.params["name"], _reason(call))
    return one_module(call)


def resume(call: Call) -> ModulePicture:
    """Let it go on."""
    with at_the_door():
        call.brain.resume(call.params["name"], _reason(call))
    return one_module(call)


async def restart(call: Call) -> ModulePicture:
    """Start it afresh; the answer comes when that is done."""
    one_module(call)
    await call.brain.restart(call.params["name"], _reason(call))
    return one_module(call)


def _reason(call: Call) -> str:
    said: str = call.body.reason.strip()
    return said or _UNSAID
