"""Pure: the sentences of some passages that answer a question, word for word.

Nothing is written here, only chosen: how something is called, what it says of itself first, what else in it has the
question's words, and the example that goes with it. Code stays whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from companion_async.cognition.search_engine.concepts import COMMON, Vocabulary

# Passages that have less of what was asked for, the index having weighed it against all it has, are about something
# else; unless nearly every word of the question is in one of them, as may be in a few short documents.
_LEAST_FIT = 0.43
_LEAST_COVERAGE = 0.4
_NEARLY_ALL = 0.75
_MOST_SENTENCES = 3
_MOST_PASSAGES = 3
_MOST_NAMES = 12
_LONGEST_SENTENCE = 400
_LONGEST_CODE = 14  # lines
_RANK_COSTS = 0.4
_FURTHER_PASSAGE = 0.75
_FURTHER_SENTENCE = 0.4

_WORD = re.compile(r"[^\W_]+")
_NAME_PARTS = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[A-Z*`\"'(])")
_NO_SENTENCE_END = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|Mr|Dr|No)\.|\.\.\.)[\"')\]]*$")
_SIGNATURE = re.compile(r"[\w.]+\(.*\)$", re.DOTALL)
_ITEM_START = r"\s*(?:[-*+•]\s|\d+[.)]\s|\w[\w, *()]* (?:--?|:)\s|(?<=\s\s)\w+:\s|\w[\w.]*\(.*\) --?> )"
_ITEM = re.compile(_ITEM_START)
_NEXT_ITEM = re.compile(rf"\n(?={_ITEM_START})")
_ALONE = -1
_PLAIN_WORD = re.compile(r"(?<![\w.])[A-Za-z]{2,}(?![\w(])")
_CODE_MARK = re.compile(
    r"[=(){}\[\]]|^\s*(?:@|import|from|def|class|for|while|with|if|else|try|except|finally|return|yield|async|await)\b"
)
_CONTENTS = re.compile(r"(?:Contents|Methods): ")
_SUFFIXES = ("ations", "ation", "ings", "ing", "ies", "ied", "edly", "ed", "es", "ly", "s", "e")


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


class _Piece(msgspec.Struct):
    """A sentence, a signature or a block of code, in its place; rows and items stand in a paragraph of their own."""

    text: str
    kind: str
    paragraph: int
    stems: frozenset[str] = frozenset()
    score: float = 0.0


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
    split = [_pieces(passage.text) for passage in passages]
    titles = [frozenset(_stems(_NAME_PARTS.sub(" ", passage.title))) for passage in passages]
    everywhere = set[str]().union(*titles, *(piece.stems for pieces in split for piece in pieces))
    concepts = _VOCABULARY.concepts(question, lambda word: _stem(word) in everywhere)
    # A number is an instance of what is asked for, not a part of it.
    wanted = [
        _Wanted({_stem(word): sure for word, sure in each.words.items()}, each.weight, each.derived)
        for each in concepts
        if not all(word.isdigit() for word in each.words)
    ]
    coverages = [
        _coverage(wanted, title.union(*(piece.stems for piece in pieces)))
        for title, pieces in zip(titles, split, strict=True)
    ]
    most = max(coverages, default=0.0)
    if most < _LEAST_COVERAGE or (most < _NEARLY_ALL and fit < _LEAST_FIT):
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
        if number != first and (coverages[number] < _FURTHER_PASSAGE * coverages[first] or len(parts) >= limit):
            continue
        text = _quoted(split[number], wanted, rarities, said, brief=number != first)
        if number == first:
            text = "\n\n".join(filter(None, (text, _contents(passages[number].text, wanted))))
        if text:
            parts.append(Part(number, text, coverages[number]))
    return parts[:limit]


def _coverage(wanted: Sequence[_Wanted], stems: frozenset[str]) -> float:
    """How much of what is wanted ``stems`` speak of, from 0 to 1; a synonym counts nearly as much as the word."""
    asked = sum(each.weight for each in wanted if not each.derived)
    had = 0.0
    for each in wanted:
        sure = max((sure for stem, sure in each.stems.items() if stem in stems), default=0.0)
        had += each.weight * min(1.0, sure + 0.3 * (sure > 0))
    return min(1.0, had / asked) if asked else 0.0


def _rarities(wanted: Sequence[_Wanted], split: Sequence[Sequence[_Piece]]) -> dict[str, float]:
    pieces = [piece for each in split for piece in each]
    having = {stem: sum(stem in piece.stems for piece in pieces) for each in wanted for stem in each.stems}
    return {stem: math.log(1 + len(pieces) / count) for stem, count in having.items() if count}


def _quoted(
    pieces: Sequence[_Piece], wanted: Sequence[_Wanted], rarities: dict[str, float], said: set[str], *, brief: bool
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
    lines: list[str] = []
    before: _Piece | None = None
    new = False
    for number in sorted(chosen):
        piece = pieces[number]
        if piece.text in said:
            continue
        new = new or piece.kind != "signature"
        said.add(piece.text)
        if before is not None:
            together = piece.kind == before.kind == "sentence" and piece.paragraph == before.paragraph != _ALONE
            lines.append(" " if together else "\n\n")
        lines.append(piece.text)
        before = piece
    return "".join(lines) if new or not brief else ""


def _contents(text: str, wanted: Sequence[_Wanted]) -> str:
    """The names that a module or class holds, those that the question speaks of first."""
    last = text.rstrip().rpartition("\n\n")[2]
    label = _CONTENTS.match(last)
    if label is None:
        return ""
    stems = {stem for each in wanted for stem in each.stems}
    names = [name for name in last[label.end() :].split(", ") if name != "..."]
    telling = sorted(names, key=lambda name: -len(stems.intersection(_stems(_NAME_PARTS.sub(" ", name)))))
    return label[0] + ", ".join(telling[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")


def _examples(pieces: Sequence[_Piece], chosen: set[int], wanted: set[str]) -> set[int]:
    """Code that follows what was chosen; failing that the first that shows what was asked for, with its line above."""
    after = {number + 1 for number in chosen if number + 1 < len(pieces) and pieces[number + 1].kind == "code"}
    if after:
        return set(sorted(after)[:2])
    for number, piece in enumerate(pieces):
        if piece.kind == "code" and (not wanted.isdisjoint(piece.stems) or ">>>" in piece.text):
            introduced = pieces[number - 1].kind == "sentence" and pieces[number - 1].text.endswith(":")
            return {number, number - 1} if number and introduced else {number}
    return set()


def _pieces(text: str) -> list[_Piece]:
    found: list[_Piece] = []
    for number, paragraph in enumerate(re.split(r"\n[ \t]*\n", _unfenced(text).strip("\n"))):
        for piece in _of_paragraph(paragraph, number, bool(found)):
            last = found[-1] if found else None
            if piece.kind == "code" and last is not None and last.kind == "code":
                # A blank line inside an example does not end it.
                last.text = f"{last.text}\n\n{piece.text}"
            else:
                found.append(piece)
    for piece in found:
        piece.stems = frozenset(_stems(piece.text))
        if piece.kind == "code":
            piece.text = _dedented(piece.text)
            lines = piece.text.splitlines()
            if len(lines) > _LONGEST_CODE:
                piece.text = "\n".join([*lines[:_LONGEST_CODE], "    # and so on"])
    return found


def _unfenced(text: str) -> str:
    """``text`` with Markdown's fenced code indented instead, as all other code is."""
    lines: list[str] = []
    fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
            lines.append("")
        else:
            lines.append(f"    {line}" if fenced else line)
    return "\n".join(lines)


