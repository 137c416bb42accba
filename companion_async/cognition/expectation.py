"""Pure: what kind of thing a question asks for: a number, a time, a person, a place, a colour.

A factoid question has its answer in a sentence or two; whoever asks "how many" is not answered by a sentence without a
number. The kinds are the coarse classes of Li and Roth (2002), as far as the look of a text tells them.
"""

from __future__ import annotations

import re

import msgspec

from companion_async.cognition.evidence import Kind, is_evident

# What asks, the kind of thing that it asks for, and words that tell of it where those that ask are missing. The first
# that fits counts.
_ASKING: tuple[tuple[str, Kind, str], ...] = (
    ("how old", "number", "age old"),
    ("how deep", "number", "deep depth"),
    ("how heavy", "number", "heavy weigh weight tonnes kilos pounds"),
    ("how (?:tall|high)", "number", "tall high height rise"),
    ("how fast", "number", "fast speed rate quick"),
    ("how (?:wide|broad)", "number", "wide width broad breadth"),
    ("how (?:long|far|thick|much|many)", "number", ""),
    ("how (?:large|big|small|slow|often|hot|cold|loud)", "number", ""),
    ("(?:what|which) (?:share|number|percentage|price|amount)", "number", ""),
    ("what (?:does|do|did|will|would) .{3,80} cost", "number", "cost price fee rent pay paid crown pound dollar"),
    ("when", "time", ""),
    ("(?:what|which) (?:year|day|date|month|time|century)", "time", ""),
    ("what colou?r", "colour", ""),
    ("(?:what|which) (?:exception|error) (?:does|do|did|is|are|will|would)", "exception", ""),
    ("what (?:is|are|was|were) the (?:profession|occupation|job|trade)", "profession", ""),
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


# How large something is no span of time tells.
_EXTENT_WORDS = "deep heavy tall high fast wide broad thick far large big small hot cold loud"
_EXTENTS = frozenset(_EXTENT_WORDS.split())


class Expectation(msgspec.Struct, frozen=True):
    """The ``kind`` of thing that is asked for (``any`` where its look does not tell), the words that only ask, and
    words that are ``telling`` in their place.
    """

    kind: Kind
    asking: frozenset[str]
    telling: frozenset[str] = frozenset()

    def is_met_by(self, text: str, question: str) -> bool:
        """Whether ``text`` has such a thing that ``question`` has not itself."""
        return is_evident(self.kind, text, question, extent=not _EXTENTS.isdisjoint(self.asking))


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
