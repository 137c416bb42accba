"""Documents in folders: text, Markdown, reStructuredText, HTML, PDF and Python files.

Files are opened and read, never imported or run. What is hidden, generated or installed is left out, links to folders
are not followed, and what cannot be read is told instead of ending the reading.
"""

from __future__ import annotations

import codecs
import io
import os
import re
import stat
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from companion_async.cognition.corpus import pdf
from companion_async.cognition.corpus.document import Document, Reading, ReadJob, written
from companion_async.cognition.corpus.hypertext import html_sections
from companion_async.cognition.corpus.markup import (
    Section,
    first_sentence,
    markdown_sections,
    plain_sections,
    restructured_text_sections,
)
from companion_async.cognition.corpus.python_documents import python_documents
from companion_async.cognition.corpus.python_source import entries
from companion_async.cognition.corpus.syntax import syntax_tree
from companion_async.errors import InvalidArgumentError, MissingExtraError

_KINDS = {
    **dict.fromkeys((".txt", ".text"), "text"),
    **dict.fromkeys((".md", ".markdown", ".mkd"), "markdown"),
    **dict.fromkeys((".rst", ".rest"), "rst"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    **dict.fromkeys((".py", ".pyi"), "python"),
    ".pdf": "pdf",
}
_KINDS_READ = "text (.txt), Markdown (.md), reStructuredText (.rst), HTML (.html), PDF (.pdf) and Python (.py)"
_LEFT_OUT = frozenset(("__pycache__", "node_modules", "site-packages", "dist-packages"))
_LARGEST = 8_000_000
_JOB_FILES = 20
_JOB_BYTES = 200_000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HTML_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w-]{1,40})", re.IGNORECASE)


def folder_jobs(paths: Iterable[str | Path]) -> list[ReadJob]:
    """Jobs that read all documents at and below ``paths``, in a fixed order, each file once.

    A path that does not exist or is empty, or one given alone without a list, raises `InvalidArgumentError`. Of a place
    where nothing can be read there is a job too, whose notes tell it. A PDF file that is named itself raises
    `MissingExtraError` where the extra ``documents`` is not installed; one in a folder is told in the notes.
    """
    if isinstance(paths, (str, Path)):
        raise InvalidArgumentError(f"Give the paths in a list: [{str(paths)!r}].")
    jobs: list[ReadJob] = []
    seen: set[tuple[int, int]] = set()
    for given in paths:
        if not str(given).strip():
            raise InvalidArgumentError("An empty path names nothing; the folder that one is in is called '.'.")
        root = Path(given)
        if root.suffix.lower() == ".pdf":
            pdf.check_installed()
        try:
            files = list(_files(root))
        except OSError as error:
            raise InvalidArgumentError(f"{str(given)!r} cannot be read: {error.strerror or error}.") from None
        batch: list[str] = []
        size = 0
        if not files:
            jobs.append(ReadJob(f"{given}#{len(jobs)}", "files", (), (), str(root)))
        for file, found in files:
            if (found.st_dev, found.st_ino) in seen:
                continue
            seen.add((found.st_dev, found.st_ino))
            batch.append(str(file))
            size += found.st_size
            if len(batch) >= _JOB_FILES or size >= _JOB_BYTES:
                jobs.append(ReadJob(f"{given}#{len(jobs)}", "files", tuple(batch), (), str(root)))
                batch, size = [], 0
        if batch:
            jobs.append(ReadJob(f"{given}#{len(jobs)}", "files", tuple(batch), (), str(root)))
    return jobs


