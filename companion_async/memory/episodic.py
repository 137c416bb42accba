"""`EpisodicMemory`: what an agent has been through: events, and the episodes that they make."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.errors import InvalidArgumentError
from companion_async.memory.intake import back, mood, people, place
from companion_async.memory.plain import Local, Share, of_plain
from companion_async.security import SecurityValidator, check_count

_LONGEST_GAP = timedelta(minutes=30)
_MOST_EVENTS = 100  # of one episode


class MemoryEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened: ``importance`` from 0 to 1, ``valence`` from -1 (bad) to 1, ``timestamp`` naive and
    local.
    """

    event_id: int
    content: str
    type: str
    importance: Share
    participants: frozenset[str]
    location: str | None
    valence: float
    context: dict[str, Any]
    timestamp: Local


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """Events that belong together, the oldest first: never empty."""

    episode_id: int
    events: Annotated[tuple[MemoryEvent, ...], msgspec.Meta(min_length=1)]

    @property
    def start(self) -> datetime:
        """Of the first event."""
        return self.events[0].timestamp

    @property
    def end(self) -> datetime:
        """Of the last event."""
        return self.events[-1].timestamp

    @property
    def importance(self) -> float:
        """Of the most important event."""
        return max(event.importance for event in self.events)

    @property
    def participants(self) -> frozenset[str]:
        """Everybody who took part."""
        return frozenset().union(*(event.participants for event in self.events))

    @property
    def locations(self) -> tuple[str, ...]:
        """Where it was, in order."""
        return tuple(dict.fromkeys(event.location for event in self.events if event.location is not None))

    @property
    def narrative(self) -> str:
        """What happened, one event after the other."""
        return "; ".join(event.content for event in self.events)


class _Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    episodes: list[Episode]


class EpisodicMemory:
    """At most ``max_episodes`` of at most 100 events each; one more, and the least important goes, of equal ones the
    oldest: ``on_evicted`` is told of it, in the thread that remembered one more. Any thread.

    An event joins the latest episode if it comes within 30 minutes of it and they cohere by at least
    ``coherence_threshold``: the mean of how near they are in time, of the share of participants that they have in
    common, and of whether place and type are the same, as far as these are known of both.
    """

    def __init__(
        self,
        max_episodes: int = 100,
        coherence_threshold: float = 0.6,
        *,
        clock: Clock | None = None,
        on_evicted: Callable[[Episode], object] | None = None,
    ) -> None:
        self.max_episodes = check_count(max_episodes, "max_episodes")
        given: Any = coherence_threshold
        if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= 1:
            raise InvalidArgumentError(f"coherence_threshold must be a number from 0 to 1; {given!r:.80} is not.")
        self.coherence_threshold = float(given)
        self._clock = clock if clock is not None else SystemClock()
        self._on_evicted = on_evicted
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._episodes: dict[int, Episode] = {}
        self._latest: Episode | None = None

    def __len__(self) -> int:
        return len(self._episodes)

    def add_event(
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
        """Remember something as of now."""
        text, kind, weight, known = SecurityValidator.sanitize_memory_data(content, event_type, importance, context)
        who, where, feeling = people(participants), place(location), mood(valence)
        with self._lock:
            event = MemoryEvent(
                event_id=next(self._numbers),
                content=text,
                type=kind,
                importance=weight,
                participants=who,
                location=where,
                valence=feeling,
                context=known,
                timestamp=datetime.fromtimestamp(self._clock.time()),
            )
            latest = self._latest
            if latest is not None and self._belongs(event, latest):
                episode = Episode(episode_id=latest.episode_id, events=(*latest.events, event))
            else:
                episode = Episode(episode_id=event.event_id, events=(event,))
            self._latest = self._episodes[episode.episode_id] = episode
            evicted = self._evict(self.max_episodes)
        if self._on_evicted is not None:
            for each in evicted:
                self._on_evicted(each)
        return event

    def release(self, keep: int) -> list[Episode]:
        """Let go of all but the ``keep`` most important, the latest always among the kept. Those that went."""
        with self._lock:
            return self._evict(check_count(keep, "keep"))

    def get_recent_episodes(self, hours_back: float = 24) -> list[Episode]:
        """Those that ended within the last hours, the newest first."""
        since = back(self._clock.time(), hours_back * 3600)
        return [episode for episode in self._newest() if episode.end >= since]

    def get_episodes_by_participant(self, name: str) -> list[Episode]:
        """Those that somebody took part in, the newest first."""
        return [episode for episode in self._newest() if name in episode.participants]

    def get_episodes_by_type(self, event_type: str) -> list[Episode]:
        """Those with an event of that type, the newest first."""
        return [episode for episode in self._newest() if any(event.type == event_type for event in episode.events)]

    def get_important_episodes(self, count: int = 10) -> list[Episode]:
        """The most important ones, the most important first."""
        return sorted(self._newest(), key=lambda episode: -episode.importance)[: check_count(count, "count")]

    @property
    def latest(self) -> Episode | None:
        """The episode that the last event made or joined: another object with each event. None before the first."""
        return self._latest

    def get_events(self) -> list[MemoryEvent]:
        """All events of all episodes, those of the newest episode first."""
        return [event for episode in self._newest() for event in episode.events]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types, for `restore`; sets in a context become lists."""
        return {"episodes": msgspec.to_builtins(self._newest()[::-1])}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Hold what `to_dict` gave, in the place of what is held now. Other data is refused (`StorageError`)."""
        episodes = of_plain(data, _Saved).episodes
        with self._lock:
            self._episodes = {episode.episode_id: episode for episode in episodes}
            self._latest = episodes[-1] if episodes else None
            numbers = (event.event_id for episode in episodes for event in episode.events)
            self._numbers = itertools.count(max(numbers, default=0) + 1)

    def get_summary(self) -> dict[str, Any]:
        """``episodes max_episodes events average_importance``."""
        episodes = self._newest()
        return {
            "episodes": len(episodes),
            "max_episodes": self.max_episodes,
            "events": sum(len(episode.events) for episode in episodes),
            "average_importance": sum(each.importance for each in episodes) / len(episodes) if episodes else 0.0,
        }

    def _newest(self) -> list[Episode]:
        with self._lock:
            return sorted(self._episodes.values(), key=lambda episode: (episode.end, episode.episode_id), reverse=True)

    def _evict(self, most: int) -> list[Episode]:
        over = len(self._episodes) - most
        if over <= 0:
            return []
        others = (each for each in self._episodes.values() if each is not self._latest)
        evicted = heapq.nsmallest(over, others, key=lambda each: (each.importance, each.end))
        for each in evicted:
            del self._episodes[each.episode_id]
        return evicted

    def _belongs(self, event: MemoryEvent, episode: Episode) -> bool:
        gap = abs(event.timestamp - episode.end)  # a clock may go back
        if gap > _LONGEST_GAP or len(episode.events) >= _MOST_EVENTS:
            return False
        last = episode.events[-1]
        parts = [1.0 - gap / _LONGEST_GAP, float(event.type == last.type)]
        if event.participants and episode.participants:
            both = event.participants | episode.participants
            parts.append(len(event.participants & episode.participants) / len(both))
        if event.location is not None and last.location is not None:
            parts.append(float(event.location == last.location))
        return sum(parts) / len(parts) >= self.coherence_threshold
