"""The project's Markdown as data: its links, its headings and its Python snippets."""

from __future__ import annotations

import ast
import re
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
    """A fenced block of Python: ``python`` stands alone and is run, ``python fragment`` is only compiled."""

    document: str
    line: int
    text: str
    runs: bool


def snippets(document: str, text: str) -> Iterator[Snippet]:
    """The Python blocks of a document."""
    for fence in _FENCE.finditer(text):
        words = fence["info"].split()
        if words[:1] == ["python"]:
            line = text.count("\n", 0, fence.start()) + 2
            yield Snippet(document, line, fence["body"], runs="fragment" not in words)


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
