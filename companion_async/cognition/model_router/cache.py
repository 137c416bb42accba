"""Pure: answers of models to questions that ask the same in nearly the same words, from the same passages."""

from __future__ import annotations

import math
import re
from collections import Counter, OrderedDict
from itertools import pairwise

import msgspec

from companion_async.cognition.model_router.prompt import Prompt
from companion_async.cognition.model_router.reply import Reply
from companion_async.cognition.pieces import stem_of

_WORD = re.compile(r"\w+")

Key = tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]]


class CacheFigures(msgspec.Struct, frozen=True):
    """How a cache does: ``asked`` of it so far, of which ``hits``, and how many answers it has."""

    asked: int
    hits: int
    entries: int

    @property
    def hit_rate(self) -> float:
        """The share of questions that it answered; 0 before the first."""
        return self.hits / self.asked if self.asked else 0.0


class AnswerCache:
    """At most ``size`` answers, the one unused for longest goes first; none is older than ``seconds``.

    Two questions are alike by the cosine of their words' stems and of pairs of them side by side, since bytes to text
    is not text to bytes; they must be of one kind, rest on the very same passages and have the same numbers in the same
    order. What was said before makes each talk its own: only questions that stand alone are looked up or kept. Loop
    only.
    """

    def __init__(self, size: int, likeness: float, seconds: float) -> None:
        self._size, self._likeness, self._seconds = size, likeness, seconds
        self._kept: OrderedDict[int, tuple[float, Key, Counter[str], Reply]] = OrderedDict()
        self._next = self._asked = self._hits = 0

    @property
    def figures(self) -> CacheFigures:
        """How it does."""
        return CacheFigures(self._asked, self._hits, len(self._kept))

    def get(self, prompt: Prompt, kind: str, now: float) -> Reply | None:
        """The answer to the question most like it, if that is alike enough."""
        if not self._size or not _stands_alone(prompt):
            return None
        self._asked += 1
        for number in [number for number, (kept, *_) in self._kept.items() if now - kept >= self._seconds]:
            del self._kept[number]
        key, stems = _key(prompt, kind), _stems(prompt.question)
        alike = [
            (_cosine(stems, others), number) for number, (_, other, others, _) in self._kept.items() if other == key
        ]
        best, number = max(alike, default=(0.0, -1))
        if best < self._likeness or number < 0:
            return None
        self._hits += 1
        self._kept.move_to_end(number)
        return self._kept[number][3]

    def put(self, prompt: Prompt, kind: str, reply: Reply, now: float) -> None:
        """Keep an answer that a model gave to it."""
        if not self._size or not _stands_alone(prompt) or not reply.found:
            return
        self._kept[self._next] = (now, _key(prompt, kind), _stems(prompt.question), reply)
        self._next += 1
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)


def _stands_alone(prompt: Prompt) -> bool:
    return not (prompt.turns or prompt.summary or prompt.instructions or prompt.medium)


def _key(prompt: Prompt, kind: str) -> Key:
    passages = tuple((passage.location, passage.text) for passage in prompt.passages)
    return kind, passages, tuple(re.findall(r"\d+", prompt.question))


def _stems(text: str) -> Counter[str]:
    stems = [stem_of(word) for word in _WORD.findall(text.lower())]
    return Counter([*stems, *(f"{first} {second}" for first, second in pairwise(stems))])


def _cosine(one: Counter[str], other: Counter[str]) -> float:
    lengths = math.hypot(*one.values()) * math.hypot(*other.values())
    return sum(count * other[stem] for stem, count in one.items()) / lengths if lengths else 0.0
