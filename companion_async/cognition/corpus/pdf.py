"""Text of PDF files, page by page, by pypdf. Needs the extra ``documents``."""

from __future__ import annotations

import importlib.util
from io import BytesIO
from pathlib import Path

from companion_async.cognition.corpus.markup import Section
from companion_async.errors import MissingExtraError

EXTRA = "documents"
LARGEST = 50_000_000
_MOST_PAGES = 2_000

Pdf = tuple[str, list[Section], str]


def is_installed() -> bool:
    """Whether pypdf is there. Imports nothing; looks at the disk."""
    return importlib.util.find_spec("pypdf") is not None


def check_installed() -> None:
    """Raise `MissingExtraError` where pypdf is not there."""
    if not is_installed():
        raise MissingExtraError(EXTRA, "Reading PDF files")


def pdf_sections(path: Path) -> Pdf:
    """The title, a section for each page with text, whose ``line`` is the page, and a note on what was left out.

    Pictures of text have none. A file that cannot be read is all note. For a process of its own: pypdf is Python, and
    goes round in circles in files that are made for that.
    """
    check_installed()
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        return "", [], f"left out, it has more than {LARGEST:,} bytes"
    return sections_of(data)


def sections_of(data: bytes) -> Pdf:
    """The same of the bytes of a file."""
    check_installed()
    from pypdf import PdfReader  # 0.1 s, for whom it is used

    sections: list[Section] = []
    note = ""
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted:
            return "", [], "left out, it is encrypted"
        title = str((reader.metadata and reader.metadata.title) or "")
        count = len(reader.pages)
        for number in range(min(count, _MOST_PAGES)):
            text = reader.pages[number].extract_text().strip()
            if text:
                sections.append(Section((f"page {number + 1}",), number + 1, text))
    except MemoryError:
        raise
    except Exception as error:  # pypdf raises whatever a broken file makes of it
        return "", sections, f"read up to page {len(sections)}, then it is damaged ({type(error).__name__})"
    if count > _MOST_PAGES:
        note = f"only its first {_MOST_PAGES:,} pages were read"
    elif not sections:
        note = "left out, no page of it has text"
    return title, sections, note
