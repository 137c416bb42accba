"""Pure: the sentence or two of some passages that answer a factoid question, and how much of it they bear out.

A window is a sentence with what it rests on: the sentence before it where it begins with a pronoun, the way to call
what it speaks of, the title of its passage. It answers when it has the kind of thing that is asked for, the names and
numbers of the question, and nearly all of its other telling words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from companion_async.cognition.expectation import Expectation, expectation
from companion_async.cognition.pieces import ALONE, Piece, pieces_of, shown_cells, stem_of, stems_of
from companion_async.cognition.search_engine.concepts import COMMON

ENOUGH = 0.7
"""The share of a question that a window must bear out to answer it."""

_WORD = re.compile(r"[^\W_]+")
_PRONOUN = re.compile(r"(?:[Tt]hen |[Bb]ut |[Aa]nd )?(?:It|He|She|They|This|These|Its|His|Her|Their|it|he|she|they)\b")
_NAME = re.compile(r"(?<![\w.])(?:[A-Z][\w'-]*[a-z]\w*|[A-Z]{2,}\w*)(?: (?:of |van |de |von |the )?[A-Z0-9][\w'-]*)*")
# A name with a number is one thing: Apollo 18 is not Apollo 10 on the 18th.
_NUMBERED = re.compile(r"\b[A-Z][a-z]+ \d+\b")
_QUOTED = re.compile(r"[\"“]([^\"“”\n]{3,80})[\"”]")
_DIGITS = re.compile(r"\d[\d.,:-]*")
_ENOUGH_WITHOUT_ITS_POINT = 0.85
_ENOUGH_WITH_ITS_QUOTE = 0.3
_FURTHER = 0.99
_EVIDENT = 0.2
_NAMED = 0.3
_RANK_COSTS = 0.02
_PLACE_COSTS = 0.001
_WEAK_NAMES = "default first last called name call many do neither nor than must may by more most meant mean say"
_WEAK_WORDS = frozenset(_WEAK_NAMES.split())
_WEAK = 0.5
# Whoever it is has a name in the text.
_ANYBODY = frozenset({"man", "woman", "person", "people"})
_ENDINGS = ("er", "or", "r", "ment", "ion", "al", "ship", "ist", "ing", "ed")

# Forms of one word that no ending tells, and words that tell of each other.
_TABLE = """
age old; begin began begun start; bear born birth; belong own owner owns; build built builder; buy bought;
cost price fee pay paid rent; daughter father mother son; die death dead died; draw drew drawn; drive drove driven;
fall fell fallen; find found founder finder; fly flew flown flight; give gave given; go went gone; grow grew grown;
hang hung; heat warm; hold held holder; keep kept keeper; leave left departure; lose lost; read reader; run ran;
sell sold; senator senate; size large big; speak spoke spoken; take took taken; teach taught teacher; tell told;
think thought; weigh weight heavy; win won winner; write wrote written writer
"""


def _kin() -> dict[str, frozenset[str]]:
    kin: dict[str, set[str]] = {}
    for entry in _TABLE.split(";"):
        stems = {stem_of(word) for word in entry.split()}
        for stem in stems:
            kin.setdefault(stem, set()).update(stems)
    return {stem: frozenset(others) for stem, others in kin.items()}


_KIN = _kin()


class SupportsPassage(Protocol):
    """What can be quoted from."""

    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...


class Wanted(msgspec.Struct, frozen=True):
    """A telling word of a question: the stems that stand for it, and how much it counts."""

    word: str
    stems: frozenset[str]
    weight: float = 1.0


class Asked(msgspec.Struct, frozen=True):
    """A question taken apart: what it expects, its telling words, the last of which is its point, the names and numbers
    that ``musts`` be there, and what it quotes.
    """

    text: str
    expects: Expectation
    wanted: tuple[Wanted, ...]
    musts: tuple[str, ...]
    quotes: tuple[str, ...] = ()

    @property
    def point(self) -> str:
        """What is asked about a thing mostly comes last: "when did she die", "where was he born"."""
        return next((each.word for each in reversed(self.wanted) if each.weight == 1.0), "")


class Window(msgspec.Struct, frozen=True):
    """A sentence with what it rests on, in the passage of that number.

    ``text`` is what is quoted. ``has`` are the words of the question that it has, ``support`` their share of all. It is
    ``evident`` where it has the kind of thing that is asked for, and ``complete`` where all names and numbers of the
    question are there, and what it quotes. ``names`` are those in it, of a row those of the cells that the question
    speaks of first.
    """

    passage: int
    text: str
    has: frozenset[str]
    support: float
    evident: bool
    complete: bool
    score: float
    names: tuple[str, ...] = ()


def asked(question: str, otherwise: Expectation | None = None) -> Asked | None:
    """``question`` taken apart; None where it has no telling word, or is no factoid question and quotes nothing, unless
    there is an expectation ``otherwise``.
    """
    quotes = tuple(match[1] for match in _QUOTED.finditer(question) if " " in match[1].strip())
    expects = expectation(question) or (Expectation("any", frozenset()) if quotes else otherwise)
    if expects is None:
        return None
    musts = tuple(_musts(_QUOTED.sub(" ", question)))
    named = {stem for must in musts for stem in stems_of(must)}
    wanted = tuple(_wanted(question, expects))
    # Names are there or are missed; what else is asked is what a window is weighed by.
    weighed = tuple(each for each in wanted if named.isdisjoint(each.stems)) or wanted
    return Asked(question, expects, weighed, musts, quotes) if weighed else None


def windows(question: Asked, passages: Sequence[SupportsPassage]) -> list[Window]:
    """All windows of ``passages`` (best first) that have something of the question, the best first."""
    found = [window for number, passage in enumerate(passages) for window in _of_passage(question, number, passage)]
    return sorted(found, key=lambda window: -window.score)


def answers(question: Asked, found: Iterable[Window]) -> list[Window]:
    """Of windows, best first, those that answer: the best of all and, of other passages, those that are as good."""
    fit = [window for window in found if answers_it(question, window)]
    chosen: list[Window] = []
    for window in fit:
        if all(window.passage != each.passage for each in chosen) and window.support >= _FURTHER * fit[0].support:
            chosen.append(window)
    return chosen


def answers_it(question: Asked, window: Window) -> bool:
    """Whether it has what is asked for, whom it is asked of, and enough of the rest."""
    enough = ENOUGH if question.point in window.has else _ENOUGH_WITHOUT_ITS_POINT
    return (
        window.evident and window.complete and window.support >= (_ENOUGH_WITH_ITS_QUOTE if question.quotes else enough)
    )


def named(question: Asked, text: str) -> float:
    """The share of the question's names and numbers that stand in ``text``; all of none are 1."""
    return sum(_stands(must, text) for must in question.musts) / len(question.musts) if question.musts else 1.0


