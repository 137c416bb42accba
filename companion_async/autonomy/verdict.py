"""Pure: what a rule says should be done, before anybody has done it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from companion_async.autonomy.decision import Expectation


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do. ``type``, ``context``, ``data`` and ``reason`` become those of the decision.

    ``data`` holds plain JSON types and all that the action needs. ``inputs`` is what the rule named ``rule`` saw.
    """

    type: str
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
