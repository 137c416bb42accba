"""Which files are as they were when they were read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from companion_async.cognition.corpus.document import EDITION, ReadJob, written


class Pending(msgspec.Struct, frozen=True):
    """What is left to read: the jobs without the files that are as they were, how many those are, and those gone."""

    jobs: tuple[ReadJob, ...]
    unchanged: int
    gone: tuple[str, ...]


def stamp(path: str) -> str:
    """The state of a file by its size and time of change; empty where it cannot be told.

    To be taken before the file is read: what changes meanwhile is then read once more, and never missed.
    """
    try:
        found = Path(path).stat()
    except OSError:
        return ""
    return f"{EDITION} {found.st_size} {found.st_mtime_ns}"


def stamps_of(job: ReadJob) -> dict[str, str]:
    """The stamps of a job's files, under the groups that their documents have."""
    return {_group(path): stamp(path) for path in job.paths} if job.source == "files" else {}


def pending(jobs: Iterable[ReadJob], known: Mapping[str, str]) -> Pending:
    """What of ``jobs`` is to be read, when files with the stamps ``known`` were.

    Gone are those known files below a folder of the jobs that are not in them any more.
    """
    left: list[ReadJob] = []
    listed: set[str] = set()
    roots: set[Path] = set()
    unchanged = 0
    for job in jobs:
        now = stamps_of(job)
        listed.update(now)
        if job.source == "files":
            roots.add(Path(written(job.root)))
        changed = tuple(path for path in job.paths if not now or known.get(_group(path)) != now[_group(path)])
        unchanged += len(job.paths) - len(changed)
        if changed or not job.paths:
            left.append(msgspec.structs.replace(job, paths=changed))
    gone = tuple(group for group in known if group not in listed and any(is_below(Path(group), root) for root in roots))
    return Pending(tuple(left), unchanged, gone)


def _group(path: str) -> str:
    return written(Path(path).as_posix())


def is_below(path: Path, root: Path) -> bool:
    """Whether a file is ``root`` or below it, both as they were given."""
    return path.is_relative_to(root) and ".." not in path.parts[len(root.parts) :]
