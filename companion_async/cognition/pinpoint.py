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

from companion_async.cognition.expectation import expectation
from companion_async.cognition.factoid import PRONOUN, Asked, is_dotted, is_of, matches, names_asked, names_in
from companion_async.cognition.names import names_of_cells, names_of_text
from companion_async.cognition.pieces import ALONE, Piece, pieces_of, shown_cells, stems_of

ENOUGH = 0.7
"""The share of a question that a window must bear out to answer it."""

_ENOUGH_WITHOUT_ITS_POINT = 0.85
_ENOUGH_WITH_ITS_QUOTE = 0.3
_FURTHER = 0.99
_PRONOUN_WITHIN = re.compile(r"\b(?:it|he|she|they|him|them|his|her|its|their)\b", re.IGNORECASE)
_IS = re.compile(r"(?:(?:the|a|an|its|his|her|their) )?((?:[\w'-]+ ){1,3}?)(?:is|are|was|were|costs?) ", re.IGNORECASE)
_GOES_ON = re.compile(r"(?:[Tt]hen |[Bb]ut |[Aa]nd )?(?:It|He|She|They|This|These|it|he|she|they) ")
_OBJECT = re.compile(r"(?<=[a-z] )(?:that|this|it|her|him|them)(?= (?:in|into|to|for|at|on|by|from)\b|[.,;])")
_EVIDENT = 0.2
_NAMED = 0.3
_DEFINES = 0.02
_RANK_COSTS = 0.02
_PLACE_COSTS = 0.001
_SENTENCE_COSTS = 0.0005


class SupportsPassage(Protocol):
    """What can be quoted from."""

    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...


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


def windows(question: Asked, passages: Sequence[SupportsPassage]) -> list[Window]:
    """All windows of ``passages`` (best first) that have something of the question, the best first."""
    found = [window for number, passage in enumerate(passages) for window in _Apart(number, passage).windows(question)]
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
        window.evident
        and window.complete
        and question.attribute <= window.has
        and window.support >= (_ENOUGH_WITH_ITS_QUOTE if question.quotes else enough)
    )


def named(question: Asked, text: str) -> float:
    """The share of the question's names and numbers that stand in ``text``; all of none are 1."""
    return sum(_stands(must, text) for must in question.musts) / len(question.musts) if question.musts else 1.0


def has_names(question: str, passage: SupportsPassage) -> bool:
    """Whether a passage has all names that ``question`` speaks of."""
    return all(_stands(name, f"{passage.title}\n{passage.text}") for name in names_asked(question))


def names_missed(question: str, passages: Sequence[SupportsPassage]) -> tuple[str, ...]:
    """The names that ``question`` speaks of, where none of ``passages`` has all of them or, of a factoid question, only
    one has; else none.
    """
    names = names_asked(question)
    having = sum(has_names(question, each) for each in passages)
    return names if having < (2 if expectation(question) is not None else 1) else ()


class _Apart:
    """A passage taken apart: its pieces, the stems of its title, and its signatures."""

    def __init__(self, number: int, passage: SupportsPassage) -> None:
        self._number = number
        self._passage = passage
        self._pieces = pieces_of(passage.text)
        self._title = frozenset(stems_of(passage.title))
        self._called = [piece for piece in self._pieces if piece.kind == "signature"]

    def windows(self, question: Asked) -> Iterator[Window]:
        for place, piece in enumerate(self._pieces):
            if piece.kind != "sentence":
                continue
            before = _rests_on(self._pieces, place)
            further = _rests_on(self._pieces, place, within=True)
            for rests_on in (before, further) if len(further) > len(before) else (before,):
                window = self._window(question, place, rests_on)
                if window is not None:
                    yield window

    def _window(self, question: Asked, place: int, before: Sequence[Piece]) -> Window | None:
        """The window of a sentence with those ``before`` it, if it has something of the question."""
        piece, title = self._pieces[place], self._passage.title
        said = frozenset[str]().union(*(each.stems for each in _of_whom_is_asked(question, title, (*before, piece))))
        # Rows stand for themselves; of prose the passage is what it is about.
        stems = said.union(self._title, *(() if piece.cells else (each.stems for each in self._called)))
        has = [each for each in question.wanted if matches(each, stems)]
        if not any(matches(each, said) for each in has):
            return None
        support = sum(each.weight for each in has) / sum(each.weight for each in question.wanted)
        shown = _shown(question, piece)
        text = "\n\n".join([*(each.text for each in self._called), " ".join([*(each.text for each in before), shown])])
        whole = f"{title}\n{shown if piece.cells else self._passage.text}"
        evident = question.expects.is_met_by(text, question.text)
        earlier = self._pieces[:place]
        paragraph = " ".join(each.text for each in earlier if each.paragraph == piece.paragraph != ALONE)
        quotes = (" ".join(each.casefold().split()) for each in question.quotes)
        return Window(
            self._number,
            text,
            frozenset(each.word for each in has),
            support,
            evident,
            named(question, whole) == 1.0
            and _is_about(question, title, text, paragraph)
            and all(map(text.casefold().count, quotes))
            and all(matches(each, said) for each in question.wanted if each.word in question.counted),
            support
            + _EVIDENT * evident
            + _NAMED * named(question, f"{title}\n{text}")
            + _DEFINES * _says_what_it_is(question, shown)
            - _RANK_COSTS * self._number
            - _PLACE_COSTS * place
            - _SENTENCE_COSTS * len(before),
            _names(question, piece, before),
        )


