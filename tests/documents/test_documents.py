"""What the documents show works, and what they point at is there."""

from __future__ import annotations

import ast
import re
import signal
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cyclopts import CycloptsError

import companion_async
from companion_async import sdk
from companion_async.cli.app import app
from tests.documents.documents import (
    Snippet,
    anchors,
    blocks,
    broken_links,
    commands,
    documented,
    missing_tests,
    pages,
    snippets,
)
from tests.documents.staging import program
from tests.documents.warm import Ran, Warm

ROOT = Path(__file__).parents[2]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SNIPPETS = [snippet for path in DOCUMENTS for snippet in snippets(name(path), path.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[[Snippet, Path], Ran]]:
    warm = Warm(ROOT)

    def run_snippet(snippet: Snippet, folder: Path) -> Ran:
        text = snippet.text if snippet.alone else program(Path(snippet.document).stem, snippet.text)
        return warm.run(text, folder)

    yield run_snippet
    warm.close()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link of a document leads to a file that is there and a heading that it has."""
    assert broken_links(document) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_the_tests_that_are_named_are_there(document: Path) -> None:
    """Whoever reads that a test shows something can run it by that name."""
    assert missing_tests(document.read_text(encoding="utf-8"), ROOT) == []


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: f"{snippet.document}:{snippet.line}")
def test_snippets_work(snippet: Snippet, run, tmp_path: Path) -> None:
    """A snippet runs without warnings and prints what is said: as it stands, or, a fragment, on its page's stage."""
    compile(snippet.text, snippet.document, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    files = {each.file: each.text for each in SNIPPETS if each.document == snippet.document and each.file}
    for file, text in files.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    done = run(snippet, tmp_path)
    assert done.returncode == 0, done.stderr
    assert snippet.prints(done.stdout), done.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_commands_can_be_typed(document: Path) -> None:
    """Commands of ours that a document shows are understood, options included; targets of make are there."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for command in commands(document.read_text(encoding="utf-8")):
        words = command.words
        if words[:1] == ["companion"]:
            app.parse_args(words[1:], exit_on_error=False, print_error=False)
        elif words[:1] == ["make"]:
            assert {word for word in words[1:] if "=" not in word} <= targets, words


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_settings_can_be_read(document: Path) -> None:
    """A block of TOML is TOML."""
    for settings in blocks("toml", document.read_text(encoding="utf-8")):
        tomllib.loads(settings)


def test_every_page_is_on_the_site() -> None:
    """Each page under docs/ is in exactly one table of contents, so that a reader of the site finds it."""
    listed = [
        (path.parent / f"{page}.md").relative_to(ROOT / "docs")
        for path in DOCUMENTS
        for page in pages(path.read_text(encoding="utf-8"))
    ]
    there = {path.relative_to(ROOT / "docs") for path in DOCUMENTS if path.is_relative_to(ROOT / "docs")}
    assert sorted(listed) == sorted(there - {Path("index.md")})


def test_every_example_is_listed() -> None:
    """Whoever looks for an example finds all of them on one page."""
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\(\.\./examples/(\w+\.py)\)", page)) == sorted(
        path.name for path in (ROOT / "examples").glob("*.py")
    )


@pytest.mark.feature("PX-08")
def test_every_public_name_is_in_the_reference() -> None:
    """What can be imported from the package can be looked up."""
    reference = {
        path.stem: documented(path.read_text(encoding="utf-8")) for path in (ROOT / "docs/reference").iterdir()
    }
    ours = set().union(*(names for page, names in reference.items() if page not in ("sdk", "doors")))
    assert ours == set(companion_async.__all__)
    theirs = {each for each in sdk.__all__ if getattr(sdk, each) is not getattr(companion_async, each, None)}
    assert reference["sdk"] == theirs


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


def test_a_broken_snippet_is_found(run, tmp_path: Path) -> None:
    """A snippet that raises fails, with `await` at the top or without; other languages are no snippets."""
    text = "```python\nimport asyncio\nawait asyncio.sleep(0)\n```\n```python\n1 / 0\n```\n```toml\nx = 1\n```\n"
    good, bad = snippets("page.md", text)
    assert (good.line, bad.line) == (2, 6)
    assert run(good, tmp_path).returncode == 0
    assert "ZeroDivisionError" in run(bad, tmp_path).stderr


def test_fragments_are_marked(run, tmp_path: Path) -> None:
    """`python fragment` says that a block does not stand alone: it is run where the stage of its page has set it up."""
    text = "```python fragment\nimage = await brain.submit('thumbnails')\n```\n"
    (fragment,) = snippets("docs/processes.md", text)
    assert not fragment.alone
    assert "UnknownModuleError" in run(fragment, tmp_path).stderr


def test_another_output_is_found(run, tmp_path: Path) -> None:
    """What is said to be printed is compared, but for what `...` stands for and how it is broken into lines."""
    text = "```python\nprint('one', 2.34, 'three')\n```\nIt says:\n```text output\none ...\nthree\n```\n"
    (snippet,) = snippets("page.md", text)
    said = run(snippet, tmp_path).stdout
    assert said == "one 2.34 three\n"
    assert snippet.prints(said)
    assert not snippet.prints("one 2.34 four")


def test_a_snippet_that_never_ends_is_ended(run, tmp_path: Path) -> None:
    """The fork's alarm ends it, which is told as any other end, and the next one runs."""
    forever, after = snippets(
        "page.md", "```python\nimport signal\nsignal.alarm(1)\nsignal.pause()\n```\n```python\nprint('after')\n```\n"
    )
    assert run(forever, tmp_path).returncode == -signal.SIGALRM
    assert run(after, tmp_path) == (0, "after\n", "")


def test_a_command_that_is_none_is_found() -> None:
    """An unknown command, an unknown option and a value that does not fit are not understood."""
    for line in ("companion tops", "companion top --urll x", "companion ask why --limit many"):
        (command,) = commands(f"```console\n{line}\n```\n")
        with pytest.raises(CycloptsError):
            app.parse_args(command.words[1:], exit_on_error=False, print_error=False)


def test_a_command_is_found_in_its_block() -> None:
    """Lines of a console are commands, or those after its prompt where it shows one; comments are not part of them."""
    text = '```console\nmake run   # see\n```\n```console\n$ companion ask "a b"\nanswer: x\n```\n'
    first, second = commands(text)
    assert first.words == ["make", "run"]
    assert second.words == ["companion", "ask", "a b"]
    assert second.output == "answer: x\n"