def _of_paragraph(paragraph: str, number: int, inside: bool) -> Iterator[_Piece]:
    stripped = paragraph.strip()
    if not stripped or _CONTENTS.match(stripped) or not any(map(str.isalnum, stripped)):
        return
    if not inside and (_SIGNATURE.fullmatch(stripped) or re.fullmatch(r"[\w.]+", stripped)):
        yield _Piece(" ".join(stripped.split()), "signature", number)
        return
    if _is_code(paragraph):
        yield _Piece(paragraph, "code", number)
        return
    # Tables and lists keep their lines, prose is set anew.
    lines = paragraph.splitlines()
    if all(line.lstrip().startswith("|") for line in lines):
        for line in lines:
            cells = [cell.strip(" *") for cell in line.strip(" |").split("|")]
            if any(cell.strip("-: ") for cell in cells):
                yield _Piece(": ".join(filter(None, cells))[:_LONGEST_SENTENCE], "sentence", _ALONE)
        return
    if sum(bool(_ITEM.match(line)) for line in lines) >= 2:
        for item in _NEXT_ITEM.split(paragraph):
            yield _Piece(" ".join(item.split())[:_LONGEST_SENTENCE], "sentence", _ALONE)
        return
    for sentence in _sentences(" ".join(stripped.split())):
        # A single word is no sentence, and names in a row are none either; what introduces an example is needed.
        if sentence.endswith(":") or len(_PLAIN_WORD.findall(sentence)) > 1:
            yield _Piece(sentence, "sentence", number)


def _sentences(text: str) -> Iterator[str]:
    pending = ""
    for part in _SENTENCE_END.split(text):
        pending = f"{pending} {part}" if pending else part
        if not _NO_SENTENCE_END.search(pending):
            yield _shortened(pending)
            pending = ""
    if pending:
        yield _shortened(pending)


def _shortened(sentence: str) -> str:
    if len(sentence) <= _LONGEST_SENTENCE:
        return sentence
    return sentence[:_LONGEST_SENTENCE].rsplit(" ", 1)[0] + " ..."


def _is_code(paragraph: str) -> bool:
    lines = [line for line in paragraph.splitlines() if line.strip()]
    if any(line.lstrip().startswith((">>>", "$ ")) for line in lines):
        return True
    if not all(line.startswith(("    ", "\t", "   ")) for line in lines):
        return False
    return 3 * sum(bool(_CODE_MARK.search(line)) for line in lines) >= len(lines)


def _dedented(block: str) -> str:
    lines = block.strip("\n").splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(f"    {line[margin:]}".rstrip() for line in lines)


def _stems(text: str) -> Iterator[str]:
    return map(_stem, _WORD.findall(text.lower()))


def _stem(word: str) -> str:
    """``word`` without its ending, roughly: enough to see that reads, reading and read are one."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


_VOCABULARY = Vocabulary(_stem)
