"""Pure: what a corpus consists of, and the jobs that read it."""

from __future__ import annotations

from typing import Annotated

import msgspec

EDITION = 3
"""Grows when other documents are made of the same text; what was kept of an earlier edition is read anew."""


def written(path: str) -> str:
    """A path as text that can be kept and shown: what in a name is no UTF-8 is escaped, so that two names stay two."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


class Document(msgspec.Struct, frozen=True):
    """One piece of text that can be found and quoted on its own: a section, a topic, a module, a class, a function.

    ``id`` is unique in its corpus and stable from one reading to the next. ``summary`` is what its text says first of
    all. ``context`` is what stands above it (the headings, or the summaries of its module and class): searched with
    it, never quoted as its text. ``group`` holds together what belongs together, a file or a module, and ``depth`` is
    how far inside it this stands. ``mentions`` are the groups that this one builds on; those that many build on are
    taken to be the better known.
    """

    id: str
    title: str
    location: str
    text: str
    kind: str = "section"
    summary: str = ""
    context: str = ""
    group: str = ""
    depth: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    mentions: tuple[str, ...] = ()


class ReadJob(msgspec.Struct, frozen=True):
    """A share of a corpus that one worker reads in a fraction of a second. Plain data, so it can go anywhere.

    ``source`` says what the paths are: ``"files"`` of any readable kind, ``"library"`` for a part of the standard
    library, where ``extensions`` names compiled modules without a source to read, or ``"topics"`` for what ``help()``
    tells about the language. ``root`` is what locations are told relative to.
    """

    name: str
    source: str
    paths: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    root: str = ""


class Reading(msgspec.Struct, frozen=True):
    """What a job yielded: its documents, and for each file that was left out or cut short, why."""

    documents: tuple[Document, ...] = ()
    notes: tuple[str, ...] = ()
