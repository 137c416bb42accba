"""Folders of documents, with all that lies about in folders."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from companion_async.cognition.corpus.document import ReadJob
from companion_async.cognition.corpus.folders import folder_jobs, read_files
from companion_async.cognition.corpus.reading import read
from companion_async.errors import InvalidArgumentError

pytestmark = pytest.mark.feature("CB-42")


def documents(*paths):
    readings = [read(job) for job in folder_jobs(paths)]
    return [document for reading in readings for document in reading.documents], [
        note for reading in readings for note in reading.notes
    ]


def test_every_kind_is_read_and_split_as_it_is_written(tmp_path):
    """Text, Markdown, reStructuredText, HTML and Python become documents with titles and lines."""
    (tmp_path / "a.txt").write_text("plain words")
    (tmp_path / "b.md").write_text("# Top\ntext\n## Sub\nmore\n")
    (tmp_path / "c.rst").write_text("Title\n=====\n\nrest\n")
    (tmp_path / "d.html").write_text("<title>Page</title><h1>Head</h1><p>body</p>")
    (tmp_path / "e.py").write_text('"""About."""\ndef f(x):\n    """Does."""\n')
    found, notes = documents(tmp_path)
    assert notes == []
    assert [(each.title, each.location.removeprefix(tmp_path.as_posix() + "/")) for each in found] == [
        ("a.txt", "a.txt:1"),
        ("Top", "b.md:1"),
        ("Top > Sub", "b.md:3"),
        ("Title", "c.rst:1"),
        ("Head", "d.html:1"),
        ("e", "e.py:1"),
        ("e.f", "e.py:2"),
    ]
    assert found[2].context == "b.md\nTop"


def test_python_files_are_not_run(tmp_path):
    """Reading a module that would end the process ends nothing."""
    (tmp_path / "trap.py").write_text('"""Trap."""\nraise SystemExit\n')
    found, _ = documents(tmp_path)
    assert [each.text for each in found] == ["Trap."]


def test_modules_of_a_package_are_called_as_they_are_imported(tmp_path):
    """The package's folders are part of a module's name, those above it are not."""
    package = tmp_path / "src" / "pack" / "inner"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("")
    (package / "mod.py").write_text('"""Mod."""')
    found, _ = documents(tmp_path)
    assert [each.id for each in found] == ["pack.inner.mod"]


def test_hidden_installed_and_generated_folders_are_left_out(tmp_path):
    """Version control, environments, caches and packages of others are not the user's documents."""
    for name in (".git", "__pycache__", "node_modules", "venv", "site-packages"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.md").write_text("no")
    (tmp_path / "venv" / "pyvenv.cfg").write_text("home = x")
    (tmp_path / ".hidden.md").write_text("no")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "yes.md").write_text("yes")
    found, notes = documents(tmp_path)
    assert [each.text for each in found] == ["yes"]
    assert notes == []


@pytest.mark.skipif(sys.platform == "win32", reason="making links needs rights there")
def test_links_neither_loop_nor_lead_out(tmp_path):
    """A folder that links to itself is read once, a file with two names once, and what lies outside stays outside."""
    outside = tmp_path / "outside.md"
    outside.write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.md").write_text("once")
    (root / "loop").symlink_to(root)
    (root / "again.md").symlink_to(root / "a.md")
    (root / "out.md").symlink_to(outside)
    (root / "gone.md").symlink_to(root / "nowhere")
    found, notes = documents(root, root / "a.md")
    assert [each.text for each in found] == ["once"]
    assert notes == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes there")
def test_a_pipe_is_not_waited_for(tmp_path):
    """What is no regular file is not opened, and a place that holds nothing else is told."""
    os.mkfifo(tmp_path / "pipe.txt")
    for place in (tmp_path, tmp_path / "pipe.txt"):
        found, (note,) = documents(place)
        assert found == []
        assert note.startswith(f"{place}: nothing in it can be read")


