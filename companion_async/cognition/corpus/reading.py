"""Does the jobs that read a corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from companion_async.cognition.corpus.document import Reading, ReadJob
from companion_async.cognition.corpus.folders import read_files
from companion_async.cognition.corpus.pdf import Pdf, pdf_sections
from companion_async.cognition.corpus.standard_library import read_library, read_topics
from companion_async.errors import InvalidArgumentError

_READERS: dict[str, Callable[[ReadJob], Reading]] = {
    "library": read_library,
    "topics": read_topics,
}


def read(job: ReadJob, read_pdf: Callable[[Path], Pdf] = pdf_sections) -> Reading:
    """What ``job`` yields. Files that cannot be read are told in the notes, and the others are read all the same.
    ``read_pdf`` is how PDF files are read.
    """
    source = getattr(job, "source", "")
    if source == "files":
        return read_files(job, read_pdf)
    reader = _READERS.get(source)
    if reader is None:
        raise InvalidArgumentError(
            f"{job!r:.120} is no job to read: make some with folder_jobs() or standard_library_jobs()."
        )
    return reader(job)
