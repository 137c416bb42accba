"""What the documents show works, and what they point at is there."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents.documents import Snippet, anchors, broken_links, missing_tests, snippets

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SNIPPETS = [snippet for path in DOCUMENTS for snippet in snippets(path.name, path.read_text(encoding="utf-8"))]

# A snippet may use `await` at its top level, as in the asyncio REPL.
RUNNER = """
import ast, asyncio, inspect, sys
code = compile(sys.stdin.read(), "snippet", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
namespace = {"__name__": "__main__"}
async def main():
    result = eval(code, namespace)
    if inspect.isawaitable(result):
        await result
if code.co_flags & inspect.CO_COROUTINE:
    asyncio.run(main())
else:
    exec(code, namespace)
"""


def run(snippet: Snippet, folder: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-c", RUNNER]
    return subprocess.run(
        command, input=snippet.text, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link of a document leads to a file that is there and a heading that it has."""
    assert broken_links(document) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_tests_that_are_named_are_there(document: Path) -> None:
    """Whoever reads that a test shows something can run it by that name."""
    assert missing_tests(document.read_text(encoding="utf-8"), ROOT) == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: f"{snippet.document}:{snippet.line}")
def test_snippets_work(snippet: Snippet, tmp_path: Path) -> None:
    """A snippet runs as it stands, without warnings; a fragment is at least Python."""
    compile(snippet.text, snippet.document, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if snippet.runs:
        done = run(snippet, tmp_path)
        assert done.returncode == 0, done.stderr


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """A missing file and a missing heading are named; code and other sites are left alone."""
    (tmp_path / "other.md").write_text("# Here it is: the `end`\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n[a](gone.md) [b](other.md#here-it-is-the-end) [c](other.md#start) [d](#page)\n"
        "```python\nx = [1](2)\n```\n[e](https://example.org/x)\n"
    )
    assert broken_links(page) == ["page.md: gone.md is not there", "page.md: other.md has no heading #start"]
    assert anchors(page.read_text()) == {"page"}


def test_a_test_that_is_not_there_is_found(tmp_path: Path) -> None:
    """A missing file, function or method is named; functions, classes, methods and assigned cases are known."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text(
        "async def test_a(): ...\nclass TestB:\n    def test_c(self): ...\nTestD = TestB\n"
    )
    there = ("test_x.py::test_a", "test_x.py::TestB", "test_x.py::TestB::test_c", "test_x.py::TestD")
    gone = ("test_y.py::test_a", "test_x.py::test_c", "test_x.py::TestB::test_a")
    text = "".join(f"`tests/{name}`, " for name in (*there, *gone))
    assert missing_tests(text, tmp_path) == [f"tests/{name}" for name in gone]


def test_a_broken_snippet_is_found(tmp_path: Path) -> None:
    """A snippet that raises fails, with `await` at the top or without; other languages are no snippets."""
    text = "```python\nimport asyncio\nawait asyncio.sleep(0)\n```\n```python\n1 / 0\n```\n```toml\nx = 1\n```\n"
    good, bad = snippets("page.md", text)
    assert (good.line, bad.line) == (2, 6)
    assert run(good, tmp_path).returncode == 0
    assert "ZeroDivisionError" in run(bad, tmp_path).stderr


def test_fragments_are_marked() -> None:
    """`python fragment` says that a block does not stand alone; it is compiled and not run."""
    (fragment,) = snippets("page.md", "```python fragment\nundefined()\n```\n")
    assert not fragment.runs
