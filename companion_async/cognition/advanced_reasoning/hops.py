"""Pure: what to look for next: the names that a passage brings in and the question has not."""

from __future__ import annotations

import re

# Dotted or called names, names in backticks, and capitalised words inside a sentence.
_NAME = re.compile(
    r"`([^`\n]{2,40})`|\b([a-z_]\w*(?:\.\w+)+)\b|\b(\w{3,}\(\))|(?<=[a-z,;] )([A-Z][a-z]\w+(?: [A-Z]\w+)*)"
)
_CITATION = re.compile(r"\[(\d{1,3})\]")
_WORD = re.compile(r"\w{4,}")
_MOST = 3


def bridges(question: str, text: str) -> tuple[str, ...]:
    """At most three names in ``text`` that could lead on from the question."""
    known = question.casefold()
    names = [next(filter(None, match)) for match in _NAME.findall(text)]
    fresh = (name.strip("()").strip() for name in names)
    return tuple(dict.fromkeys(name for name in fresh if name and name.casefold() not in known))[:_MOST]


def followed(question: str, text: str, name: str) -> str:
    """What is still to be asked about ``name``: the question without the words that ``text`` has told of."""
    told = set(_WORD.findall(text.casefold()))
    return " ".join([*(word for word in question.split() if word.casefold().strip("?.,!") not in told), name])


def renumbered(text: str, first: int) -> str:
    """``text`` with its citations counted from ``first`` on."""
    return _CITATION.sub(lambda match: f"[{int(match[1]) + first}]", text)