@pytest.mark.parametrize("path", ["", " "])
def test_an_empty_path_is_not_the_current_folder(path):
    """An unset variable in a shell or a form must not have everything here read."""
    with pytest.raises(InvalidArgumentError, match="names nothing"):
        folder_jobs([path])


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.txt", "Grüße".encode("latin-1"), "Grüße"),
        ("a.txt", b"\xef\xbb\xbfGr\xc3\xbc\xc3\x9fe", "Grüße"),
        ("a.txt", "Grüße".encode("utf-16"), "Grüße"),
        ("a.html", '<meta charset="koi8-r"><p>Привет'.encode("koi8-r"), "Привет"),
        ("a.html", b'<meta charset="no-such"><p>ok', "ok"),
        ("a.txt", b"a\x81b", "a\ufffdb"),
    ],
)
def test_encodings_are_found_out(tmp_path, name, data, text):
    """A mark, a declaration, UTF-8, then the most common other one; a wrong byte costs its character only."""
    (tmp_path / name).write_bytes(data)
    found, _ = documents(tmp_path)
    assert [each.text for each in found] == [text]


def test_what_cannot_be_read_is_told_and_the_rest_is_read(tmp_path):
    """Binary data, broken Python and vanished files cost a note each, not the reading."""
    (tmp_path / "a.txt").write_bytes(b"MZ\0\0")
    (tmp_path / "b.py").write_text("def broken(:\n")
    (tmp_path / "c.md").write_text("fine")
    jobs = folder_jobs([tmp_path])
    (tmp_path / "c.md").unlink()
    (reading,) = map(read, jobs)
    assert [each.title for each in reading.documents] == ["b.py"]
    assert [note.removeprefix(f"{tmp_path}/").partition(":")[0] for note in reading.notes] == ["a.txt", "b.py", "c.md"]


@pytest.fixture
def closed(monkeypatch, tmp_path):
    """A folder that lets nobody in, the superuser neither."""
    folder = tmp_path / "closed"
    folder.mkdir()
    look, stat = os.scandir, os.stat

    def scandir(path="."):
        if os.fspath(path) == str(folder):
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return look(path)

    def stat_outside(path, *args, **options):
        if not isinstance(path, int) and folder in Path(os.fspath(path)).parents:
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return stat(path, *args, **options)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "stat", stat_outside)
    return folder


def test_a_folder_that_lets_nobody_in_is_told_and_the_rest_is_read(closed, tmp_path):
    """One closed folder somewhere below costs a note and not the reading; named itself it is told too."""
    (tmp_path / "c.md").write_text("fine")
    found, (note,) = documents(tmp_path)
    assert [each.text for each in found] == ["fine"]
    assert note.startswith(f"{closed}: not read (")
    found, (note,) = documents(closed)
    assert found == []
    assert note.startswith(f"{closed}: not read (")


def test_a_huge_file_is_read_as_far_as_the_bound_and_said_so(tmp_path):
    """Eight megabytes are read of one file, no more, and the note says it."""
    (tmp_path / "big.txt").write_bytes(b"word " * 2_000_000)
    found, notes = documents(tmp_path)
    assert sum(len(each.text) for each in found) <= 8_000_000
    assert "only its first 8,000,000 bytes" in notes[0]


def test_deeply_nested_source_is_read_as_text(tmp_path):
    """What the parser of Python gives up on is still text."""
    (tmp_path / "deep.py").write_text("x = " + "(" * 5_000 + ")" * 5_000)
    found, notes = documents(tmp_path)
    assert len(found) == 1
    assert "no valid Python" in notes[0]


def test_jobs_are_small_and_each_file_is_in_one(tmp_path):
    """Many files become several jobs, in a fixed order."""
    for number in range(45):
        (tmp_path / f"{number:02}.md").write_text("x")
    jobs = folder_jobs([tmp_path])
    assert [len(job.paths) for job in jobs] == [20, 20, 5]
    assert sorted(path for job in jobs for path in job.paths) == [path for job in jobs for path in job.paths]


def test_a_file_that_is_named_is_read_whatever_it_is_called(tmp_path):
    """README without an ending is text if somebody asks for it."""
    (tmp_path / "README").write_text("read me")
    assert documents(tmp_path)[0] == []
    found, _ = documents(tmp_path / "README")
    assert [(each.title, each.text) for each in found] == [("README", "read me")]


def test_wrong_paths_are_refused_at_the_door(tmp_path):
    """A path that is not there, and a lone path that would be read letter by letter."""
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        folder_jobs([tmp_path / "nowhere"])
    with pytest.raises(InvalidArgumentError, match="in a list"):
        folder_jobs(str(tmp_path))
    with pytest.raises(InvalidArgumentError, match="no job to read"):
        read(ReadJob("x", "elsewhere"))
    assert read_files(ReadJob("x", "files")).documents == ()
