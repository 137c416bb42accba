"""Pure: which of two things is longer, older, first, and by how much: a figure or a date of each, told and compared.

Each has its own in the text or there is no answer: of a sentence the only one that it has, of a row that of the column
that is spoken of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from companion_async.cognition.advanced_reasoning.wording import in_signs
from companion_async.cognition.evidence import MONTHS
from companion_async.cognition.expectation import Expectation
from companion_async.cognition.factoid import asked
from companion_async.cognition.names import shown_row
from companion_async.cognition.pieces import stems_of
from companion_async.cognition.pinpoint import SupportsPassage, answers, windows

Kind = Literal["number", "time"]

# What is compared: the kind of thing, whether more of it wins, and words that tell of it.
_TABLE: tuple[tuple[str, Kind, bool, str], ...] = (
    ("older|earlier|first|before|oldest", "time", False, "year date opened launched born founded built age"),
    ("younger|newer|later|last|after|newest", "time", True, "year date opened launched born founded built age"),
    ("longer|longest", "number", True, "long length span minutes metres"),
    ("shorter|shortest", "number", False, "long length span minutes metres"),
    ("taller|higher|tallest|highest", "number", True, "tall high height metres"),
    ("lower|lowest", "number", False, "tall high height metres"),
    ("deeper|deepest", "number", True, "deep depth metres"),
    ("heavier|heaviest", "number", True, "weigh weight tonnes"),
    ("lighter|lightest", "number", False, "weigh weight tonnes"),
    ("larger|bigger|largest|biggest", "number", True, "large size area"),
    ("smaller|smallest", "number", False, "large size area"),
    ("dearer|more expensive", "number", True, "cost price fee rent"),
    ("cheaper", "number", False, "cost price fee rent"),
    ("more|most", "number", True, ""),
    ("fewer|less|fewest", "number", False, ""),
)
_HOWS = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), kind, more, telling) for words, kind, more, telling in _TABLE
)
_ONE_OF = re.compile(
    r"\W*(?:who|which)(?: one)? of (?P<one>.+?) (?:and|or) (?P<other>.+?) "
    r"(?P<rest>(?:is|was|were|has|had|did|does|came|cost|weighs?|[a-z]+ed)\b.+)",
    re.IGNORECASE,
)
_OR = re.compile(
    r"\W*(?:who|(?:which|what)(?: [\w-]+(?= (?:is|was|were|has|had|did|does|came)\b))?)\b(?P<rest>.+?)"
    r"[,:] ?(?P<one>[^,]+?) or (?P<other>[^,]+)",
    re.IGNORECASE,
)
_YEARS = re.compile(
    r"\W*(?i:how many years) (?P<how>after|before) (?P<one>.+?) (?:was|were|did|is) "
    r"(?P<other>(?:the )?[A-Z][\w'-]*(?: [A-Z0-9][\w'-]*)*)(?P<rest>.*)"
)
_ASKING = re.compile(r"\b(?:is|was|were|has|had|did|does|came|the|than|of|are|do)\b", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|a|an) ", re.IGNORECASE)
_DATE = re.compile(
    rf"\b(?:(?P<day>\d{{1,2}}) )?(?:(?P<month>{MONTHS}) )?(?P<year>1\d{{3}}|20\d\d)\b(?![.,]\d)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?![\w])")


class Comparison(msgspec.Struct, frozen=True):
    """The two ``things``, what of them is compared (``rest`` of the question, and words ``telling`` of it), and whether
    the one that has ``more`` of it is asked for. With a ``unit`` it is asked by how much.
    """

    things: tuple[str, str]
    kind: Kind
    more: bool
    rest: str
    telling: frozenset[str]
    unit: str = ""

    def query(self, thing: str) -> str:
        """What to search for of one of them."""
        return f"{thing} {self.rest}".strip()


class Measured(msgspec.Struct, frozen=True):
    """What a text has of a thing: the figure, as it stands and to be compared, and where."""

    thing: str
    shown: str
    value: tuple[float, ...]
    passage: int
    text: str


def comparison(question: str) -> Comparison | None:
    """What ``question`` compares; None where it compares nothing that can be compared here."""
    text = question.strip().rstrip("?!. ")
    apart = _YEARS.fullmatch(text)
    if apart is not None:
        return _compared(apart, apart["how"], unit="years")
    found = _ONE_OF.fullmatch(text) or _OR.fullmatch(text)
    return None if found is None else _compared(found, found["rest"])


def measured(compared: Comparison, thing: str, passages: Sequence[SupportsPassage]) -> Measured | None:
    """What ``passages`` have of it; None where they have nothing, or more than one figure without saying which."""
    expects = Expectation(compared.kind, frozenset(), compared.telling if not compared.rest else frozenset())
    question = asked(f"of {compared.query(thing)}", otherwise=expects)
    if question is None:
        return None
    about = frozenset(stems_of(thing))
    for window in answers(question, windows(question, passages)):
        if not about <= frozenset(stems_of(f"{passages[window.passage].title} {window.text}")):
            continue
        shown = _figure_in(window.text, thing, compared)
        value = _value(shown, compared.kind)
        if value:
            return Measured(thing, shown, value, window.passage, window.text)
    return None


def verdict(compared: Comparison, found: Sequence[Measured]) -> str | None:
    """Which it is, with both figures; None where these do not tell."""
    one, other = found
    depth = min(len(one.value), len(other.value))
    first, second = one.value[:depth], other.value[:depth]
    if compared.unit:
        return (
            f"{abs(int(second[0] - first[0]))} {compared.unit}: {one.thing} {one.shown}, {other.thing} {other.shown}."
        )
    if first == second:
        return f"Neither: {one.thing} {one.shown}, {other.thing} {other.shown}."
    best, rest = (one, other) if (first > second) is compared.more else (other, one)
    return f"{best.thing}: {best.shown}, and {rest.thing} {rest.shown}."


def _compared(found: re.Match[str], how: str, unit: str = "") -> Comparison | None:
    for pattern, kind, more, telling in _HOWS:
        if pattern.search(how):
            rest = _ASKING.sub(" ", pattern.sub(" ", found["rest"]))
            things = (_ARTICLE.sub("", found["one"].strip()), _ARTICLE.sub("", found["other"].strip()))
            return Comparison(things, kind, more, " ".join(rest.split()), frozenset(telling.split()), unit)
    return None


def _figure_in(text: str, thing: str, compared: Comparison) -> str:
    cells = shown_row(text)
    if cells:
        spoken = frozenset(stems_of(f"{compared.rest} {' '.join(compared.telling)}"))
        telling = [cell for column, cell in cells[1:] if not spoken.isdisjoint(stems_of(column))]
        return telling[0] if telling else ""
    # Sentences that only tell of whom one speaks have figures of their own.
    named = [sentence for sentence in _SENTENCE_END.split(text) if thing in sentence]
    text = " ".join(named) or text
    pattern = _DATE if compared.kind == "time" else _NUMBER
    found = {match[0] for match in pattern.finditer(in_signs(text) if compared.kind == "number" else text)}
    return found.pop() if len(found) == 1 else ""


def _value(shown: str, kind: Kind) -> tuple[float, ...]:
    if kind == "number":
        number = _NUMBER.search(shown)
        return (float(number[0].replace(",", "")),) if number else ()
    date = _DATE.search(shown)
    if date is None:
        return ()
    parts = [float(date["year"])]
    if date["month"]:
        parts.append(float(MONTHS.split("|").index(date["month"].lower()) + 1))
        if date["day"]:
            parts.append(float(date["day"]))
    return tuple(parts)
