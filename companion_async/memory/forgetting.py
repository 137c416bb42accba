"""`Forgetting`: goes through the memories of a file, some at a time, and says which are to be let go."""

from __future__ import annotations

import math

from companion_async.clock import Clock
from companion_async.memory.file import MemoryFile
from companion_async.memory.ranking import strength
from companion_async.memory.retention import Standing, leaving
from companion_async.memory.settings import MemorySettings

STEP = 1_000
"""Memories that are looked at in one step."""

MOST_GONE = 250
"""How many of them go in one step."""

_PAUSE = 3600.0  # seconds from one pass to the next while there are not too many: fading is a matter of days
_STANDINGS = (
    # Cast, since SQLite lets anybody put text where numbers are.
    "SELECT id, CAST(importance AS REAL), CAST(ifnull(times, 0) AS INTEGER), CAST(ifnull(last, 0) AS REAL), "
    "EXISTS (SELECT 1 FROM evidence WHERE memory = id) "
    "FROM event LEFT JOIN recollection ON event = id WHERE id > ? ORDER BY id LIMIT ?"
)


class Forgetting:
    """A pass from the oldest memory to the newest, a `STEP` at a time; where there are too many, the faintest of each
    step go, so that no step takes long and nobody is passed over. One thread at a time, in a transaction.
    """

    def __init__(self, file: MemoryFile, settings: MemorySettings, clock: Clock) -> None:
        self._file = file
        self._settings = settings
        self._clock = clock
        self._after = 0  # as far as the pass has come
        self._left = 0  # memories it has seen and left that are not spared
        self._pressing = False
        self._next = -math.inf

    @property
    def at_start(self) -> bool:
        """Whether a pass is about to begin."""
        return self._after == 0

    def over(self, total: int) -> int:
        """How many are too many."""
        return 0 if self._settings.most is None else max(0, total - self._settings.most)

    def due(self, total: int) -> bool:
        """Whether a step may find anything."""
        return self._after > 0 or self.over(total) > 0 or self._clock.monotonic() >= self._next

    def step(self, total: int) -> list[int]:
        """The ids of those among the next few, of ``total``, that are to go."""
        over = self.over(total)
        standings = self._standings()
        whole = self._after == 0 and len(standings) < STEP
        gone = self._leaving(standings, over, pressing=self._pressing)
        self._left += sum(not each.spared for each in standings) - len(gone)
        if len(standings) == STEP:
            self._after = standings[-1].event_id
            return gone
        # All there is was seen: if only what is spared is left and it is too much, no memory is sure any more.
        self._pressing = over > len(gone) and self._left <= 0
        if whole and self._pressing:
            gone = self._leaving(standings, over, pressing=True)
        self._after = self._left = 0
        self._next = self._clock.monotonic() + _PAUSE
        return gone

    def _leaving(self, standings: list[Standing], over: int, *, pressing: bool) -> list[int]:
        return leaving(standings, self._settings.faint, over, pressing=pressing)[:MOST_GONE]

    def _standings(self) -> list[Standing]:
        now, settings = self._clock.time(), self._settings
        found = []
        for number, importance, times, last, evidence in self._file.rows(_STANDINGS, (self._after, STEP)):
            spared = importance >= settings.important or evidence or (times > 0 and now - last <= settings.lately)
            value = strength(importance, now - number / 1_000_000, times, settings.decay)
            found.append(Standing(number, value, bool(spared)))
        return found
