"""Memories as text: one JSON object a line, with a digest at the end, to be kept elsewhere and taken in again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from companion_async.errors import StorageError
from companion_async.memory.file import MemoryFile
from companion_async.memory.intake import IDS, MICROSECONDS
from companion_async.memory.long_term import Fact, LongTermMemory, Recollection, named

_FORMAT = "companion-async memories"
_VERSION = 2
_READ = (1, 2)  # the first has no `recalled`
_BATCH = 1_000
_LONGEST = 64 * 2**20  # bytes of a line


_Times = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
_Instant = Annotated[float, msgspec.Meta(ge=0, le=IDS / MICROSECONDS)]


NEVER = (0, 0.0)


class Head(msgspec.Struct, frozen=True, tag_field="line", tag="head", forbid_unknown_fields=True):
    """The first line."""

    format: str
    version: int


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="event", forbid_unknown_fields=True):
    """A memory. ``links`` are ids and bonds; ``recalled`` how often it was, and when last."""

    id: int
    content: str
    type: str
    importance: float
    valence: float
    location: str | None
    participants: tuple[str, ...]
    context: dict[str, Any]
    links: tuple[tuple[int, float], ...] = ()
    recalled: tuple[_Times, _Instant] = NEVER


class Tail(msgspec.Struct, frozen=True, tag_field="line", tag="tail", forbid_unknown_fields=True):
    """The last line: how many there were, and the BLAKE2b digest of all lines before, under the file's key."""

    events: int
    digest: str


_SAID = tuple(name for name in Event.__struct_fields__ if name not in ("id", "links", "recalled"))
_LINE = msgspec.json.Decoder(Head | Event | Tail)


def export_memories(memory: LongTermMemory, path: str | Path) -> int:
    """Write all memories and what they are associated with, the oldest first. How many.

    An existing file is replaced at the end, whole; an export that fails leaves it as it was. What is remembered
    meanwhile may or may not be among them.
    """
    target = Path(path)
    unfinished = target.with_name(f"{target.name}.unfinished")
    digest, count, last = memory.file.hasher(), 0, 0
    try:
        with unfinished.open("wb") as file:

            def write(line: Head | Event | Tail) -> None:
                text = msgspec.json.encode(line) + b"\n"
                digest.update(text)
                file.write(text)

            write(Head(_FORMAT, _VERSION))
            while batch := memory.all(last, _BATCH):
                links = memory.links(each.event_id for each in batch)
                recalled = _recalled(memory, batch)
                for each in batch:
                    number = each.event_id
                    said = {name: getattr(each, name) for name in _SAID}
                    write(Event(id=number, links=tuple(links[number]), recalled=recalled.get(number, NEVER), **said))
                count, last = count + len(batch), batch[-1].event_id
            write(Tail(count, digest.hexdigest()))
        unfinished.replace(target)
    except OSError as error:
        raise StorageError(f"{target} could not be written: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def import_memories(memory: LongTermMemory, path: str | Path) -> int:
    """Take in what `export_memories` wrote, with the same key: all of it, or nothing. How many memories.

    The whole file is checked before anything is taken in: one that was cut, changed, or written under another key is
    refused with `StorageError`. A moment that is taken already goes on counting; links follow, and so does the
    ``evidence`` in a context, as far as it is older than what it is evidence of.
    """
    source = Path(path)
    _check(source, memory.file)
    numbers: dict[int, int] = {}
    bonds: list[tuple[int, int, float]] = []
    with memory.file.transaction():
        for batch in _batches(line for line in _lines(source) if isinstance(line, Event)):
            new = memory.remember_all(_fact(each, numbers) for each in batch)
            _recall(memory, batch, new)
            numbers |= {each.id: number for each, number in zip(batch, new, strict=True)}
            bonds += [(each.id, other, bond) for each in batch for other, bond in each.links if each.id < other]
        for one, other, bond in bonds:
            if one in numbers and other in numbers:
                memory.associate(numbers[one], numbers[other], bond)
    return len(numbers)


def _recalled(memory: LongTermMemory, batch: Sequence[Recollection]) -> dict[int, tuple[int, float]]:
    sql = "SELECT event, times, last FROM recollection WHERE event BETWEEN ? AND ?"
    rows = memory.file.rows(sql, (batch[0].event_id, batch[-1].event_id))
    return {number: (times, last) for number, times, last in rows}


def _recall(memory: LongTermMemory, batch: Sequence[Event], numbers: Sequence[int]) -> None:
    rows = [(number, *each.recalled) for each, number in zip(batch, numbers, strict=True) if each.recalled[0]]
    memory.file.change_many("INSERT OR REPLACE INTO recollection VALUES(?, ?, ?)", rows)


def _batches(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Some at a time; what names evidence begins a batch, so that the numbers of what came before are known."""
    batch: list[Event] = []
    for event in events:
        if len(batch) >= _BATCH or (batch and named(event.context)):
            yield batch
            batch = []
        batch.append(event)
    if batch:
        yield batch


def _fact(event: Event, numbers: Mapping[int, int]) -> Fact:
    context = event.context
    if named(context):
        context = {**context, "evidence": [numbers.get(each, each) for each in context["evidence"]]}
    return Fact(
        content=event.content,
        type=event.type,
        importance=event.importance,
        valence=event.valence,
        location=event.location,
        participants=event.participants,
        context=context,
        at=event.id / 1_000_000,
    )


def _check(source: Path, file: MemoryFile) -> None:
    """Read it once, to know that it is whole."""
    digest, events = file.hasher(), 0
    line: Head | Event | Tail | None = None
    for number, (text, line) in enumerate(_texts(source)):
        if isinstance(line, Tail):
            break
        if (number == 0) != isinstance(line, Head) or (isinstance(line, Head) and not _is_known(line)):
            raise StorageError(f"{source} is no export of memories that this version reads.")
        events += isinstance(line, Event)
        digest.update(text)
    if not isinstance(line, Tail) or (line.events, line.digest) != (events, digest.hexdigest()):
        raise StorageError(f"{source} was cut short, changed, or written under another key: nothing of it is taken in.")


def _is_known(head: Head) -> bool:
    return head.format == _FORMAT and head.version in _READ


def _lines(source: Path) -> Iterator[Head | Event | Tail]:
    return (line for _, line in _texts(source))


def _texts(source: Path) -> Iterator[tuple[bytes, Head | Event | Tail]]:
    try:
        with source.open("rb") as file:
            while text := file.readline(_LONGEST):
                if len(text) == _LONGEST:
                    raise StorageError(f"{source} is no export of memories: a line is longer than {_LONGEST:,} bytes.")
                yield text, _LINE.decode(text)
    except OSError as error:
        raise StorageError(f"{source} could not be read: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise StorageError(f"{source} is no export of memories: {error}") from error
