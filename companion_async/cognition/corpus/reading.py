"""Does the jobs that read a corpus."""

from __future__ import annotations

from collections.abc import Callable

from companion_async.cognition.corpus.document import Reading, ReadJob
from companion_async.cognition.corpus.folders import read_files
from companion_async.cognition.corpus.standard_library import read_library, read_topics
from companion_async.errors import InvalidArgumentError

_READERS: dict[str, Callable[[ReadJob], Reading]] = {
    "files": read_files,
    "library": read_library,
    "topics": read_topics,
}


def read(job: ReadJob) -> Reading:
    """What ``job`` yields. Files that cannot be read are told in the notes, and the others are read all the same."""
    reader = _READERS.get(getattr(job, "source", ""))
    if reader is None:
        raise InvalidArgumentError(
            f"{job!r:.120} is no job to read: make some with folder_jobs() or standard_library_jobs()."
        )
    return reader(job)
