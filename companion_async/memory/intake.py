"""Pure: what is to be remembered, made fit to be, or refused: text that any encoding takes, numbers in their ranges."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import datetime
from typing import Any

from companion_async.errors import InvalidArgumentError
from companion_async.security import check_label, check_seconds
from companion_async.security.validator import visible

IDS = 253_402_300_799_000_000
"""The microsecond with which the year 9999 ends: no event is later."""

MICROSECONDS = 1_000_000
_MOST_PARTICIPANTS = 1_000


def people(participants: Any) -> frozenset[str]:
    """Names, of 1 to 200 characters each."""
    if isinstance(participants, str) or not isinstance(participants, Collection):
        raise InvalidArgumentError(f"participants must be a set of names; {participants!r:.80} is not.")
    if len(participants) > _MOST_PARTICIPANTS:
        raise InvalidArgumentError(f"At most {_MOST_PARTICIPANTS} take part in one event, not {len(participants)}.")
    return frozenset(check_label(visible(str(name)), "a participant") for name in participants)


def place(location: Any) -> str | None:
    """A place's name, of 1 to 200 characters, or None."""
    if location is None:
        return None
    if not isinstance(location, str):
        raise InvalidArgumentError(f"location must be the name of a place, or None; {location!r:.80} is not.")
    return check_label(visible(location), "location")


def mood(valence: Any) -> float:
    """How good it was, from -1 to 1: what is beyond is as bad or as good as can be."""
    if isinstance(valence, bool) or not isinstance(valence, (int, float)) or math.isnan(valence):
        raise InvalidArgumentError(f"valence must be a number from -1 to 1; {valence!r:.80} is not.")
    return float(max(-1, min(1, valence)))


def instant(timestamp: Any) -> datetime:
    """A moment as the bounded memories have it, without a time zone."""
    if not isinstance(timestamp, datetime) or timestamp.tzinfo is not None:
        raise InvalidArgumentError(f"A moment is a datetime, local and without a time zone; {timestamp!r:.80} is not.")
    return timestamp


def back(now: float, seconds: Any) -> datetime:
    """The moment so many seconds before ``now``, or the first one there is."""
    span = check_seconds(seconds, "a span", zero=True)
    return datetime.fromtimestamp(max(0.0, now - span))


def microsecond(seconds: Any) -> int:
    """The id of what was at so many seconds since the epoch, from 1 on: what comes after 0 is all that there is."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= IDS / MICROSECONDS:
        raise InvalidArgumentError(f"{seconds!r:.80} is no moment: give seconds since the epoch.")
    return max(1, round(seconds * MICROSECONDS))


def identity(event_id: Any) -> int:
    """An id that a memory can have."""
    if type(event_id) is not int or not -(2**63) <= event_id < 2**63:
        raise InvalidArgumentError(f"{event_id!r:.80} is no id of a memory: use those that remember() gave.")
    return event_id
