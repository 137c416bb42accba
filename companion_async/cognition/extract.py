"""Pure: the sentences of some passages that answer a question, word for word.

Nothing is written here, only chosen: how something is called, what it says of itself first, what else in it has the
question's words, and the example that goes with it. Code stays whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Protocol

import msgspec

from companion_async.cognition.expectation import is_how_to
from companion_async.cognition.factoid import Asked, asked, is_dotted
from companion_async.cognition.pieces import ALONE, Piece, pieces_of, stem_of, stems_of
from companion_async.cognition.pinpoint import answers, has_names, windows
from companion_async.cognition.search_engine.concepts import COMMON, Vocabulary

# Passages that have less of what was asked for, the index having weighed it against all it has, are about something
# else; unless nearly every word of the question is in one of them, as may be in a few short documents.
_LEAST_FIT = 0.43
_LEAST_COVERAGE = 0.4
_LEAST_OF_A_FACT = 0.6
_NEARLY_ALL = 0.75
_MOST_SENTENCES = 3
_MOST_PASSAGES = 3
_MOST_NAMES = 12
_RANK_COSTS = 0.4
_FURTHER_PASSAGE = 0.75
_FURTHER_SENTENCE = 0.4

_WORD = re.compile(r"[^\W_]+")
_ASKS = re.compile(
    r"\W*(?:and )?(?:who|whose|what|which|where|when|does|do|did|is|are|was|were|has|have|can)\b", re.IGNORECASE
)
_CONTENTS = re.compile(r"(?:Contents|Methods): ")


class SupportsPassage(Protocol):
    """What can be quoted from."""

    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...


class Part(msgspec.Struct, frozen=True):
    """What is quoted of one passage: its number among those given, from 0, and the text, ready to be read.

    ``score`` is the share of what was asked for that the passage speaks of, from 0 to 1.
    """

    passage: int
    text: str
    score: float


class _Wanted(msgspec.Struct):
    stems: dict[str, float]
    weight: float
    derived: bool


def extract(
    question: str, passages: Sequence[SupportsPassage], *, fit: float = 1.0, limit: int = _MOST_PASSAGES
) -> list[Part]:
    """The parts of ``passages`` (best first) that answer ``question``, most important first, at most ``limit``.

    ``fit`` is the share of what was asked for that the best passage has, as far as who found them knows. Empty where
    the passages speak of little that was asked for: then there is no answer in them.
    """
    if COMMON.issuperset(_WORD.findall(question.lower())):
        return []
    factoid = asked(question)
    if factoid is not None:
        found = answers(factoid, windows(factoid, passages))
        if found or not all(map(is_dotted, factoid.musts)):
            return [Part(each.passage, each.text, each.support) for each in found[:limit]]
    bears = [_bears(question, factoid, passages, number) for number in range(len(passages))]
    if not any(bears):
        return []
    split = [pieces_of(passage.text) for passage in passages]
    titles = [frozenset(stems_of(passage.title)) for passage in passages]
    everywhere = set[str]().union(*titles, *(piece.stems for pieces in split for piece in pieces))
    concepts = _VOCABULARY.concepts(question, lambda word: stem_of(word) in everywhere)
    # A number is an instance of what is asked for, not a part of it.
    wanted = [
        _Wanted({stem_of(word): sure for word, sure in each.words.items()}, each.weight, each.derived)
        for each in concepts
        if not all(word.isdigit() for word in each.words)
    ]
    coverages = [
        bears[number] * _coverage(wanted, title.union(*(piece.stems for piece in pieces)))
        for number, (title, pieces) in enumerate(zip(titles, split, strict=True))
    ]
    most = max(coverages, default=0.0)
    least = _LEAST_COVERAGE if factoid is None or factoid.musts else _LEAST_OF_A_FACT
    if most < least or (most < _NEARLY_ALL and fit < _LEAST_FIT):
        return []
    rarities = _rarities(wanted, split)
    # The order of the passages is worth more than a word more or less.
    # A name and its arguments alone answer nothing.
    tells = [any(piece.kind == "sentence" for piece in pieces) for pieces in split]
    merit = [tells[number] * coverage / (1 + _RANK_COSTS * number) for number, coverage in enumerate(coverages)]
    first = max(range(len(merit)), key=merit.__getitem__)
    order = [first, *(number for number in range(len(merit)) if number != first)]
    parts: list[Part] = []
    said: set[str] = set()
    for number in order:
        weak = coverages[number] < _FURTHER_PASSAGE * coverages[first]
        # More of the same place would only show that place twice.
        known = any(passages[part.passage].title == passages[number].title for part in parts)
        if number != first and (weak or known or len(parts) >= limit):
            continue
        text = _quoted(split[number], wanted, rarities, said, brief=number != first)
        if number == first:
            text = "\n\n".join(filter(None, (text, _contents(passages[number].text, wanted))))
        if text:
            parts.append(Part(number, text, coverages[number]))
    return parts[:limit]


def _bears(question: str, factoid: Asked | None, passages: Sequence[SupportsPassage], number: int) -> bool:
    """Whether a passage may be quoted as a whole: it has the names that are asked about.

    A factoid question without a sentence that answers it is answered by what can be called, "how many" by how to find
    out; by nothing else, and only if that is what was found first, or has the name.
    """
    passage = passages[number]
    if factoid is None:
        return is_how_to(question) or _ASKS.match(question) is None or has_names(question, passage)
    return (
        (has_names(question, passage) if factoid.musts else number == 0)
        and any(piece.kind == "signature" for piece in pieces_of(passage.text))
        and (factoid.expects.kind == "number" or factoid.expects.is_met_by(passage.text, question))
    )


def _coverage(wanted: Sequence[_Wanted], stems: frozenset[str]) -> float:
    """How much of what is wanted ``stems`` speak of, from 0 to 1; a synonym counts nearly as much as the word."""
    asked = sum(each.weight for each in wanted if not each.derived)
    had = 0.0
    for each in wanted:
        sure = max((sure for stem, sure in each.stems.items() if stem in stems), default=0.0)
        had += each.weight * min(1.0, sure + 0.3 * (sure > 0))
    return min(1.0, had / asked) if asked else 0.0


def _rarities(wanted: Sequence[_Wanted], split: Sequence[Sequence[Piece]]) -> dict[str, float]:
    pieces = [piece for each in split for piece in each]
    having = {stem: sum(stem in piece.stems for piece in pieces) for each in wanted for stem in each.stems}
    return {stem: math.log(1 + len(pieces) / count) for stem, count in having.items() if count}


def _quoted(
    pieces: Sequence[Piece], wanted: Sequence[_Wanted], rarities: dict[str, float], said: set[str], *, brief: bool
) -> str:
    """The signature, the first sentence, what else fits best, and the example: in the order of the text."""
    sentences = [piece for piece in pieces if piece.kind == "sentence"]
    chosen = {number for number, piece in enumerate(pieces) if piece.kind == "signature"}
    first = next((number for number, piece in enumerate(pieces) if piece.kind == "sentence"), None)
    if first is not None:
        chosen.add(first)
    for place, piece in enumerate(sentences):
        matched = 0.0
        for each in wanted:
            telling = (sure * rarities[stem] for stem, sure in each.stems.items() if stem in piece.stems)
            matched += each.weight * max(telling, default=0.0)
        piece.score = matched / (1 + 0.05 * place) / math.sqrt(max(len(piece.stems), 6))
    best = max((piece.score for piece in sentences), default=0.0)
    ranked = sorted((n for n, piece in enumerate(pieces) if piece.kind == "sentence"), key=lambda n: -pieces[n].score)
    room = 1 if brief else _MOST_SENTENCES
    for number in ranked:
        if sum(pieces[n].kind == "sentence" for n in chosen) >= room + (first not in ranked[:room]):
            break
        if pieces[number].score > _FURTHER_SENTENCE * best:
            chosen.add(number)
    if not brief:
        chosen |= _examples(pieces, chosen, {stem for each in wanted for stem in each.stems})
    chosen -= _leading_nowhere(pieces, chosen)
    lines: list[str] = []
    before: Piece | None = None
    new = False
    for number in sorted(chosen):
        piece = pieces[number]
        if piece.text in said:
            continue
        new = new or piece.kind != "signature"
        said.add(piece.text)
        if before is not None:
            together = piece.kind == before.kind == "sentence" and piece.paragraph == before.paragraph != ALONE
            lines.append(" " if together else "\n\n")
        lines.append(piece.text)
        before = piece
    return "".join(lines) if new or not brief else ""


def _leading_nowhere(pieces: Sequence[Piece], chosen: set[int]) -> set[int]:
    """Sentences that announce what is not quoted with them; not if they are all there is."""
    sentences = {number for number in chosen if pieces[number].kind == "sentence"}
    leading = {number for number in sentences if pieces[number].text.endswith(":") and number + 1 not in chosen}
    return leading if leading < sentences else set()


def _contents(text: str, wanted: Sequence[_Wanted]) -> str:
    """The names that a module or class holds, those that the question speaks of first."""
    last = text.rstrip().rpartition("\n\n")[2]
    label = _CONTENTS.match(last)
    if label is None:
        return ""
    stems = {stem for each in wanted for stem in each.stems}
    names = [name for name in last[label.end() :].split(", ") if name != "..."]
    telling = sorted(names, key=lambda name: -len(stems.intersection(stems_of(name))))
    return label[0] + ", ".join(telling[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")


def _examples(pieces: Sequence[Piece], chosen: set[int], wanted: set[str]) -> set[int]:
    """Code that follows what was chosen; failing that the first that shows what was asked for, with its line above."""
    after = {number + 1 for number in chosen if number + 1 < len(pieces) and pieces[number + 1].kind == "code"}
    if after:
        return set(sorted(after)[:2])
    for number, piece in enumerate(pieces):
        if piece.kind == "code" and (not wanted.isdisjoint(piece.stems) or ">>>" in piece.text):
            introduced = pieces[number - 1].kind == "sentence" and pieces[number - 1].text.endswith(":")
            return {number, number - 1} if number and introduced else {number}
    return set()


_VOCABULARY = Vocabulary(stem_of)
