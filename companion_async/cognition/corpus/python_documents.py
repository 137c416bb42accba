"""Pure: documents out of the entries of Python modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from companion_async.cognition.corpus.document import Document
from companion_async.cognition.corpus.python_source import Entry

_LISTED = 60


def python_documents(
    module: str,
    entries: Iterable[Entry],
    *,
    group: str,
    mentions: tuple[str, ...] = (),
    subjects: Callable[[str], str] = lambda name: "",
) -> Iterator[Document]:
    """One document per entry of ``module``; each knows the summaries of the module and class it stands in.

    A module or class is followed by the names it holds, so that it is found by them as well. The first document
    carries the ``mentions``. ``subjects`` tells of a name what it is for.
    """
    listed = list(entries)
    summaries = {entry.path: entry.summary for entry in listed}
    members: dict[tuple[str, ...], list[str]] = {}
    for entry in listed:
        if entry.path:
            members.setdefault(entry.path[:-1], []).append(entry.path[-1])
    for entry in listed:
        # Built-in names are written without their module.
        title = ".".join(entry.path if module == "builtins" and entry.path else (module, *entry.path))
        above = [summaries.get(entry.path[:depth], "") for depth in range(len(entry.path))]
        inside = members.get(entry.path, [])
        names = ", ".join(inside[:_LISTED]) + (", ..." if len(inside) > _LISTED else "")
        contents = f"{'Methods' if entry.kind == 'class' else 'Contents'}: {names}" if inside else ""
        head = f"{title}{entry.signature}" if entry.kind != "module" else ""
        text = "\n\n".join(part for part in (head, entry.doc, contents) if part)
        if entry.kind == "module" and not text:
            continue
        id_ = ".".join((module, *entry.path))
        yield Document(
            id=id_,
            title=title,
            location=entry.location,
            text=text,
            kind=entry.kind,
            summary=entry.summary,
            group=group,
            depth=module.count(".") + len(entry.path),
            mentions=mentions,
            context="\n".join(part for part in (*above, subjects(id_)) if part),
        )
        mentions = ()