def _files(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The files to be read. One that was named itself is taken whatever it is called."""
    if not stat.S_ISDIR(root.stat().st_mode):
        yield from _regular(root)
        return
    # Links to folders are not followed, so there are no loops and nothing outside of the root.
    closed: list[OSError] = []
    for folder, inner, files in os.walk(root, onerror=closed.append):
        inner[:] = sorted(name for name in inner if _is_entered(Path(folder, name)))
        for name in sorted(files):
            path = Path(folder, name)
            if path.suffix.lower() in _KINDS and not name.startswith("."):
                if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
                    continue
                yield from _regular(path)
    # A folder that lets nobody in is listed like a file, so that its reading tells why it could not be read.
    for error in closed:
        path = Path(error.filename)
        try:
            found = path.stat()
        except OSError:
            continue  # it is gone meanwhile
        yield path, found


def _is_entered(folder: Path) -> bool:
    if folder.name.startswith(".") or folder.name in _LEFT_OUT:
        return False
    try:
        return not (folder / "pyvenv.cfg").is_file()
    except OSError:
        return True  # nobody is let in, which shows when it is entered


def _regular(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        found = path.stat()
    except OSError:
        return
    # A pipe would be waited for, a device never ends.
    if stat.S_ISREG(found.st_mode):
        yield path, found


def read_files(job: ReadJob, read_pdf: Callable[[Path], pdf.Pdf] = pdf.pdf_sections) -> Reading:
    """The documents of the files of ``job``; notes tell of those that were left out or cut short. ``read_pdf`` is how
    PDF files are read, each by its absolute path.
    """
    documents: dict[str, Document] = {}
    notes: list[str] = []
    if not job.paths:
        notes.append(f"{written(job.root)}: nothing in it can be read; read are {_KINDS_READ}")
    for name in job.paths:
        path = Path(name)
        kind = _KINDS.get(path.suffix.lower(), "text")
        try:
            if kind == "pdf":
                documents.update((document.id, document) for document in _of_pdf(path, read_pdf, notes))
                continue
            with path.open("rb") as stream:
                data = stream.read(_LARGEST + 1)
        except OSError as error:
            notes.append(f"{written(name)}: not read ({error.strerror or type(error).__name__})")
            continue
        if len(data) > _LARGEST:
            data = data[:_LARGEST]
            notes.append(f"{written(name)}: only its first {_LARGEST:,} bytes were read")
        text = _decoded(data, kind)
        if text is None:
            notes.append(f"{written(name)}: left out, it is binary")
            continue
        for document in _documents(path, text, kind, Path(job.root), notes):
            documents[document.id] = document
    return Reading(tuple(documents.values()), tuple(notes))


def _decoded(data: bytes, kind: str) -> str | None:
    """The text of ``data``, or nothing if it is none. A wrong byte costs its character, not the file."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if b"\0" in data[:8_192]:
        return None
    declared = None
    if kind == "python":
        try:
            declared = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        except SyntaxError:
            declared = None
    elif kind == "html" and (charset := _HTML_CHARSET.search(data[:4_096])):
        declared = charset[1].decode("ascii")
    for encoding in filter(None, (declared, "utf-8")):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    # Most of what is not UTF-8 was written in this one; the bytes it has no letter for are replaced.
    return data.decode("cp1252", "replace")


def _documents(path: Path, text: str, kind: str, root: Path, notes: list[str]) -> Iterator[Document]:
    location = written(path.as_posix())
    if kind == "python":
        try:
            tree = syntax_tree(text, location)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            notes.append(f"{location}: read as plain text, it is no valid Python ({type(error).__name__})")
        else:
            yield from python_documents(_module_name(path), entries(tree, text, location), group=location)
            return
    name = path.name if path == root or not path.is_relative_to(root) else path.relative_to(root).as_posix()
    name = written(name)
    title = ""
    if kind == "html":
        title, sections, complete = html_sections(text)
        if not complete:
            notes.append(f"{location}: read up to a tag that does not end")
    else:
        split = {"markdown": markdown_sections, "rst": restructured_text_sections}.get(kind, plain_sections)
        sections = split(text)
    yield from _of_sections(sections, title or name, location)


def _of_sections(sections: list[Section], name: str, location: str) -> Iterator[Document]:
    for number, section in enumerate(sections):
        yield Document(
            id=f"{location}#{number}",
            title=" > ".join(section.headings) or name,
            location=f"{location}:{section.line}",
            text=section.text,
            summary=first_sentence(section.text),
            context="\n".join((name, *section.headings[:-1])),
            group=location,
        )


def _of_pdf(path: Path, read_pdf: Callable[[Path], pdf.Pdf], notes: list[str]) -> Iterator[Document]:
    """A document for each page; its location is what browsers open at that page (RFC 8118)."""
    location = written(path.as_posix())
    if not pdf.is_installed():
        notes.append(f"{location}: not read, PDF takes {MissingExtraError.command(pdf.EXTRA)}")
        return
    title, sections, note = read_pdf(path.absolute())
    if note:
        notes.append(f"{location}: {note}")
    for section in sections:
        place = f"{location}#page={section.line}"
        yield Document(
            id=place,
            title=f"{title or written(path.name)}, page {section.line}",
            location=place,
            text=section.text,
            summary=first_sentence(section.text),
            context=written(path.name),
            group=location,
        )


def _module_name(path: Path) -> str:
    parts = [] if path.stem == "__init__" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder.name and len(parts) < 20:
        parts.insert(0, folder.name)
        folder = folder.parent
    return written(".".join(parts) or path.stem)
