"""Pure: what a rule says should be done, before anybody has done it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from companion_async.autonomy.decision import Expectation

Action = Literal["scale_up", "scale_down", "replace_worker", "throttle_cpu_bound", "adjust_priority", "shed_load"]
"""What is done to the brain at once."""
Cure = Literal["restart_module", "quarantine"]
"""What is done to a module, and takes as long as that takes to start or stop."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do. ``type``, ``context``, ``data`` and ``reason`` become those of the decision.

    ``data`` holds plain JSON types and all that the action needs. ``inputs`` is what the rule named ``rule`` saw.
    """

    type: Action | Cure
    context: str
    reason: str
    rule: str
    data: Mapping[str, Any] = {}
    inputs: Mapping[str, Any] | None = None
    expectation: Expectation | None = None


def settle(verdicts: list[Verdict]) -> list[Verdict]:
    """The verdicts without those that contradict each other: up and down together mean that neither is known."""
    ups = {verdict.context for verdict in verdicts if verdict.type == "scale_up"}
    downs = {verdict.context for verdict in verdicts if verdict.type == "scale_down"}
    torn = ups & downs
    return [v for v in verdicts if v.type not in ("scale_up", "scale_down") or v.context not in torn]
