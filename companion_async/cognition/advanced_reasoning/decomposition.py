"""Pure: a question taken apart into simpler ones: what it speaks of by way of another thing, and questions in a row.

"Where was the designer of Lisp born" asks who the designer of Lisp is, and where that one was born. Where in a sentence
the description ends no rule of a page tells; the likely ends are told in order, and what was read decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

GAP = "{}"
_LONGEST_TAIL = 3  # words that follow a description: born, been expelled
_AUXILIARY = re.compile(r"\b(?:did|does|do|was|were|is|are|had|has|have|can|could|must|may|will|would)$", re.IGNORECASE)
_ASKS = r"(?:what|where|when|who|whose|which|how)"
_SECOND = re.compile(rf",? and (?=(?:(?:in|of|from|to|for|on|by|at) )?{_ASKS}\b)", re.IGNORECASE)
_START = re.compile(r"\b(?:the|a|an) (?=(?:[\w'-]+ ){1,5}?(?:of|who|whose|that|which|for whom) )", re.IGNORECASE)
_RELATIVE = re.compile(
    r"(?:the|a|an) (?P<noun>(?:[\w'-]+ ){1,4}?)(?P<by>who|whose|that|which|for whom) (?P<clause>.+)", re.IGNORECASE
)
_RELATION = re.compile(r"(?:the|a|an) (?:[\w'-]+ ){1,4}?of .+", re.IGNORECASE)
_IS = re.compile(r"\W*(?:who|what) (?:is|was|are|were)", re.IGNORECASE)
_ON = re.compile(r"(?:of|and|or|that|which|who|whose|the|a|an)\b")
_OPEN = re.compile(r"\b(?:the|a|an|of|in|at|on|to|by|from|for|with|and|or|that|which|who|whose|is|was)$", re.IGNORECASE)
# "When does the ferry leave whose captain is Dag Holm": the clause is not beside what it tells of.
_APART = re.compile(
    r"(?P<before>.* )the (?P<noun>\w+)(?P<verb>(?: \w+){1,2}?) (?P<by>who|whose|which|that) "
    r"(?P<clause>(?:\w+ )?(?:is|was|has|had|taught|\w+ed) .+)",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\b(?:man|woman|person|people|boy|girl|one)s?$", re.IGNORECASE)


class Parts(msgspec.Struct, frozen=True):
    """The question ``inner``, and ``outer`` with a gap for the name that answers it."""

    inner: str
    outer: str

    def about(self, name: str) -> str:
        """The outer question, asked of ``name``."""
        return self.outer.replace(GAP, name)


def in_a_row(question: str) -> tuple[str, str] | None:
    """Two questions that are asked in one; None where it is one."""
    found = _SECOND.search(question)
    if found is None or not question[: found.start()].strip():
        return None
    return f"{question[: found.start()].rstrip(' ?')}?", question[found.end() :]


def decompositions(question: str) -> Iterator[Parts]:
    """The ways to take ``question`` apart, the innermost description first, and of each the likeliest end first."""
    text = question.strip().rstrip("?!. ")
    apart = _APART.fullmatch(text)
    if apart is not None:
        yield Parts(_inner(apart["noun"], apart["by"], apart["clause"]), f"{apart['before']}{GAP}{apart['verb']}?")
    for start in sorted((match.start() for match in _START.finditer(text)), reverse=True):
        before = text[:start].rstrip()
        if not before:
            continue
        for end in _ends(text, start, before):
            inner = _described(text[start:end].strip())
            if inner is not None:
                yield Parts(inner, f"{before} {GAP} {text[end:].strip()}".strip() + "?")


def _ends(text: str, start: int, before: str) -> list[int]:
    """Where what begins at ``start`` may end: before the last words, if these belong to the verb in front of it."""
    blanks = [match.start() for match in re.finditer(r" +", text[start:])][-_LONGEST_TAIL:]
    ends = [start + blank for blank in reversed(blanks) if _may_end(text, start + blank)]
    whole = len(text)
    if not _AUXILIARY.search(before):
        return [whole]
    # "Where was" has the rest of its verb behind what it speaks of; "who was the captain of the Petrel" is no chain.
    return [] if _IS.fullmatch(before) else [*ends, whole]


def _may_end(text: str, end: int) -> bool:
    """Whether a description may end there: not in a name, not before what belongs to it, not where a word misses."""
    return text[end + 1].islower() and _OPEN.search(text[:end]) is None and _ON.match(text, end + 1) is None


def _described(text: str) -> str | None:
    relative = _RELATIVE.fullmatch(text)
    if relative is not None and len(relative["clause"].split()) > 1:
        return _inner(relative["noun"].strip(), relative["by"], relative["clause"])
    return f"What is {text}?" if _RELATION.fullmatch(text) else None


def _inner(noun: str, by: str, clause: str) -> str:
    by = by.lower()
    if by.startswith("for "):
        return f"For whom {clause}?"
    return f"Who {clause}?" if by == "who" or _PERSON.search(noun) else f"Which {noun} {clause}?"
