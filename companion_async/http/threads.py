"""The whole runtime over HTTP: its threads, and what it decided."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from companion_async.autonomy.decision import Decision
from companion_async.http.operation import Call
from companion_async.http.redaction import system_picture
from companion_async.status.system import SystemStatus


class DecisionsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many, the newest last."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


def status(call: Call) -> SystemStatus:
    """Everything at this moment."""
    return system_picture(call.brain.status(), exposes=call.exposes)


def decisions(call: Call) -> list[Decision]:
    """The last decisions with their reasons and effects."""
    return call.brain.decisions(call.query.limit)