def names_in(text: str) -> list[str]:
    """The names of persons, places and things in ``text``: capitalised words that go together, in their order."""
    found = (match[0].removeprefix("The ") for match in _NAME.finditer(text))
    return list(dict.fromkeys(name for name in found if name.lower() not in COMMON and not _PRONOUN.match(name)))


def matches(wanted: Wanted, stems: frozenset[str]) -> bool:
    """Whether one of ``stems`` stands for the word."""
    if not wanted.stems.isdisjoint(stems):
        return True
    return any(_akin(one, other) for one in wanted.stems if len(one) > 3 for other in stems)


def _akin(one: str, other: str) -> bool:
    """Whether one is the other with an ending that makes a noun of it: design, designer."""
    short, long = sorted((one, other), key=len)
    return len(short) > 3 and long.startswith(short) and long[len(short) :] in _ENDINGS


def _wanted(question: str, expects: Expectation) -> Iterator[Wanted]:
    seen: set[str] = set()
    if expects.telling:
        yield Wanted(" ".join(sorted(expects.asking)), frozenset(map(stem_of, expects.telling)))
    for word in _WORD.findall(question.lower()):
        stem = stem_of(word)
        if word in COMMON or word in expects.asking or word in _ANYBODY or stem in seen or word == "s":
            continue
        seen.add(stem)
        weight = _WEAK if word in _WEAK_WORDS else 1.0
        # Parts of a name that is written in one word stand for it as well.
        yield Wanted(word, frozenset({stem, *_KIN.get(stem, ())}), weight)


