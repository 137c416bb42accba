"""Pure: what a text is made of: sentences, signatures, blocks of code, rows of tables and items of lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

ALONE = -1
"""The paragraph of what stands on a line of its own."""

_LONGEST_SENTENCE = 400
_LONGEST_CODE = 14  # lines
_MOST_OF_AN_ITEM = 2  # sentences

_WORD = re.compile(r"[^\W_]+")
_NAME_PARTS = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[A-Z*`\"'(])")
_NO_SENTENCE_END = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|Mr|Dr|No)\.|\.\.\.)[\"')\]]*$")
_SIGNATURE = re.compile(r"[\w.]+\(.*\)$", re.DOTALL)
_CALLED = re.compile(r"[\w.]+\([^()]*\) --?> [\w ,.\[\]]+")
# Two columns: a name, a gap, and what it means.
_ROW_START = r"[ \t]*\S*[^\s.?!](?: \S*[^\s.?!])?(?:[ \t]{2,}|\t)(?=\S)"
_ROW = re.compile(_ROW_START)
_ITEM_START = (
    r"\s*(?:[-*+•]\s|\d+[.)]\s|\w[\w, *()]* (?:--?|:)\s|(?<=\s\s)\w+:\s|[A-Z_]{2,}:\s"
    r"|\w[\w.]*\(.*\) --?> |\w[\w.]*\(.*?\):\s)"
)
_ITEM = re.compile(_ITEM_START)
_NUMBERED_HEADING = re.compile(r"\d+[.)] [^.!?:;]{1,60}")
_NEXT_ITEM = re.compile(rf"\n(?={_ITEM_START})")
_NEXT_ROW = re.compile(rf"\n(?={_ROW_START})")
_PLAIN_WORD = re.compile(r"(?<![\w.])[A-Za-z]{2,}(?![\w(])")
_CODE_MARK = re.compile(
    r"[=(){}\[\]]|^\s*(?:@|#|import|from|def|class|for|while|with|if|else|try|except|finally|return|yield|async|await)\b"
)
_STATEMENT = re.compile(r"\s*(?:[\w.\[\], ]+ [-+*/|&]?= \S|(?:import [\w.]+|from [\w.]+ import .+)$|@\w|[\w.]+\(.*\)$)")
_PROSE = re.compile(r"\s*[A-Z]?[a-z]+,? [a-z]+ [a-z]+\b.*[^:]$|.*[a-z]\.$")
_RULE = re.compile(r"[ \t]*([=\-~^#*`])\1{2,}[ \t]*$")
_STROKES = re.compile(r"[ \t]*[|v^\\/_][|v^\\/_ \t]*$")
_CONTENTS = re.compile(r"(?:Contents|Methods): ")
_SUFFIXES = ("ations", "ation", "ings", "ing", "ies", "ied", "edly", "ed", "es", "ly", "s", "e")


class Piece(msgspec.Struct):
    """A sentence, a signature or a block of code, in its place; rows and items stand in a paragraph of their own.

    ``cells`` are those of a row of a table whose columns have names, each with its column's.
    """

    text: str
    kind: str
    paragraph: int
    cells: tuple[tuple[str, str], ...] = ()
    stems: frozenset[str] = frozenset()
    score: float = 0.0


def pieces_of(text: str) -> list[Piece]:
    """The pieces of ``text`` in its order. Headings and rulers are layout, and no pieces."""
    found: list[Piece] = []
    for number, paragraph in enumerate(re.split(r"\n[ \t]*\n", _without_rules(_unfenced(text)).strip("\n"))):
        for piece in _of_paragraph(paragraph, number, bool(found)):
            last = found[-1] if found else None
            if piece.kind == "code" and last is not None and last.kind == "code":
                # A blank line inside an example does not end it.
                last.text = f"{last.text}\n\n{piece.text}"
            else:
                found.append(piece)
    for piece in found:
        piece.stems = frozenset(stems_of(piece.text))
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


def _without_rules(text: str) -> str:
    """``text`` without its rulers, and without the headings that they underline."""
    lines: list[str] = []
    for line in text.splitlines():
        if _RULE.match(line):
            if lines and lines[-1].strip() and len(lines[-1].strip()) <= len(line.strip()) + 1:
                lines[-1] = ""
            line = ""
        lines.append(line)
    return "\n".join(lines)


def _of_paragraph(paragraph: str, number: int, inside: bool) -> Iterator[Piece]:
    stripped = paragraph.strip()
    if not stripped or _CONTENTS.match(stripped) or not any(map(str.isalnum, stripped)):
        return
    if not inside and (_SIGNATURE.fullmatch(stripped) or re.fullmatch(r"[\w.]+", stripped)):
        yield Piece(" ".join(stripped.split()), "signature", number)
        return
    if sum(bool(_STROKES.match(line)) for line in paragraph.splitlines()) >= 2:
        return  # a drawing
    if _is_code(paragraph):
        yield Piece(paragraph, "code", number)
        return
    # Tables and lists keep their lines, prose is set anew.
    lines = paragraph.splitlines()
    if all(line.lstrip().startswith(("|", "+--", "+==")) for line in lines):
        yield from _table_rows(lines)
        return
    if all(_CALLED.fullmatch(line.strip()) for line in lines):
        yield from (Piece(line.strip(), "signature", number) for line in lines)
        return
    if sum(bool(_ROW.match(line)) for line in lines) >= 2:
        for row in _NEXT_ROW.split(paragraph):
            name = _ROW.match(row)
            shown = row if name is None else f"{name[0].strip()}: {row[name.end() :]}"
            yield Piece(_shortened(" ".join(shown.split())), "sentence", ALONE)
        return
    if sum(bool(_ITEM.match(line)) for line in lines) >= 2:
        for item in _NEXT_ITEM.split(paragraph):
            heading, _, rest = item.strip().partition("\n")
            if _NUMBERED_HEADING.fullmatch(heading) and rest[:1].isupper():
                item = rest
            sentences = list(_sentences(" ".join(item.split())))
            # A long item is prose under a number.
            if len(sentences) > _MOST_OF_AN_ITEM:
                yield from (Piece(sentence, "sentence", number) for sentence in sentences)
            else:
                yield Piece(_shortened(" ".join(item.split())), "sentence", ALONE)
        return
    for sentence in _sentences(" ".join(stripped.split())):
        # A single word is no sentence, and names in a row are none either; what introduces an example is needed.
        if sentence.endswith(":") or len(_PLAIN_WORD.findall(sentence)) > 1:
            yield Piece(sentence, "sentence", number)


def _table_rows(lines: Sequence[str]) -> Iterator[Piece]:
    """The rows of a table: of two columns the first is the name of the other, of more each cell has its column's name.

    In a grid a row may take several lines.
    """
    grid = any(line.lstrip().startswith("+") for line in lines)
    columns: list[str] = []
    row: list[str] = []
    for number, line in enumerate([*lines, "+"]):
        cells = [cell.strip(" *") for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
        rule = line.lstrip().startswith("+") or not any(cell.strip("-: ") for cell in cells)
        if not rule and grid and len(cells) == len(row):
            row = [f"{before} {cell}".strip() for before, cell in zip(row, cells, strict=True)]
            continue
        if rule and number == 1 and not grid:
            # The line above Markdown's rule says what the columns are.
            columns, row = row, []
        if row and len(columns) == len(row) > 2:
            told = tuple((column, cell) for column, cell in zip(columns, row, strict=True) if cell)
            yield Piece(shown_cells(told), "sentence", ALONE, told)
        elif row:
            yield Piece(": ".join(filter(None, row))[:_LONGEST_SENTENCE], "sentence", ALONE)
        row = [] if rule else cells


def shown_cells(cells: Sequence[tuple[str, str]]) -> str:
    """Some cells of a row as one reads them: each with its column's name."""
    return _shortened("; ".join(f"{column}: {cell}" if column else cell for column, cell in cells))


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
    # Two colons are markup: what follows is an example.
    sentence = sentence.removesuffix(":") if sentence.endswith("::") else sentence
    if len(sentence) <= _LONGEST_SENTENCE:
        return sentence
    return sentence[:_LONGEST_SENTENCE].rsplit(" ", 1)[0] + " ..."


def _is_code(paragraph: str) -> bool:
    lines = [line for line in paragraph.splitlines() if line.strip()]
    if any(line.lstrip().startswith((">>>", "$ ")) for line in lines):
        return True
    if not all(line.startswith(("    ", "\t", "   ")) for line in lines):
        # Not set off, so every line of it must be code.
        return any(map(_STATEMENT.match, lines)) and all(
            _CODE_MARK.search(line) and not _PROSE.match(line) for line in lines
        )
    return 3 * sum(bool(_CODE_MARK.search(line)) for line in lines) >= len(lines)


def _dedented(block: str) -> str:
    lines = block.strip("\n").splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(f"    {line[margin:]}".rstrip() for line in lines)


def stems_of(text: str) -> Iterator[str]:
    """The stems of the words of ``text``, those that names are made of as well."""
    return map(stem_of, _WORD.findall(_NAME_PARTS.sub(" ", text).lower()))


def stem_of(word: str) -> str:
    """``word`` without its ending, roughly: enough to see that reads, reading and read are one."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word
