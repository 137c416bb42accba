"""The project's Markdown as data: its links, its headings, its snippets and what they print."""

from __future__ import annotations

import ast
import doctest
import functools
import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_TEST = re.compile(r"tests/[\w/]+\.py::\w+(?:::\w+)*")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Snippet:
    """A fenced block of Python: ``python`` stands alone, ``python fragment`` wants the stage of its page.

    ``python name.py`` is a file by that name, which the others of the document may import. ``output`` is the block
    ``text output`` that comes next, if one does: what the snippet prints, with ``...`` for what differs each time.
    """

    document: str
    line: int
    text: str
    alone: bool
    output: str | None = None
    file: str = ""

    def prints(self, said: str) -> bool:
        """Whether that is what the document says it prints; how it is broken into lines is left alone."""
        return self.output is None or is_output(self.output, said)


def is_output(wanted: str, said: str) -> bool:
    """Whether two outputs are the same but for what ``...`` stands for and how they are broken into lines."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(wanted, said, flags)


def snippets(document: str, text: str) -> Iterator[Snippet]:
    """The Python blocks of a document."""
    fences = list(_FENCE.finditer(text))
    for fence, following in itertools.zip_longest(fences, fences[1:]):
        words = fence["info"].split()
        if words[:1] == ["python"]:
            line = text.count("\n", 0, fence.start()) + 2
            output = following["body"] if following and following["info"].split() == ["text", "output"] else None
            file = next((word for word in words if word.endswith(".py")), "")
            yield Snippet(document, line, fence["body"], alone="fragment" not in words, output=output, file=file)


def blocks(language: str, text: str) -> Iterator[str]:
    """The fenced blocks of one language."""
    return (fence["body"] for fence in _FENCE.finditer(text) if fence["info"] == language)


@dataclass(frozen=True)
class Command:
    """A line of a console block, and what the document shows below it."""

    line: str
    output: str = ""

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line, comments=True)


def commands(text: str) -> Iterator[Command]:
    """What the blocks for the shell have their reader type: the lines after a prompt, or all where there is none."""
    for fence in _FENCE.finditer(text):
        if fence["info"] not in ("console", "sh"):
            continue
        body = fence["body"]
        if not body.startswith("$ "):
            yield from (Command(line) for line in body.splitlines())
            continue
        for each in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            line, _, output = each.partition("\n")
            yield Command(line, output)


def pages(text: str) -> Iterator[str]:
    """The pages that a page of the site leads to, as the tables of contents in it name them."""
    for body in blocks("{toctree}", text):
        lines = (line for line in body.splitlines() if line and not line.startswith(":"))
        yield from (re.sub(r"^.* <(.+)>$", r"\1", line) for line in lines)


def documented(text: str) -> set[str]:
    """The names whose docstrings a page of the reference shows."""
    return set(re.findall(r"^\.\. auto\w+:: ([\w.]+)", text, re.MULTILINE))


def anchors(text: str) -> set[str]:
    """The fragments that a document's headings can be linked by, as the common forges make them."""
    titles = _HEADING.findall(_FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def broken_links(document: Path) -> list[str]:
    """Links of a document to files or headings that are not there. Other sites are not visited."""
    text = document.read_text(encoding="utf-8")
    broken = []
    for link in _LINK.finditer(_FENCE.sub("", text)):
        target, _, fragment = link["target"].partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        path = document.parent / target if target else document
        if not path.exists():
            broken.append(f"{document.name}: {link['target']} is not there")
        elif fragment and path.suffix == ".md" and fragment not in anchors(path.read_text(encoding="utf-8")):
            broken.append(f"{document.name}: {path.name} has no heading #{fragment}")
    return broken


def missing_tests(text: str, root: Path) -> list[str]:
    """The tests that a document names, as in ``tests/work/test_graph.py::test_x``, and that are not there."""
    missing = []
    for name in dict.fromkeys(_TEST.findall(text)):
        file, *steps = name.split("::")
        known = _defined(root / file) if (root / file).is_file() else set()
        if "::".join(steps) not in known:
            missing.append(name)
    return missing


@functools.cache
def _defined(file: Path) -> set[str]:
    """What pytest could collect from a file: functions, classes and their methods, and names that are assigned."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, _FUNCTIONS):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {node.name} | {f"{node.name}::{one.name}" for one in node.body if isinstance(one, _FUNCTIONS)}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names
