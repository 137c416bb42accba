"""The built-in module ``retrieval``."""

from __future__ import annotations

import threading
from collections.abc import Hashable

import msgspec

from companion_async.cognition.mind import Mind, MindModule
from companion_async.cognition.perception.recall import Recall
from companion_async.cognition.retrieval.purpose import Purpose, purpose
from companion_async.errors import InvalidArgumentError
from companion_async.memory.long_term import Recollection
from companion_async.memory.ranking import WEIGHTS
from companion_async.security import check_count, check_text

MODULE = "retrieval"
"""The name it is registered under."""

SPAN = 60.0
"""Seconds for which what came to mind is kept."""

CAPACITY = 100


class AtHand(msgspec.Struct, frozen=True):
    """Something of working memory that has a word of the question."""

    content: str
    type: str
    importance: float


class Recalled(msgspec.Struct, frozen=True):
    """What came to mind: of working memory, newest first, and of long-term memory, best first. ``purpose`` says what it
    was weighed for and why; ``cached`` that it was asked lately.
    """

    purpose: Purpose
    at_hand: tuple[AtHand, ...]
    memories: tuple[Recollection, ...]
    cached: bool


class Retrieval(MindModule):
    """Remembers by what the moment asks for: the purpose is chosen from the question and from what the agent is about.

    The same question is answered from a cache for `SPAN` seconds, until something is remembered or forgotten. Uses no
    model; the match is by words, as of `LongTermMemory.recall`.
    """

    def __init__(self, mind: Mind | None = None) -> None:
        super().__init__(mind)
        self._lock = threading.Lock()
        self._cache: Recall[Recalled] = Recall(CAPACITY, SPAN)
        self._asked = self._hits = 0

    def run(self, question: str, limit: int = 5, purpose: str | None = None) -> Recalled:
        """What comes to mind. ``purpose`` is one of `WEIGHTS`, or None to have it chosen."""
        check_count(limit, "limit", maximum=1_000)
        check_text(question, "question")
        if purpose is not None and check_text(purpose, "purpose") not in WEIGHTS:
            raise InvalidArgumentError(f"purpose must be one of {', '.join(WEIGHTS)}; {purpose!r:.80} is not.")
        wanted = self._purpose(question) if purpose is None else Purpose(purpose, "it was asked for")
        memory = self.mind.memory
        now = self.mind.clock.monotonic()
        # What was found before something came or was forgotten is no answer any more; what another process did to the
        # file shows by the newest.
        lasting = memory.long_term
        key: Hashable = (question, limit, wanted.name, memory.working.changes, lasting.changes, lasting.newest())
        with self._lock:
            self._asked += 1
            kept = self._cache.get(key, now)
            self._hits += kept is not None
        if kept is not None:
            return msgspec.structs.replace(kept, purpose=wanted, cached=True)
        found = lasting.recall(question, limit, purpose=wanted.name)
        recalled = Recalled(wanted, self._at_hand(question, limit), tuple(found), cached=False)
        with self._lock:
            self._cache.put(key, recalled, now)
        return recalled

    def hit_rate(self) -> float:
        """The share of questions that the cache answered, from 0 to 1."""
        with self._lock:
            return self._hits / self._asked if self._asked else 0.0

    def _purpose(self, question: str) -> Purpose:
        decision = self._get("decision") or {}
        return purpose(question, talking=decision.get("skill") == "talk", planning=self._get("plan") is not None)

    def _at_hand(self, question: str, limit: int) -> tuple[AtHand, ...]:
        words = {word for word in question.casefold().split() if len(word) > 3}
        items = [
            AtHand(item.content, item.type, item.importance)
            for item in self.mind.memory.working.get_recent()
            if words & set(item.content.casefold().split())
        ]
        return tuple(items[:limit])
