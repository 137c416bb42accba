"""Pure: what was found in the figures, and what could be done about it."""

from __future__ import annotations

import msgspec


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A change of ``setting`` of ``subject`` from ``before`` to ``after``, with its reason and the figures it rests on.

    ``metric`` should fall to ``expected`` from ``measured`` (hit rates are told as miss rates, so that less is better
    in all of them), or stay as it is where something is saved. ``safe`` ones can be applied and taken back by
    `Optimizer.apply`; the others are for a person.
    """

    kind: str
    subject: str
    setting: str
    before: float | str
    after: float | str
    metric: str
    measured: float
    expected: float
    why: str
    safe: bool = False


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal that was applied at a time in seconds since the epoch, and what its metric came to: ``kept`` is None
    until that is known.
    """

    number: int
    proposal: Proposal
    at: float
    kept: bool | None = None
    after: float | None = None
