"""Pure: what a query asks for as it stands: words in double quotes, beginnings of words, kinds and places."""

from __future__ import annotations

import re
from typing import Protocol

import msgspec

_PHRASE = re.compile(r"\"([^\"\n]*)\"")
_PREFIX = re.compile(r"(?<!\S)([^\W_]{2,40})\*(?!\S)")
_WORD = re.compile(r"[^\W_]+")
# A stem has lost at most so many letters of what may have been typed of its word.
_LOST = 5
_SHORTEST = 2


class Passage(Protocol):
    """What may be asked for."""

    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def location(self) -> str: ...


class Query(msgspec.Struct, frozen=True):
    """A query taken apart: the ``text`` that ranks, and what a passage must have.

    ``phrases``: words side by side, in any of their forms. ``prefixes``: beginnings of words. ``kind`` of document, and
    the beginning of its ``location``; None for any.
    """

    text: str
    phrases: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    kind: str | None = None
    location: str | None = None

    @property
    def exacting(self) -> bool:
        """Whether it asks for words as they stand, which nothing can be near to in meaning."""
        return bool(self.phrases or self.prefixes)

    @property
    def match(self) -> str:
        """What finds passages that may have all of the phrases and prefixes, for FTS5; empty without any.

        The index has stems, so that a beginning finds more than it should; `admits` looks at the words.
        """
        wanted = [f'"{phrase}"' for phrase in self.phrases]
        for prefix in self.prefixes:
            shorter = (prefix[:length] for length in range(max(_SHORTEST, len(prefix) - _LOST), len(prefix)))
            wanted.append("(" + " OR ".join([f'"{prefix}" *', *(f'"{stem}"' for stem in shorter)]) + ")")
        return " AND ".join(wanted)

    def admits(self, passage: Passage) -> bool:
        """Whether a passage is of the kind, in the place, and has words that begin as they should."""
        if self.kind is not None and passage.kind != self.kind:
            return False
        if self.location is not None and not passage.location.startswith(self.location):
            return False
        said = f"{passage.title}\n{passage.text}"
        return all(re.search(rf"(?<![^\W_]){prefix}", said, re.IGNORECASE) for prefix in self.prefixes)


def parsed(query: str, kind: str | None = None, location: str | None = None) -> Query:
    """``query`` taken apart. Any text is one: a quote without its partner, or a star alone, is a sign like others."""
    phrases = (" ".join(_WORD.findall(match)) for match in _PHRASE.findall(query))
    prefixes = (match.lower() for match in _PREFIX.findall(_PHRASE.sub(" ", query)))
    return Query(
        _PREFIX.sub(" ", query),
        tuple(dict.fromkeys(phrase for phrase in phrases if phrase)),
        tuple(dict.fromkeys(prefixes)),
        kind,
        location,
    )