def _is_about(question: Asked, title: str, text: str, paragraph: str) -> bool:
    """Whether whom and what the question names is spoken of, in the text or its title.

    What is not may have been named before in the ``paragraph``, unless the text begins with the name of something else
    or has one of the same kind; a text without a name of its own may be about anything in its passage.
    """
    there = names_in(f"{title}\n{text}")
    missed = [
        name
        for name in question.names
        if not any(is_of(name, each) for each in there) and not _stands(name, title) and not _stands(name, text)
    ]
    others = names_in(text)
    if not missed or not others:
        return True
    begins = any(text.removeprefix("The ").startswith(other) for other in others)
    kinds = {word for name in missed for word in name.split()}
    return (
        not begins and kinds.isdisjoint(" ".join(others).split()) and all(_stands(name, paragraph) for name in missed)
    )


def _of_whom_is_asked(question: Asked, title: str, told: Sequence[Piece]) -> Sequence[Piece]:
    """The sentences from the last one on that turns to a name of the question: what is before is told of another.

    A sentence that begins with "it" or "he" turns to nobody.
    """
    begin = 0
    for number, piece in enumerate(told[1:], 1):
        earlier = " ".join((title, *(each.text for each in told[:number])))
        if not _GOES_ON.match(piece.text) and any(
            _stands(must, piece.text) and not _stands(must, earlier) for must in question.musts
        ):
            begin = number
    return told[begin:]


def _rests_on(pieces: Sequence[Piece], place: int, *, within: bool = False) -> list[Piece]:
    """The sentences before one that begins with a pronoun, up to the one that names what is spoken of.

    ``within``: of one that has a pronoun before any name, or one for what something is done to: "Ada translated that".
    """
    points = _points_back if within else PRONOUN.match
    found: list[Piece] = []
    while place and len(found) < 2 and pieces[place].paragraph != ALONE and points(pieces[place].text):
        place -= 1
        if pieces[place].kind != "sentence" or pieces[place].paragraph == ALONE:
            break
        found.insert(0, pieces[place])
    return found


def _says_what_it_is(question: Asked, shown: str) -> bool:
    """Whether a sentence begins with what is asked and says what that is: the rent is 48 pounds."""
    said = _IS.match(shown)
    return said is not None and any(matches(each, frozenset(stems_of(said[1]))) for each in question.wanted)


def _points_back(sentence: str) -> bool:
    pronoun = _PRONOUN_WITHIN.search(sentence)
    return (pronoun is not None and not names_in(sentence[: pronoun.start()])) or _OBJECT.search(sentence) is not None


def _shown(question: Asked, piece: Piece) -> str:
    """A sentence whole; of a row what it is of, and the cells that the question speaks of."""
    if not piece.cells:
        return piece.text
    first, *others = piece.cells
    telling = [each for each in others if any(matches(w, frozenset(stems_of(" ".join(each)))) for w in question.wanted)]
    met = any(question.expects.is_met_by(f"{column}: {cell}", question.text) for column, cell in telling)
    return shown_cells([first, *(telling if met else others)])


def _names(question: Asked, piece: Piece, before: Sequence[Piece]) -> tuple[str, ...]:
    if piece.cells:
        return tuple(names_of_cells(question, piece.cells))
    return tuple(dict.fromkeys(name for each in (piece, *before) for name in names_of_text(question, each.text)))


def _stands(must: str, text: str) -> bool:
    """Whether it is in a text as a word, whatever its case; a plural for its singular, of a dotted name all parts."""
    if is_dotted(must):
        return all(_stands(part, text) for part in must.split("."))
    return re.search(rf"(?<!\w){re.escape(must.removesuffix('s'))}\w{{0,2}}(?!\w)", text, re.IGNORECASE) is not None
