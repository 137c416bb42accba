"""Pure: what a question means in the light of the one before it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LONGEST = 12  # words; a longer question says what it is about
_FEW = 4  # words; with so few, "again" and "instead" need something before them

_ANOTHER = re.compile(r"(?:and\s+)?(?:what|how) about\s+(?P<other>\w+(?:\s+\w+)+)\s*\?*", re.IGNORECASE)
_CONNECTIVE = re.compile(r"(?:and|but|so|or|then|what about|how about)\b", re.IGNORECASE)
_COMPARED = re.compile(r"\b(?:same|instead|also|too|else|again|more|other|another)\b", re.IGNORECASE)
_IDLE_IT = re.compile(r"\bis it (?:possible|ok|okay|safe|better|true|allowed|wise|necessary)\b", re.IGNORECASE)
_PRONOUN = re.compile(
    r"\b(?:it|its|them|they)\b"
    r"|(?<!thing )\b(?:this|that|these|those)\b(?=\s*[?.!,]|\s*$|\s+(?:is|are|was|does|do|did|mean|work|return|take)\b)"
    r"|\bones?\b(?=\s*[?.!,]|\s*$)",
    re.IGNORECASE,
)
# What a pronoun further on in the question may stand for. "The best way" is no such thing.
_NAMED = re.compile(
    r"\b(?:a|an|my|your|some|each|every|two|all|the(?!\s+(?:\w+est|best|right|same|only)\b))\s+\w+", re.IGNORECASE
)
_WORD = re.compile(r"\w+")
_SMALL = frozenset(_WORD.findall("a an and are be can could do does for how i in is of on should the there to what"))


def search_text(question: str, earlier: Sequence[str]) -> str:
    """What to search for: ``question``, with the one that it points back to where it does.

    Of the ``earlier`` questions, oldest first, that is the last one that speaks for itself. "What about Apollo 16?"
    asks the same of something else that begins like what was asked about: it takes that one's place in the question.
    """
    if not points_back(question):
        return question
    topic = next((each for each in reversed(earlier) if not points_back(each)), None)
    if topic is None:
        return question
    return _asked_of_another(topic, question) or f"{topic} {question}"


def points_back(question: str) -> bool:
    """Whether ``question`` speaks of something that it does not name itself."""
    words = _WORD.findall(question.lower())
    if len(words) > _LONGEST:
        return False
    if _CONNECTIVE.match(question):
        return True
    if _COMPARED.search(question) and sum(word not in _SMALL for word in words) < _FEW:
        return True
    pronoun = _PRONOUN.search(_IDLE_IT.sub("", question))
    return pronoun is not None and not _NAMED.search(question, 0, pronoun.start())


def _asked_of_another(topic: str, question: str) -> str | None:
    found = _ANOTHER.fullmatch(question.strip())
    if found is None:
        return None
    other = found["other"].split()
    rest = r"\s+\w+" * (len(other) - 1)
    asked, places = re.subn(rf"\b{re.escape(other[0])}{rest}\b", found["other"], topic, count=1, flags=re.IGNORECASE)
    return asked if places else None
