"""A question to long-term memory: its words by rarity, and the memories that could answer it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from companion_async.memory.file import MemoryFile
from companion_async.memory.ranking import rarity, relevance

_MOST_WORDS = 8
_MOST_LOOKED_UP = 100  # words of a question
_RAREST = 3
_COUNTED = 500
_LOOKED_AT = 20_000
_NEWEST = "SELECT id, CAST(importance AS REAL) FROM event WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?"
_WEIGHTIEST = (
    "SELECT id, CAST(importance AS REAL) FROM event WHERE id BETWEEN ? AND ? ORDER BY importance DESC, id DESC LIMIT ?"
)
_HAVING = (
    "SELECT rowid, hits(words, ?) FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?"
)
_COUNT = "SELECT count(*), min(rowid) FROM (SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?)"
_MATCHING = "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?"


def tag(field: str, value: str) -> str:
    """The word of the index for a field's value. Hexadecimal, so that no tokenizer takes it apart."""
    return f"{field}0{value.encode('utf-8', 'surrogatepass').hex()}0"


_IMPORTANT = f"tags : ({' OR '.join(tag('importance', band) for band in '987')})"  # from 0.7 on


class Question:
    """What is asked of a file with about ``total`` memories: words, tags that must be there, and the span of ids. One
    use, one thread.
    """

    def __init__(self, file: MemoryFile, text: str, tags: Sequence[str], first: int, last: int, total: int) -> None:
        self._file = file
        self._tags = tags
        self._span = (first, last)
        words = {word: self._count(word, total) for word in file.words(text)[:_MOST_LOOKED_UP]}
        rare = sorted((word for word, count in words.items() if count), key=words.__getitem__)
        self._words = rare[:_MOST_WORDS]
        self._asked = bool(text.strip())
        # Words that no memory has count too: a question that is half unknown is half answered at best.
        self._rarities = [rarity(words[word], total) for word in self._words]
        self._unknown = sum(rarity(1, total) for count in words.values() if not count)

    def candidates(self, most: int) -> Iterator[tuple[int, float | None, float]]:
        """Id, relevance (None where nothing was asked) and importance of at most a few times ``most`` memories."""
        if not self._asked:
            rows = self._plain(most) if not self._tags else self._weights(self._matching(self._with(()), most))
            yield from ((number, None, weight) for number, weight in rows)
            return
        if not self._words:
            return
        masks = self._pool(most)
        whole = [*self._rarities, self._unknown]
        for number, weight in self._weights(list(masks)):
            yield number, relevance(masks[number], whole), weight

    def _pool(self, most: int) -> dict[int, int]:
        """The newest that have all words, each of the rarest, or any of them and are important; and which each has."""
        words = [f"content : {_quoted(word)}" for word in self._words]
        anything = f"({' OR '.join(words)})"
        found: dict[int, int] = {}
        for start in (*([word] for word in words[:_RAREST]), [_IMPORTANT]):
            # Last, so that `hits` knows which phrases they are.
            found |= self._file.rows(_HAVING, (len(words), self._with([*start, anything]), *self._span, most))
        if len(words) > 1:
            # Which they have is known, and to ask for it would double the work.
            found |= dict.fromkeys(self._matching(self._with(words), most), 2 ** len(words) - 1)
        return found

    def _matching(self, expression: str, most: int) -> list[int]:
        return [row[0] for row in self._file.rows(_MATCHING, (expression, *self._span, most))]

    def _with(self, expressions: Sequence[str]) -> str:
        return " AND ".join([*(f"tags : {tag}" for tag in self._tags), *expressions])

    def _plain(self, most: int) -> list[tuple[Any, ...]]:
        found = [row for sql in (_NEWEST, _WEIGHTIEST) for row in self._file.rows(sql, (*self._span, most))]
        return list(dict.fromkeys(found))

    def _weights(self, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
        listed = ", ".join(map(str, numbers))
        return self._file.rows(f"SELECT id, CAST(importance AS REAL) FROM event WHERE id IN ({listed})")

    def _count(self, word: str, total: int) -> int:
        """How many memories have a word; beyond 500 an estimate from how densely the newest of them lie."""
        found, first = self._file.rows(_COUNT, (f"content : {_quoted(word)}", _COUNTED))[0]
        if found < _COUNTED:
            return int(found)
        sql = "SELECT count(*) FROM (SELECT 1 FROM event WHERE id >= ? LIMIT ?)"
        among = int(self._file.value(sql, (first, _LOOKED_AT)))
        return max(_COUNTED, total * _COUNTED // among)


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
