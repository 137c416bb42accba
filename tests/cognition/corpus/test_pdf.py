"""Text of PDF files, each page with its number."""

from __future__ import annotations

import importlib.util

import pytest

from companion_async.cognition.corpus import pdf
from companion_async.cognition.corpus.folders import folder_jobs, read_files
from companion_async.errors import MissingExtraError

pytestmark = pytest.mark.feature("CB-42")
needs_pypdf = pytest.mark.skipif(
    importlib.util.find_spec("pypdf") is None, reason="the extra documents is not installed"
)


def made_of(*pages):
    """A PDF file with a line of text on each page."""
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(pages)}/Kids[{' '.join(f'{4 + 2 * n} 0 R' for n in range(len(pages)))}]>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for number, text in enumerate(pages):
        drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
        parts.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents "
            + f"{5 + 2 * number} 0 R>>".encode()
        )
        parts.append(f"<</Length {len(drawn)}>>stream\n".encode() + drawn + b"\nendstream")
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + part + b"\nendobj\n"
    table = len(out)
    out += f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    out += f"trailer\n<</Size {len(parts) + 1}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(out)


def reading_of(folder):
    (job,) = folder_jobs([folder])
    return read_files(job)


@needs_pypdf
def test_each_page_is_found_with_its_number(tmp_path):
    """Its location is the file with the page, as browsers open it; a page without text is left out."""
    (tmp_path / "harbour.pdf").write_bytes(made_of("The crane is of 1890.", "", "The lighthouse is of 1911."))
    reading = reading_of(tmp_path)
    assert [document.text for document in reading.documents] == ["The crane is of 1890.", "The lighthouse is of 1911."]
    assert reading.documents[1].location.endswith("harbour.pdf#page=3")
    assert reading.documents[1].title == "harbour.pdf, page 3"
    assert reading.notes == ()


@needs_pypdf
@pytest.mark.parametrize("data", [b"", b"%PDF-1.4\n", b"no PDF at all", made_of("cut short")[:200]])
def test_a_damaged_file_is_told_and_the_others_are_read(tmp_path, data):
    """A note names it; nothing is raised."""
    (tmp_path / "broken.pdf").write_bytes(data)
    (tmp_path / "fine.txt").write_text("All is well here.", encoding="utf-8")
    reading = reading_of(tmp_path)
    assert [document.text for document in reading.documents] == ["All is well here."]
    assert "broken.pdf" in reading.notes[0]


@needs_pypdf
def test_one_of_pictures_alone_is_told(tmp_path):
    """A scanned document has no text, and the note says so."""
    (tmp_path / "scan.pdf").write_bytes(made_of("", ""))
    reading = reading_of(tmp_path)
    assert reading.documents == ()
    assert "no page of it has text" in reading.notes[0]


def test_without_the_extra_it_is_told_how_to_have_it(tmp_path, monkeypatch):
    """In a folder by a note; of a file that was named itself by an error."""
    monkeypatch.setattr(pdf, "is_installed", lambda: False)
    (tmp_path / "harbour.pdf").write_bytes(made_of("The crane is of 1890."))
    assert "companion-async[documents]" in reading_of(tmp_path).notes[0]
    with pytest.raises(MissingExtraError, match="documents"):
        folder_jobs([tmp_path / "harbour.pdf"])
