"""Pure: sections of a text by its headings, in Markdown, reStructuredText and plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_ADORNMENT = re.compile(r"([=\-`:'\"~^_*+#<>.])\1{2,}[ \t]*$")


class Section(msgspec.Struct, frozen=True):
    """Text under a heading: ``headings`` from the outermost in, ``line`` (from 1) where it begins."""

    headings: tuple[str, ...]
    line: int
    text: str


class Outline:
    """Gathers lines under the headings in force; a heading closes those of its level and below."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self._headings: list[tuple[int, str]] = []
        self._lines: list[str] = []
        self._start = 1

    def heading(self, level: int, title: str, line: int) -> None:
        self.close()
        self._headings = [(above, text) for above, text in self._headings if above < level] + [(level, title)]
        self._start = line

    def add(self, line: str) -> None:
        self._lines.append(line)

    def drop_last(self) -> None:
        self._lines.pop()

    def close(self) -> None:
        text = "\n".join(self._lines).strip("\n").rstrip()
        if text:
            self.sections.append(Section(tuple(title for _, title in self._headings), self._start, text))
        self._lines = []


def markdown_sections(text: str) -> list[Section]:
    """Sections of a Markdown text; headings inside fenced code are code."""
    outline = Outline()
    fence = ""
    lines = text.splitlines()
    start = _after_front_matter(lines)
    for number, line in enumerate(lines[start:], start + 1):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            outline.add(line)
        elif mark:
            fence = mark[1]
            outline.add(line)
        elif (atx := _ATX.match(line)) and atx[2]:
            outline.heading(len(atx[1]), atx[2].strip(), number)
        elif (setext := _SETEXT.match(line)) and _can_be_title(lines, number - 1, start):
            outline.drop_last()
            outline.heading(1 if setext[1][0] == "=" else 2, lines[number - 2].strip(), number - 1)
        else:
            outline.add(line)
    outline.close()
    return outline.sections


def _after_front_matter(lines: list[str]) -> int:
    if lines and lines[0].rstrip() == "---":
        for number, line in enumerate(lines[1:200], 1):
            if line.rstrip() in ("---", "..."):
                return number + 1
    return 0


def _can_be_title(lines: list[str], underline: int, start: int) -> bool:
    """Whether the line above an underline is one paragraph of its own, no list, quote or table."""
    title = lines[underline - 1] if underline > start else ""
    before = lines[underline - 2] if underline - 1 > start else ""
    return bool(title.strip()) and not before.strip() and not re.match(r"\s{4}|\s*([-*+>|]|\d+[.)])\s|\s*\|", title)


def restructured_text_sections(text: str) -> list[Section]:
    """Sections of a reStructuredText: a title is a line with an adornment under it, and maybe the same above it."""
    outline = Outline()
    levels: list[str] = []
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        title, style, used = _titled(lines, number)
        if style:
            if style not in levels:
                levels.append(style)
            outline.heading(levels.index(style), title, number + 1)
            number += used
        else:
            outline.add(lines[number])
            number += 1
    outline.close()
    return outline.sections


def _titled(lines: list[str], number: int) -> tuple[str, str, int]:
    here, below, third = (lines[n] if n < len(lines) else "" for n in (number, number + 1, number + 2))
    over = _ADORNMENT.match(here)
    if over and below.strip() and here.rstrip() == third.rstrip() and len(below.strip()) <= len(here.rstrip()):
        return below.strip(), over[1] * 2, 3
    under = _ADORNMENT.match(below)
    blank_above = number == 0 or not lines[number - 1].strip()
    if (
        under
        and blank_above
        and here.strip()
        and not here[0].isspace()
        and not over
        and len(below.rstrip()) >= len(here.rstrip())
    ):
        return here.strip(), under[1], 2
    return "", "", 0


def plain_sections(text: str) -> list[Section]:
    """The whole of a plain text as one section without a heading."""
    stripped = text.strip("\n").rstrip()
    return [Section((), 1, stripped)] if stripped.strip() else []


def first_sentence(text: str, limit: int = 200) -> str:
    """The first sentence of the first paragraph of ``text``, on one line, cut at a word after ``limit`` characters."""
    paragraph = " ".join(text.strip().split("\n\n", 1)[0].split())
    end = re.search(r"[.!?](?= [A-Z])", paragraph)
    sentence = paragraph[: end.end()] if end else paragraph
    if len(sentence) <= limit:
        return sentence
    return sentence[:limit].rsplit(" ", 1)[0] + " ..."


def split_passage(text: str, limit: int) -> Iterator[str]:
    """``text`` in parts of at most ``limit`` characters, cut between paragraphs where it can, else lines, else words.

    Nothing but white space at the cuts is lost. An indented block stays with the line that introduces it if both fit.
    """
    parts: list[str] = []
    size = 0
    for block in _blocks(text, limit):
        if parts and size + len(block) + 2 > limit:
            yield "\n\n".join(parts)
            parts, size = [], 0
        parts.append(block)
        size += len(block) + 2
    if parts:
        yield "\n\n".join(parts)


def _blocks(text: str, limit: int) -> Iterator[str]:
    joined = ""
    for paragraph in re.split(r"\n[ \t]*\n", text.strip("\n")):
        if (
            joined
            and (paragraph[:1].isspace() or joined.rstrip().endswith(":"))
            and len(joined) + len(paragraph) + 2 <= limit
        ):
            joined += "\n\n" + paragraph
            continue
        if joined:
            yield from _cut(joined, limit)
        joined = paragraph
    if joined.strip():
        yield from _cut(joined, limit)


def _cut(block: str, limit: int) -> Iterator[str]:
    while len(block) > limit:
        at = block.rfind("\n", limit // 2, limit)
        if at < 0:
            at = block.rfind(" ", limit // 2, limit)
        at = at if at > 0 else limit
        yield block[:at].rstrip()
        block = block[at:].lstrip("\n") if block[at : at + 1] == "\n" else block[at:].lstrip(" ")
    if block.strip():
        yield block