def _capitalised(question: str) -> list[str]:
    """The names in a question: its first word is written large anyway."""
    first, _, rest = question.strip().partition(" ")
    return [*([first] if sum(map(str.isupper, first)) > 1 else []), *names_in(rest)]


def _musts(question: str) -> Iterator[str]:
    """What has to be there as it stands: names, numbers, and names with their numbers."""
    yield from (match[0] for match in _NUMBERED.finditer(question))
    for name in _capitalised(_NUMBERED.sub(" ", question)):
        yield from (part for part in re.split(r"[ ']", name) if len(part) > 2 and part.lower() not in COMMON)
    yield from (match[0].strip(".,:-") for match in _DIGITS.finditer(_NUMBERED.sub(" ", question)))


def _of_passage(question: Asked, number: int, passage: SupportsPassage) -> Iterator[Window]:
    pieces = pieces_of(passage.text)
    title = frozenset(stems_of(passage.title))
    called = [piece for piece in pieces if piece.kind == "signature"]
    for place, piece in enumerate(pieces):
        if piece.kind != "sentence":
            continue
        before = _rests_on(pieces, place)
        # Rows stand for themselves; of prose the passage is what it is about.
        around = title if piece.cells else title.union(*(each.stems for each in called))
        stems = piece.stems.union(around, *(each.stems for each in before))
        has = [each for each in question.wanted if matches(each, stems)]
        said = piece.stems.union(*(each.stems for each in before))
        if not any(matches(each, said) for each in has):
            continue
        support = sum(each.weight for each in has) / sum(each.weight for each in question.wanted)
        shown = _shown(question, piece)
        text = "\n\n".join([*(each.text for each in called), " ".join([*(each.text for each in before), shown])])
        whole = f"{passage.title}\n{shown if piece.cells else passage.text}"
        evident = question.expects.is_met_by(text, question.text)
        here = named(question, f"{passage.title}\n{text}")
        quotes = (" ".join(each.casefold().split()) for each in question.quotes)
        yield Window(
            number,
            text,
            frozenset(each.word for each in has),
            support,
            evident,
            named(question, whole) == 1.0 and all(map(text.casefold().count, quotes)),
            support + _EVIDENT * evident + _NAMED * here - _RANK_COSTS * number - _PLACE_COSTS * place,
            _names(question, piece, before),
        )


def _rests_on(pieces: Sequence[Piece], place: int) -> list[Piece]:
    """The sentences before one that begins with a pronoun, up to the one that names what is spoken of."""
    found: list[Piece] = []
    while place and len(found) < 2 and pieces[place].paragraph != ALONE and _PRONOUN.match(pieces[place].text):
        place -= 1
        if pieces[place].kind != "sentence" or pieces[place].paragraph == ALONE:
            break
        found.insert(0, pieces[place])
    return found


def _shown(question: Asked, piece: Piece) -> str:
    """A sentence whole; of a row what it is of, and the cells that the question speaks of."""
    if not piece.cells:
        return piece.text
    first, *others = piece.cells
    telling = [each for each in others if any(matches(w, frozenset(stems_of(" ".join(each)))) for w in question.wanted)]
    met = any(question.expects.is_met_by(f"{column}: {cell}", question.text) for column, cell in telling)
    return shown_cells([first, *(telling if met else others)])


def _names(question: Asked, piece: Piece, before: Sequence[Piece]) -> tuple[str, ...]:
    if not piece.cells:
        return tuple(dict.fromkeys(name for each in (piece, *before) for name in names_in(each.text)))
    telling = [
        cell for column, cell in piece.cells if any(matches(w, frozenset(stems_of(column))) for w in question.wanted)
    ]
    return tuple(dict.fromkeys(name for cell in (*telling, *(c for _, c in piece.cells)) for name in names_in(cell)))


def _stands(must: str, text: str) -> bool:
    """Whether it is in a text as a word, whatever its case; a plural for its singular."""
    return re.search(rf"(?<!\w){re.escape(must.removesuffix('s'))}\w{{0,2}}(?!\w)", text, re.IGNORECASE) is not None
