"""Pure: whether a text has the kind of thing that a question asks for: a count, an extent, a time, somebody, a place.

A figure alone is no evidence. Plot 17 and 14 December count nothing, ten years is not how large something is, and
fourteen metres is not when it happened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal

Kind = Literal["number", "time", "person", "place", "colour", "exception", "profession", "any"]

MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
"""Their names, in order, as a pattern."""

_NUMBER_WORDS = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|"
    "nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|half|dozen|twice|once|none"
)
_DAYS = "(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
_SPANS = r"(?:second|minute|hour|day|night|week|month|year|decade|centur)(?:s|y|ies)?"
_UNITS = (
    "metres?|meters?|kilomet(?:re|er)s?|km|miles?|feet|foot|inch(?:es)?|tonnes?|tons?|kilos?|kilograms?|pounds?|crowns?"
    "|dollars?|euros?|pence|volts?|litres?|liters?|degrees?|percent|bytes?|times"
)
_NUMBER = re.compile(rf"\d+(?:[.,:]\d+)*|O\(|\b(?:{_NUMBER_WORDS})\b", re.IGNORECASE)

# What stands before a number that is one thing's own, and not how many there are of it.
_LABEL = re.compile(
    r"\b(?:plot|berth|page|section|chapter|article|amendment|number|no|version|channel|room|line|step|level|figure|table"
    r"|part|gate|platform|item|python|pep|rfc)s?\.? $",
    re.IGNORECASE,
)
_RANGED = re.compile(r"\d+ (?:to|and|or|-) $")
_OF_A_NAME = re.compile(r"(?<![.:;!?|] )(?<!^)\b[A-Z][\w'-]*[a-z] $")
_YEAR = re.compile(r"1\d{3}|20\d\d")
_BEFORE_A_YEAR = re.compile(
    rf"\b(?:in|since|until|by|of|from|before|after|during|around|and|{MONTHS}) $", re.IGNORECASE
)
_IN_A_DATE = re.compile(rf" (?:{MONTHS})\b", re.IGNORECASE)
_OF_TIME = re.compile(rf"[ -](?:{_SPANS}|o'clock|[ap]\.?m)\b", re.IGNORECASE)
_OF_ANOTHER_KIND = re.compile(rf"(?:[ -](?:{_NUMBER_WORDS}))*[ -](?:{_UNITS})\b", re.IGNORECASE)
_AT = re.compile(
    r"\b(?:at|from|until|till|to|by|before|after|since|between|past|in|on|around|and)(?: about| the)? $", re.IGNORECASE
)
_TIME = re.compile(
    rf"\b(?:{_DAYS}|{MONTHS}|{_SPANS}|morning|noon|evening|midnight|summer|winter|spring|autumn|christmas"
    r"|before|after|while|until|once|when|whenever|never|always)\b|\b\d{1,2}:\d\d\b",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\b(?!(?:It|Its|The|This|That|These|Those|There|Here|All|Some|Each)\b)[A-Z][\w'-]*[a-z]\b")
# Who does something without a name: the caller, members, the thread that acquired it.
_SOMEBODY = re.compile(
    r"\b(?:he|she|his|her|they|who|whoever|nobody|everybody|somebody|anybody|thread|task|process|program|module"
    r"|wom[ae]n|m[ae]n|people|persons?|child(?:ren)?|daughters?|sons?|widow|aunt|crew|team|committee"
    r"|(?!(?:numb|und|ov|aft|oth|nev|ev|eith|neith|rath|lat|wat|pap|ord|lett|summ|wint|membership|col)[eo]rs?\b)"
    r"[a-z]{2,}[^\W\daeiou](?:er|or)s?|[a-z]{3,}(?:ist|ian|smith|wright|man|men)s?)\b"
)
_PATTERNS: dict[Kind, re.Pattern[str]] = {
    "place": re.compile(
        r"\b(?:in|at|on|to|from|near|into|under|behind|beside|inside|between|of) (?:the |a |an )?\w|\w: \w",
        re.IGNORECASE,
    ),
    "colour": re.compile(
        r"\b(?:black|white|red|green|blue|yellow|brown|orange|pink|purple|gr[ae]y|violet|golden|silver)\b",
        re.IGNORECASE,
    ),
    "exception": re.compile(r"\b[A-Z]\w*(?:Error|Exception|Warning|Exit|Interrupt|Iteration|Timeout|Empty|Full)\b"),
    "profession": re.compile(r"\b(?:is|was|been|as|became|become|an?|by) (?:an? |the )?[a-z]{4,}", re.IGNORECASE),
}


def is_evident(kind: Kind, text: str, question: str, *, extent: bool = False) -> bool:
    """Whether ``text`` has a thing of that kind that ``question`` has not itself; a number that is an ``extent`` is no
    span of time.
    """
    asked = question.lower()
    return any(not _has_word(asked, word) for word in _FOUND.get(kind, _matching(kind))(text, extent))


def _numbers(text: str, extent: bool) -> Iterator[str]:
    for found in _NUMBER.finditer(text):
        before, after = _RANGED.sub("", text[: found.start()]), text[found.end() :]
        dated = _IN_A_DATE.match(after) or (_YEAR.fullmatch(found[0]) and _BEFORE_A_YEAR.search(before))
        own = found[0][0].isdigit() and (_LABEL.search(before) or _OF_A_NAME.search(before))
        if not dated and not own and not (extent and _OF_TIME.match(after)):
            yield _word_at(text, *found.span())


def _times(text: str, _: bool) -> Iterator[str]:
    for found in _TIME.finditer(text):
        yield _word_at(text, *found.span())
    for found in _NUMBER.finditer(text):
        before, after = text[: found.start()], text[found.end() :]
        told = _YEAR.fullmatch(found[0]) or _OF_TIME.match(after) or _AT.search(before) or before.endswith(": ")
        if told and not _OF_ANOTHER_KIND.match(after):
            yield _word_at(text, *found.span())


def _persons(text: str, _: bool) -> Iterator[str]:
    for found in _NAMED.finditer(text):
        if not _begins_a_sentence(text, found) and not _TIME.fullmatch(found[0]):
            yield found[0].lower()
    yield from (found[0] for found in _SOMEBODY.finditer(text))


def _begins_a_sentence(text: str, found: re.Match[str]) -> bool:
    """Whether a word is written large as the first of its sentence, and is no name for all that one can tell."""
    before = text[: found.start()].rstrip()
    first = not before or before[-1] in ".!?|\n"
    return first and re.match(r" [A-Z]| [a-z]+(?:s|ed)\b| (?:is|was|had|has)\b", text[found.end() :]) is None


def _matching(kind: Kind) -> Callable[[str, bool], Iterator[str]]:
    pattern = _PATTERNS.get(kind)

    def found(text: str, _: bool) -> Iterator[str]:
        yield from ("",) if pattern is None else (_word_at(text, *match.span()) for match in pattern.finditer(text))

    return found


_FOUND: dict[Kind, Callable[[str, bool], Iterator[str]]] = {"number": _numbers, "time": _times, "person": _persons}


def _word_at(text: str, start: int, end: int) -> str:
    while start and (text[start - 1].isalnum() or text[start - 1] in ".,"):
        start -= 1
    while end < len(text) and (text[end].isalnum() or text[end] in ".,"):
        end += 1
    return text[start:end].strip(".,").lower()


def _has_word(text: str, word: str) -> bool:
    return bool(word) and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None
