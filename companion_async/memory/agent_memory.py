"""`AgentMemory`: the four memories of an agent and the one that lasts, on one file."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.errors import StorageError
from companion_async.locks.mode import ResourceType
from companion_async.memory.circular import CircularBuffer
from companion_async.memory.consolidation import FULL, WORTH_KEEPING, clear
from companion_async.memory.episodic import Episode, EpisodicMemory, MemoryEvent
from companion_async.memory.file import MEMORIES, MemoryFile
from companion_async.memory.long_term import Fact, LongTermMemory
from companion_async.memory.semantic import SemanticMemory
from companion_async.memory.settings import UNFILED, USUAL, MemorySettings
from companion_async.memory.temporal import Moment, TemporalMemory

_MOST_MOMENTS = 500
_BOND = 0.5


class Resources(Protocol):
    """What of a `ResourceCoordinator` is needed here."""

    def register_resource(self, resource_id: str, resource: Any, resource_type: ResourceType) -> object: ...


class Consolidated(msgspec.Struct, frozen=True):
    """What one consolidation did: things ``moved`` from working to temporal memory; things ``archived``, that became
    lasting, and ``merged``, that left for there and were there already; things ``forgotten`` before they lasted, and
    ``faded``, lasting ones that were forgotten; concepts that took root.
    """

    moved: int
    archived: int
    merged: int
    forgotten: int
    faded: int
    rooted: int


class AgentMemory:
    """``working``, ``temporal``, ``episodic`` and ``semantic`` memory, and ``long_term``, on one file (without a
    ``path``: none). Any thread; `consolidate`, `save` and `close` write the file and belong into modules' work.

    `consolidate` moves what matters from the bounded memories to the lasting one and has that forget by the
    ``settings``, with a file `USUAL` and without one `UNFILED`; call it every minute or so (``brain.every``). `save`
    keeps the bounded ones for the next run: what came after it is not there again.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        key: bytes | None = None,
        settings: MemorySettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock if clock is not None else SystemClock()
        self._lock = threading.Lock()
        # What has left the bounded memories and is not in the file yet: a write that fails is made good by the next.
        self._leaving: list[list[Fact]] = []
        self.file = MemoryFile(path, key=key, use=MEMORIES)
        self.working = CircularBuffer(clock=clock)
        self.temporal = TemporalMemory(clock=clock)
        self.episodic = EpisodicMemory(clock=clock, on_evicted=self._evicted)
        self.semantic = SemanticMemory(clock=clock)
        if settings is None:
            settings = UNFILED if path is None else USUAL
        self.long_term = LongTermMemory(self.file, settings=settings, clock=clock)
        try:
            for name, part in self._parts().items():
                data = self.file.kept(name)
                if data is not None:
                    part.restore(_decoded(data))
        except BaseException:
            self.file.close()
            raise

    def register(self, resources: Resources) -> None:
        """Register the four under their documented names, so that modules share them under locks."""
        for name, part in self._parts().items():
            resources.register_resource(name, part, ResourceType(name))

    def observe(
        self,
        content: str,
        importance: float = 0.5,
        *,
        event_type: str = "observation",
        participants: Collection[str] = (),
        location: str | None = None,
        valence: float = 0.0,
        context: Mapping[str, Any] | None = None,
    ) -> MemoryEvent:
        """Take something in: it is at hand, part of an episode, and those who took part come to mind."""
        event = self.episodic.add_event(
            content,
            importance,
            event_type=event_type,
            participants=participants,
            location=location,
            valence=valence,
            context=context,
        )
        self.working.add(content, event_type, importance, context, timestamp=event.timestamp)
        for name in sorted(event.participants):
            if name not in self.semantic:
                self.semantic.add_concept(name, "person")
            self.semantic.activate(name, event.importance)
        return event

    def consolidate(self) -> Consolidated:
        """Move on what matters and let go of what does not, in one transaction of the file; then, in short ones, forget
        some of what is not to be kept, and tidy its index.
        """
        with self._lock:
            cleared = clear(self.working.get_recent(), self.working.max_size)
            for item in cleared.moving:
                self.temporal.add(item.content, item.type, item.importance, item.context, timestamp=item.timestamp)
            self.working.take([*cleared.moving, *cleared.fading])
            half = datetime.fromtimestamp(self._clock.time()) - timedelta(hours=self.temporal.retention_hours / 2)
            moments = self.temporal.release(half, _MOST_MOMENTS)
            lasting = [moment for moment in moments if moment.importance >= WORTH_KEEPING]
            self._leaving += [[fact] for fact in self._told_in_full(lasting)]
            for episode in self.episodic.release(int(FULL * self.episodic.max_episodes) or 1):
                self._evicted(episode)
            left = len(self._leaving)
            archived = self._write(left)
            merged = sum(map(len, self._leaving[:left])) - archived
            del self._leaving[:left]
            rooted = self.semantic.consolidate()
        faded = self.long_term.fade()
        self.long_term.tidy()
        forgotten = len(cleared.fading) + len(moments) - len(lasting)
        return Consolidated(len(cleared.moving), archived, merged, forgotten, faded, rooted)

    def save(self) -> None:
        """Keep the four bounded memories in the file, all or none."""
        with self._lock:
            left = len(self._leaving)
            with self.file.transaction():
                self._write(left)
                for name, part in self._parts().items():
                    self.file.keep(name, msgspec.json.encode(part.to_dict()))
            del self._leaving[:left]

    def close(self) -> None:
        """`save` and let go of the file, which is done even where it cannot be written."""
        try:
            self.save()
        finally:
            self.file.close()

    def get_summary(self) -> dict[str, Any]:
        """The summary of each memory under its name."""
        parts = {name: part.get_summary() for name, part in self._parts().items()}
        return {**parts, "long_term": self.long_term.get_summary()}

    def _parts(self) -> dict[str, CircularBuffer | TemporalMemory | EpisodicMemory | SemanticMemory]:
        return {
            "circular_buffer": self.working,
            "temporal_memory": self.temporal,
            "episodic_memory": self.episodic,
            "semantic_memory": self.semantic,
        }

    def _told_in_full(self, moments: list[Moment]) -> list[Fact]:
        """What was at hand is part of an episode too, as a rule, and that one knows who took part and where it was."""
        events = {(each.timestamp, each.content): each for each in self.episodic.get_events()} if moments else {}
        return [_fact(events.get((moment.timestamp, moment.content), moment)) for moment in moments]

    def _evicted(self, episode: Episode) -> None:
        self._leaving.append([_fact(event) for event in episode.events])

    def _write(self, left: int) -> int:
        """Make lasting the first so many of what has left, the events of an episode each bringing the next to mind. How
        many are new: what has left working memory is there already when its episode leaves.
        """
        if not left:
            return 0
        new = 0
        with self.file.transaction():
            for facts in self._leaving[:left]:
                known = [self.long_term.find(fact) for fact in facts]
                added = [fact for fact, number in zip(facts, known, strict=True) if number is None]
                fresh = iter(self.long_term.remember_all(added))
                numbers = dict.fromkeys(next(fresh) if number is None else number for number in known)
                for one, other in itertools.pairwise(numbers):
                    self.long_term.associate(one, other, _BOND)
                new += len(added)
        return new


def _fact(memory: Moment | MemoryEvent) -> Fact:
    more: dict[str, Any] = {}
    if isinstance(memory, MemoryEvent):
        more = {"valence": memory.valence, "location": memory.location, "participants": memory.participants}
    return Fact(
        content=memory.content,
        type=memory.type,
        importance=memory.importance,
        context=memory.context,
        at=memory.timestamp.timestamp(),
        **more,
    )


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise StorageError(f"A part of the memory cannot be read: {error}") from error
