"""Pure: sections of an HTML page by its headings: what a reader of the page would read, as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from companion_async.cognition.corpus.markup import Outline, Section

_UNREAD = frozenset({"script", "style", "template", "noscript", "svg", "nav", "iframe", "select", "button", "form"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCK_TAGS = (
    "address article aside blockquote body br dd details div dl dt fieldset figcaption figure footer header hr li main "
    "ol p section summary table tbody td th thead tr ul"
)
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_CELLS = frozenset({"td", "th"})
# A table of longer cells, or of a single column, only arranges a page.
_LONGEST_CELL = 200
_EMBEDDED = re.compile(r"data:[^\"'\s>]{200,}")
# Some versions of the parser fail on a marked section that they do not know.
_MARKED = re.compile(r"<!\[(?:CDATA\[|[^<>]{0,200}>)?|\]\]>")
_STEP = 4_096
# The standard library's parser looks at an unclosed construct again with every piece that it is fed, and some versions
# take quadratic time to give up on one. What is still open after this much is no markup.
_LONGEST_OPEN = 65_536
_LONGEST_END = 2_048


def html_sections(text: str) -> tuple[str, list[Section], bool]:
    """The page's title, its sections, and whether all of it could be read; the time is linear in the length."""
    text = _MARKED.sub("", _EMBEDDED.sub("data:", text))
    for opening, closing in (("<!--", "-->"), ("<script", "</script"), ("<style", "</style")):
        text = _without(text, opening, closing)
    reader = _Reader()
    complete = True
    for start in range(0, len(text), _STEP):
        reader.feed(text[start : start + _STEP])
        if len(reader.rawdata) > _LONGEST_OPEN:
            complete = False
            break
    if complete and len(reader.rawdata) <= _LONGEST_END:
        reader.close()
    reader.end()
    reader.outline.close()
    return reader.title, reader.outline.sections, complete


def _without(text: str, opening: str, closing: str) -> str:
    parts = []
    lower = text.lower() if len(text.lower()) == len(text) else text
    position = 0
    while (start := lower.find(opening, position)) >= 0:
        parts.append(text[position:start])
        end = lower.find(closing, start + len(opening))
        if end < 0:
            return "".join(parts)
        # The lines stay, so that the numbers of those below do.
        parts.append("\n" * text.count("\n", start, end))
        position = end + len(closing)
        if closing[-1] != ">":
            position = lower.find(">", position) + 1 or len(text)
    return "".join([*parts, text[position:]])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.outline = Outline()
        self.title = ""
        self._unread: list[str] = []
        self._words: list[str] = []
        self._heading = 0
        self._heading_line = 1
        self._in_title = False
        self._preformatted = 0
        self._rows: list[list[str]] | None = None
        self._named = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNREAD:
            self._unread.append(tag)
        elif tag == "title":
            self._in_title = True
        elif tag == "table":
            self._end_table()
            self.end_block()
            self._rows, self._named = [], False
        elif self._rows is not None and tag in (*_CELLS, "tr"):
            self._end_cell()
            if tag == "tr":
                self._rows.append([])
            elif self._rows:
                self._rows[-1].append("")
                self._named = self._named or (tag == "th" and len(self._rows) == 1)
        elif tag in _HEADINGS:
            self._end_table()
            self.end_block()
            self._heading, self._heading_line = _HEADINGS[tag], self.getpos()[0]
        elif tag == "pre":
            self._end_table()
            self.end_block()
            self._preformatted += 1
        elif tag in _BLOCKS:
            self.end_block()
            if tag == "li":
                self._words.append("- ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.end_block()

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unread:
            # An element that was never closed ends with the one around it.
            del self._unread[self._unread.index(tag) :]
        elif tag == "title":
            self._in_title = False
        elif tag in _HEADINGS and self._heading:
            title = " ".join("".join(self._words).replace("¶", "").split())
            self._words = []
            if title:
                self.outline.heading(self._heading, title, self._heading_line)
            self._heading = 0
        elif tag == "pre":
            self.end_block()
            self._preformatted = max(0, self._preformatted - 1)
        elif tag == "table":
            self._end_table()
        elif tag in _BLOCKS:
            self.end_block()

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title = " ".join(f"{self.title}{data}".split())
        elif not self._unread:
            self._words.append(data)

    def end(self) -> None:
        """Put down what is still open."""
        self._end_table()
        self.end_block()

    def _end_cell(self) -> None:
        text = " ".join("".join(self._words).split())
        if self._rows and self._rows[-1]:
            self._words = []
            self._rows[-1][-1] = f"{self._rows[-1][-1]} {text}".strip()
        else:
            self.end_block()

    def _end_table(self) -> None:
        """Put down the rows so far: as Markdown's, or as blocks where they only arrange a page."""
        if self._rows is None:
            return
        self._end_cell()
        rows, self._rows = [row for row in self._rows if any(row)], None
        cells = [cell for row in rows for cell in row]
        if rows and all(len(row) > 1 for row in rows) and max(map(len, cells)) <= _LONGEST_CELL:
            lines = ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows]
            if self._named:
                lines.insert(1, "|" + " --- |" * len(rows[0]))
            cells = ["\n".join(lines)]
        for cell in filter(None, cells):
            self.outline.add(cell)
            self.outline.add("")

    def end_block(self) -> None:
        if self._rows:
            self._words.append(" ")
            return
        text = "".join(self._words)
        self._words = []
        if self._preformatted:
            block = "\n".join(f"    {line}" for line in text.strip("\n").splitlines())
        else:
            block = " ".join(text.split())
        if block.strip(" -"):
            self.outline.add(block)
            self.outline.add("")
