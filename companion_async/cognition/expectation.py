"""Pure: what kind of thing a question asks for (a number, a time, a person, a place, a colour), and whether a text has
one.

A factoid question has its answer in a sentence or two; whoever asks "how many" is not answered by a sentence without a
number. The kinds are the coarse classes of Li and Roth (2002), as far as the look of a text tells them.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Kind = Literal["number", "time", "person", "place", "colour", "any"]

_NUMBER_WORDS = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|"
    "nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|half|dozen|twice|once|none"
)
MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
"""Their names, in order, as a pattern."""

_EVIDENCE = {
    "number": rf"\d|O\(|\b(?:{_NUMBER_WORDS})\b",
    "time": rf"\d|\b(?:{_NUMBER_WORDS})\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b"
    rf"|\b(?:{MONTHS})\b"
    r"|\b(?:day|night|morning|noon|evening|midnight|week|month|year|century|summer|winter|spring|autumn|christmas"
    r"|before|after|while|until|once|when|whenever|never|always)s?\b",
    "place": r"\b(?:in|at|on|to|from|near|into|under|behind|beside|inside|between|of) (?:the |a |an )?\w|\w: \w",
    "colour": r"\b(?:black|white|red|green|blue|yellow|brown|orange|pink|purple|gr[ae]y|violet|golden|silver)\b",
}
_PATTERNS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _EVIDENCE.items()}

# What asks, the kind of thing that it asks for, and words that tell of it where those that ask are missing. The first
# that fits counts.
_ASKING: tuple[tuple[str, Kind, str], ...] = (
    ("how old", "number", "age old"),
    ("how deep", "number", "deep depth"),
    ("how heavy", "number", "heavy weigh weight tonnes kilos pounds"),
    ("how (?:long|tall|high|deep|wide|far|thick|much|many)", "number", ""),
    ("how (?:large|big|small|heavy|fast|slow|often|hot|cold|loud)", "number", ""),
    ("(?:what|which) (?:share|number|percentage|price|amount)", "number", ""),
    ("what (?:does|do|did|will|would) .{3,80} cost", "number", "cost price fee rent pay paid crown pound dollar"),
    ("when", "time", ""),
    ("(?:what|which) (?:year|day|date|month|time|century)", "time", ""),
    ("what colou?r", "colour", ""),
    ("who(?:se|m)?", "person", ""),
    ("(?:what|which) (?:person|man|woman)", "person", ""),
    ("where", "place", ""),
    ("(?:what|which) (?:town|city|country|state|place|university|school)", "place", ""),
    (r"what (?:is|was) the (?=(?:\w+ ){0,2}(?:price|cost|rent|fee|toll|deposit|fare|wage|salary) )", "number", ""),
    (r"(?:what|which)(?: \w+)? (?:did|had|was|were)(?! the (?:[\w-]+ ){1,3}(?:of|for|in)\b)", "any", ""),
    (r"what (?:is|are|was|were) the (?:[\w-]+ ){1,3}(?:of|for|in)", "any", ""),
)
_BEFORE = r"\W*(?:and |but |so )?(?:(?:in|of|from|on|at|to|by|for|with|since|until) )?"
_ASKED = tuple(
    (re.compile(rf"{_BEFORE}(?P<asks>{asks})\b", re.IGNORECASE), kind, telling) for asks, kind, telling in _ASKING
)
# A programmer's question: it is answered by what does it, not by a sentence.
_HOW_TO = re.compile(
    r"\W*(?:and )?(?:how|where|when|which|what) (?:do|can|should|could|would|must|may) (?:i|we|you|one)\b",
    re.IGNORECASE,
)


class Expectation(msgspec.Struct, frozen=True):
    """The ``kind`` of thing that is asked for (``any`` where its look does not tell), the words that only ask, and
    words that are ``telling`` in their place.
    """

    kind: Kind
    asking: frozenset[str]
    telling: frozenset[str] = frozenset()

    def is_met_by(self, text: str, question: str) -> bool:
        """Whether ``text`` has such a thing that ``question`` has not itself."""
        pattern = _PATTERNS.get(self.kind)
        if pattern is None:
            return True
        return any(not _has_word(question.lower(), _word_at(text, *match.span())) for match in pattern.finditer(text))


def is_how_to(question: str) -> bool:
    """Whether it asks for the way to do something."""
    return _HOW_TO.match(question) is not None


def expectation(question: str) -> Expectation | None:
    """What ``question`` expects; None where it is no factoid question."""
    if is_how_to(question):
        return None
    for pattern, kind, telling in _ASKED:
        match = pattern.match(question)
        if match:
            words = match["asks"].lower().split()
            # "What does the sauna cost" and "what is the rent of" name what is asked about.
            asking = {words[0], words[-1]} if len(words) > 3 else set(words)
            return Expectation(kind, frozenset(asking), frozenset(telling.split()))
    return None


def _word_at(text: str, start: int, end: int) -> str:
    while start and (text[start - 1].isalnum() or text[start - 1] in ".,"):
        start -= 1
    while end < len(text) and (text[end].isalnum() or text[end] in ".,"):
        end += 1
    return text[start:end].strip(".,").lower()


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None
