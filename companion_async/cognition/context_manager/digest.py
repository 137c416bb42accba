"""Pure: a summary that takes in ever more and stays the same size.

It quotes, it does not write: every line of it was said, word for word, by the one it names.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import NamedTuple

import msgspec

from companion_async.cognition.tokens import estimated_tokens

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\s*\n+\s*")
_WORD = re.compile(r"\w+")
_STOP_WORDS = frozenset(
    _WORD.findall(
        "a about after all also an and any are as at be because been but by can could did do does for from had has "
        "have he her here his how i if in into is it its just like me more my no not of on one or our out she should "
        "so some than that the their them then there these they this to too up us was we were what when where which "
        "who will with would you your"
    )
)
_LONGEST = 240  # characters of one line
_PER_TURN = 2
_WORDS_KEPT = 2000
_AGEING = 0.98  # per turn: of two lines that say as much, the later one stays


class _Line(NamedTuple):
    turn: int
    place: int
    role: str
    text: str
    words: tuple[str, ...]
    weight: float


class KeptDigest(msgspec.Struct):
    """A digest as it is written down."""

    turns: int
    counts: dict[str, int]
    lines: list[_Line]


class Digest:
    """The most telling sentences of the turns folded in, within ``tokens``. The same turns make the same digest.

    A sentence tells much if its words recur in the conversation, or are names and numbers, and if the user said it.
    """

    def __init__(self, tokens: int) -> None:
        self.turns = 0
        self._budget = tokens
        self._counts: Counter[str] = Counter()
        self._lines: list[_Line] = []

    def fold(self, role: str, text: str) -> None:
        """Take in one more turn, the next in time."""
        self.turns += 1
        found = [self._line(place, role, sentence) for place, sentence in enumerate(_sentences(text))]
        self._counts.update(word for line in found for word in line.words)
        if len(self._counts) > 2 * _WORDS_KEPT:
            self._counts = Counter(dict(self._counts.most_common(_WORDS_KEPT)))
        found = [line for line in found if line.words]
        self._lines += sorted(found, key=self._worth, reverse=True)[:_PER_TURN]
        self._lines.sort()
        self._shrink()

    def kept(self) -> KeptDigest:
        """All that it is, to be written down."""
        return KeptDigest(self.turns, dict(self._counts), [*self._lines])

    def restore(self, kept: KeptDigest) -> None:
        """Be what was written down, within one's own bounds."""
        self.turns, self._counts, self._lines = kept.turns, Counter(kept.counts), [*kept.lines]
        self._shrink()

    def __str__(self) -> str:
        return "\n".join(map(_shown, self._lines))

    def _shrink(self) -> None:
        while sum(estimated_tokens(_shown(line)) for line in self._lines) > self._budget:
            self._lines.remove(min(self._lines, key=self._worth))

    def _line(self, place: int, role: str, sentence: str) -> _Line:
        spoken = _WORD.findall(sentence)
        words = tuple(dict.fromkeys(word for word in map(str.lower, spoken) if word not in _STOP_WORDS))
        names = sum(word[0].isupper() or word[0].isdigit() for word in spoken[1:] if word.lower() not in _STOP_WORDS)
        return _Line(self.turns, place, role, sentence, words, (1.0 + names) * (1.5 if role == "user" else 1.0))

    def _worth(self, line: _Line) -> float:
        recurring = sum(math.log2(1 + self._counts[word]) for word in line.words)
        return line.weight * recurring / (4 + len(line.words)) * _AGEING ** (self.turns - line.turn)


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def _shown(line: _Line) -> str:
    text = line.text if len(line.text) <= _LONGEST else line.text[:_LONGEST].rsplit(" ", 1)[0] + " ..."
    return f"{line.role}: {text}"
