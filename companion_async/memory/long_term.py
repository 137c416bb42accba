"""`LongTermMemory`: what lasts: events without number on one file, and the ones that come to mind."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.errors import InvalidArgumentError
from companion_async.memory.file import MEMORIES, MemoryFile
from companion_async.memory.forgetting import MOST_GONE, Forgetting
from companion_async.memory.intake import IDS, MICROSECONDS, identity, microsecond, mood, people, place
from companion_async.memory.numbering import Numbering
from companion_async.memory.question import Question, tag
from companion_async.memory.ranking import WEIGHTS, score, spread, strength
from companion_async.memory.settings import USUAL, MemorySettings
from companion_async.security import SecurityValidator, check_count

_MOST_RECALLED = 1_000
_COLUMNS = "id, content, type, importance, valence, location, participants, context"
_INSERT = f"INSERT INTO event({_COLUMNS}, seal) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TOUCH = (
    "INSERT INTO recollection SELECT ?1, 1, ?2 WHERE EXISTS (SELECT 1 FROM event WHERE id = ?1) "
    "ON CONFLICT(event) DO UPDATE SET times = times + 1, last = excluded.last"
)
_MOST_TOUCHED = 10_000
_BATCH = 500
_MOST_STEPS = 40
_PIECES = 8
_GROWN = 0.5
_STEP = 1_000  # pages of the index


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be remembered. ``importance`` from 0 to 1, ``valence`` from -1 (bad) to 1; ``at`` in seconds since
    the epoch, unset for now.
    """

    content: str
    type: str = "observation"
    importance: float = 0.5
    valence: float = 0.0
    location: str | None = None
    participants: Collection[str] = ()
    context: Mapping[str, Any] = {}
    at: float | None = None


class Recollection(msgspec.Struct, frozen=True, kw_only=True):
    """A memory that came to mind: ``score`` from 0 to 1 by what was asked, ``recalled`` how often it had before.
    ``event_id`` is the microsecond at which it was, ``timestamp`` the same in UTC.
    """

    event_id: int
    content: str
    type: str
    importance: float
    valence: float
    location: str | None
    participants: tuple[str, ...]
    context: dict[str, Any]
    recalled: int
    score: float

    @property
    def timestamp(self) -> datetime.datetime:
        """When it was, in UTC."""
        return datetime.datetime.fromtimestamp(self.event_id / MICROSECONDS, datetime.UTC)


