"""Pure: what another rule says to the figures that a decision was taken on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from companion_async.status.picture import FrozenMap


class RuleAnswer(msgspec.Struct, frozen=True):
    """What a rule says to the inputs of a decision: ``type`` None where it would not have acted."""

    type: str | None
    data: Mapping[str, Any] = FrozenMap()