class LongTermMemory:
    """Events on a `MemoryFile`. Any thread; every call reads or writes the file, so on a loop use it in modules' work.

    `fade` forgets by the ``settings``, a little each time; nothing is forgotten by itself.
    """

    def __init__(
        self,
        path: str | Path | MemoryFile | None = None,
        *,
        key: bytes | None = None,
        settings: MemorySettings = USUAL,
        clock: Clock | None = None,
    ) -> None:
        self.file = path if isinstance(path, MemoryFile) else MemoryFile(path, key=key, use=MEMORIES)
        self.settings = settings
        self._clock = clock if clock is not None else SystemClock()
        # To count is to read a million rows; what other processes add meanwhile matters to no ranking.
        self._total = len(self)
        self._numbering = Numbering(self.file)
        self._touched: deque[tuple[int, float]] = deque(maxlen=_MOST_TOUCHED)
        self._newest: tuple[int, int | None] = (-1, None)
        self._tidied, self._tidying = 0, False
        self._untidied, self._looked_at = self._total, -1
        self._came = 0  # since the last `fade`
        self._forgetting = Forgetting(self.file, settings, self._clock)
        self.changes = 0
        """How often something was remembered or forgotten here."""

    def __len__(self) -> int:
        return int(self.file.value("SELECT count(*) FROM event"))

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()

    # -- in --------------------------------------------------------------------------------------------------------

    def remember(self, content: str, importance: float = 0.5, **more: Any) -> int:
        """Remember one thing as of now; ``more`` are fields of a `Fact`. Its ``event_id``."""
        return self.remember_all((Fact(content=content, importance=importance, **more),))[0]

    def remember_all(self, facts: Iterable[Fact]) -> list[int]:
        """Remember all of them, or none where one is refused. Their ids, in order; the ids of a moment go on counting
        where it is taken.
        """
        rows, words, evidence = [], [], []
        with self.file.transaction():
            self._numbering.begin()
            for fact in facts:
                row = self._row(fact)
                rows.append((*row, self.file.seal(*row)))
                words.append((row[0], row[1], " ".join(_tags(row[2], row[3], people(fact.participants)))))
                evidence += [(each, row[0]) for each in named(fact.context)]
            self.file.change_many(_INSERT, rows)
            self.file.change_many("INSERT INTO words(rowid, content, tags) VALUES(?, ?, ?)", words)
            self.file.change_many("INSERT OR IGNORE INTO evidence VALUES(?, ?)", evidence)
            self._total += len(rows)
            self._untidied += len(rows)
            self._came += len(rows)
            self.changes += 1
        return [row[0] for row in rows]

    def associate(self, one: int, other: int, bond: float = 0.5) -> None:
        """Let one memory bring the other to mind, both ways; ``bond`` from 0 (no more) to 1."""
        if identity(one) == identity(other) or not 0 <= bond <= 1:
            raise InvalidArgumentError("associate() takes two memories and a bond from 0 to 1.")
        with self.file.transaction():
            known = self.file.value("SELECT count(*) FROM event WHERE id IN (?, ?)", (one, other))
            if known != 2:
                raise InvalidArgumentError(f"{one} or {other} is not remembered: use the ids that remember() gave.")
            pairs = ((one, other), (other, one))
            if bond:
                self.file.change_many("INSERT OR REPLACE INTO link VALUES(?, ?, ?)", [(*pair, bond) for pair in pairs])
            else:
                self.file.change_many("DELETE FROM link WHERE source = ? AND target = ?", pairs)

    # -- out -------------------------------------------------------------------------------------------------------

    def recall(
        self,
        question: str = "",
        limit: int = 10,
        *,
        purpose: str = "mixed",
        type: str | None = None,
        participant: str | None = None,
        since: float | None = None,
        until: float | None = None,
        touch: bool = True,
    ) -> list[Recollection]:
        """The memories that come to mind first, the best first, with those they are associated with.

        ``purpose`` weighs recency, relevance and importance (`WEIGHTS`); ``since`` and ``until`` in seconds since the
        epoch. With ``touch`` being recalled makes them last longer; where that cannot be written, because another
        process writes or the disk is full, a later recall writes it. The best are chosen among candidates: the newest
        that have all the words, each of the rarest words, or any word and are important; so an old and unimportant
        memory that shares only frequent words with the question may be left out.
        """
        check_count(limit, "limit", maximum=_MOST_RECALLED)
        if purpose not in tuple(WEIGHTS):
            raise InvalidArgumentError(f"purpose must be one of {', '.join(WEIGHTS)}; {purpose!r:.80} is not.")
        span = 0 if since is None else microsecond(since), IDS if until is None else microsecond(until)
        for value in (question, *(each for each in (type, participant) if each is not None)):
            given: Any = value
            if not isinstance(given, str):
                raise InvalidArgumentError(f"A question, a type and a participant are texts; {given!r:.80} is not.")
        tags = [*_tags(type, None, () if participant is None else (participant,))]
        # In one turn: the steps of a recall must not wait for work of others one by one.
        with self.file.turn():
            if self.newest() is None:  # nothing to weigh the words of a question by
                return []
            now = self._clock.time()
            asked = Question(self.file, question, tags, *span, self._total)
            scores: dict[int, float] = {}
            for number, relevant, weight in asked.candidates(max(100, 4 * limit)):
                scores[number] = score(purpose, now - number / MICROSECONDS, relevant, weight)
            best = dict(sorted(scores.items(), key=lambda pair: (-pair[1], -pair[0]))[:limit])
            best |= spread(best, self.links(best))
            chosen = sorted(best, key=lambda number: (-best[number], -number))[:limit]
            found = self._read(chosen, best)
            if touch and found:
                self._touched.extend((each.event_id, now) for each in found)
                if self.file.try_many(_TOUCH, self._touched):
                    self._touched.clear()
        return found

    def get(self, event_id: int) -> Recollection | None:
        """One memory; None if it is not remembered."""
        found = self._read([identity(event_id)], {event_id: 1.0})
        return found[0] if found else None

    def newest(self) -> int | None:
        """The id of the newest memory; None where there is none. A memory without a path, which nobody else changes,
        is asked only when it was changed.
        """
        changes, found = self.file.changes, self._newest
        if self.file.path is not None or found[0] != changes:
            self._newest = found = (changes, self.file.value("SELECT max(id) FROM event"))
        return found[1]

    def find(self, fact: Fact) -> int | None:
        """The id under which the same was remembered of the same moment; None if it was not."""
        number = microsecond(self._clock.time() if fact.at is None else fact.at)
        while said := self.file.rows("SELECT content, type FROM event WHERE id = ?", (number,)):
            if said[0] == (fact.content, fact.type):
                return number
            number += 1
        return None

    def all(self, after: int = 0, limit: int = _MOST_RECALLED) -> list[Recollection]:
        """The next ``limit`` memories after an id, in the order in which they were."""
        check_count(limit, "limit")
        rows = self.file.rows("SELECT id FROM event WHERE id > ? ORDER BY id LIMIT ?", (identity(after), limit))
        return self._read([row[0] for row in rows], {})

    def links(self, event_ids: Iterable[int]) -> dict[int, list[tuple[int, float]]]:
        """What each of the memories is associated with, and how strong."""
        found: dict[int, list[tuple[int, float]]] = {}
        for number in map(identity, event_ids):
            found[number] = [
                (target, bond)
                for target, bond in self.file.rows(
                    "SELECT CAST(target AS INTEGER), CAST(strength AS REAL) FROM link WHERE source = ?", (number,)
                )
            ]
        return found

    def strength(self, memory: Recollection) -> float:
        """How present it is now."""
        age = self._clock.time() - memory.event_id / MICROSECONDS
        return strength(memory.importance, age, memory.recalled, self.settings.decay)

    def get_summary(self) -> dict[str, Any]:
        """``events types links average_importance oldest newest``, the last two as UTC text or None."""
        events, mean, first, last = self.file.rows("SELECT count(*), avg(importance), min(id), max(id) FROM event")[0]
        return {
            "events": events,
            "types": dict(self.file.rows("SELECT type, count(*) FROM event GROUP BY type ORDER BY type")),
            "links": int(self.file.value("SELECT count(*) FROM link")) // 2,
            "average_importance": mean or 0.0,
            "oldest": _utc(first),
            "newest": _utc(last),
        }

    # -- away ------------------------------------------------------------------------------------------------------

    def forget(self, event_ids: Iterable[int]) -> int:
        """Forget these, whole. How many of them there were."""
        numbers = [(identity(number),) for number in event_ids]
        with self.file.transaction():
            gone = self.file.change_many("DELETE FROM event WHERE id = ?", numbers)
            for sql in (
                "DELETE FROM words WHERE rowid = ?",
                "DELETE FROM recollection WHERE event = ?",
                "DELETE FROM link WHERE source = ?1 OR target = ?1",
                "DELETE FROM evidence WHERE memory = ?1 OR rests = ?1",
            ):
                self.file.change_many(sql, numbers)
            self._total -= gone
            self.changes += 1
        return gone

    def fade(self) -> int:
        """Forget some of what the settings do not keep; how many. `consolidate` of an `AgentMemory` calls it.

        Each time it looks at the next thousand memories, and further where more came in since the last time, a
        transaction for each thousand. So of a large file all are seen to in the course of many calls.
        """
        steps = min(_MOST_STEPS, 1 + self._came // MOST_GONE)
        self._came = max(0, self._came - steps * MOST_GONE)
        return sum(self._fade() for _ in range(steps))

    def _fade(self) -> int:
        if not self._forgetting.due(self._total):
            return 0
        with self.file.transaction():
            if self._forgetting.at_start or self._forgetting.over(self._total):
                self._total = len(self)  # other processes add and forget too
            return self.forget(self._forgetting.step(self._total))

    def tidy(self) -> bool:
        """Go on putting the index together, which each `remember` adds a piece to: recall is by a third quicker then.
        One step of about a tenth of a second; False when nothing is left to do, which is so until half as much again
        was remembered.
        """
        if not self._tidying:
            if self._untidied < _GROWN * self._tidied or self._untidied == self._looked_at:
                return False
            self._looked_at = self._untidied
            if self.file.value("SELECT count(DISTINCT segid) FROM words_idx") <= _PIECES:
                return False
            self._tidied, self._untidied = self._total, 0
        # By SQLite's documentation one that changes less than two rows had nothing to do.
        done = self.file.change_many("INSERT INTO words(words, rank) VALUES('merge', ?)", ((-_STEP,),))
        self._tidying = done >= 2
        return self._tidying

    # -- inside ----------------------------------------------------------------------------------------------------

    def _row(self, fact: Fact) -> tuple[Any, ...]:
        text, kind, weight, known = SecurityValidator.sanitize_memory_data(
            fact.content, fact.type, fact.importance, fact.context
        )
        people_json = msgspec.json.encode(sorted(people(fact.participants))).decode()
        return (
            self._numbering.free(microsecond(self._clock.time() if fact.at is None else fact.at)),
            text,
            kind,
            weight,
            mood(fact.valence),
            place(fact.location),
            people_json,
            msgspec.json.encode(known).decode(),
        )

    def _read(self, numbers: Sequence[int], scores: Mapping[int, float]) -> list[Recollection]:
        found = []
        for start in range(0, len(numbers), _BATCH):
            batch = numbers[start : start + _BATCH]
            rows = {
                row[0]: row
                for row in self.file.rows(
                    f"SELECT {_COLUMNS}, seal, CAST(ifnull(times, 0) AS INTEGER) FROM event "
                    f"LEFT JOIN recollection ON event = event.id WHERE event.id IN ({', '.join('?' * len(batch))})",
                    batch,
                )
            }
            found += [self._recollection(rows[number], scores.get(number, 0.0)) for number in batch if number in rows]
        return found

    def _recollection(self, row: tuple[Any, ...], value: float) -> Recollection:
        *said, seal, times = row
        self.file.check(seal, *said)
        number, content, kind, weight, valence, location, people, context = said
        return Recollection(
            event_id=number,
            content=content,
            type=kind,
            importance=weight,
            valence=valence,
            location=location,
            participants=tuple(msgspec.json.decode(people)),
            context=msgspec.json.decode(context),
            recalled=times,
            score=value,
        )


def named(context: Mapping[str, Any]) -> list[int]:
    """The ids that the context of a memory has as its ``evidence``."""
    evidence = context.get("evidence", ())
    if not isinstance(evidence, (list, tuple)):
        return []
    return [each for each in evidence if type(each) is int and 0 <= each <= IDS]


def _utc(number: int | None) -> str | None:
    return None if number is None else datetime.datetime.fromtimestamp(number / MICROSECONDS, datetime.UTC).isoformat()


def _tags(kind: str | None, importance: float | None, participants: Iterable[str]) -> Iterable[str]:
    """Words of the index that no text has: what a memory is, how important, and who took part."""
    if kind is not None:
        yield tag("type", kind)
    if importance is not None:
        yield tag("importance", str(min(9, int(10 * importance))))
    for name in participants:
        yield tag("with", name)
