"""The built-in module ``perception``."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from companion_async.cognition.mind import Mind, MindModule
from companion_async.cognition.perception.attention import attend, attention
from companion_async.cognition.perception.recall import Recall
from companion_async.cognition.perception.records import PerceptionResult, SensorType
from companion_async.cognition.perception.scene import look_around, part
from companion_async.cognition.perception.senses import SENSES, Perceived, Sense, perceive
from companion_async.security import check_count
from companion_async.state.value import thaw

MODULE = "perception"
"""The name it is registered under."""

_CACHE_SIZE, _CACHE_SPAN = 100, 300.0
_MOST_EVENTS = 5


class _Look(msgspec.Struct, frozen=True):
    """What the last look was at and found: ``minute`` is that of its moment, ``told`` what it left in the state."""

    version: Any
    minute: datetime
    told: object
    attended: list[PerceptionResult]


class Perception(MindModule):
    """Asks the agent's six senses about its surroundings and attends to what is worth most. Uses no model.

    What they look at is the mind's ``surroundings``: an object or mapping as `look_around` reads it, or a function that
    gives one. What is attended to stands in the agent's state as ``perceived`` (others, events, place, period), and
    what is new of it in its memory. The senses take microseconds each, so they are asked one after the other in one
    thread; one that fails costs its own perception and no other.

    Surroundings with a ``scene_version`` are looked at only if that is another than at the last look, or the minute is:
    whoever gives one changes it with everything that the agent could see or hear.
    """

    def __init__(self, mind: Mind | None = None, *, bandwidth: int = 5, radius: int = 3) -> None:
        super().__init__(mind)
        self._bandwidth = check_count(bandwidth, "bandwidth")
        self._radius = check_count(radius, "radius", maximum=100)
        self._lock = threading.Lock()
        self._recall: Recall[Perceived] = Recall(_CACHE_SIZE, _CACHE_SPAN)
        self._looks = 0
        self._last: _Look | None = None

    def run(self) -> list[PerceptionResult]:
        """What is perceived now, the most worth first."""
        surroundings = self.mind.surroundings
        return self.perceive(surroundings() if callable(surroundings) else surroundings)

    def perceive(self, surroundings: Any) -> list[PerceptionResult]:
        """The same of other surroundings."""
        if isinstance(surroundings, Mapping):
            surroundings = {"name": self.mind.name, **surroundings}
        now = datetime.fromtimestamp(self.mind.clock.time())
        minute, version = now.replace(second=0, microsecond=0), part(surroundings, "scene_version")
        with self._lock:
            self._looks += 1
            look, last = self._looks, self._last
        if (
            version is not None
            and last is not None
            and (version, minute) == (last.version, last.minute)
            and last.told is self._told()
        ):
            attended = [_once_more(result, look, now) for result in last.attended]
        else:
            attended = self._look(surroundings, look, now)
            with self._lock:
                self._last = _Look(version, minute, self._told(), attended)
        # What is kept is nobody's to change.
        return [msgspec.structs.replace(each, processed_data=thaw(each.processed_data)) for each in attended]

    def _look(self, surroundings: Any, look: int, now: datetime) -> list[PerceptionResult]:
        scene = look_around(surroundings, self._radius, now)
        found: list[PerceptionResult] = []
        for sense in SENSES:
            try:
                result = self._ask(sense, sense.take(scene), look, now)
            except Exception as error:
                self.logger.warning("The {} sense failed: {}.", sense.type, type(error).__name__)
                continue
            if result is not None:
                found.append(result)
        attended = attend(found, self._bandwidth)
        # A memory's place is a text as it stands in events, and none where nothing is known of it.
        self._tell(attended, scene.area or None)
        return attended

    def _ask(self, sense: Sense, taken: Any, look: int, now: datetime) -> PerceptionResult | None:
        if taken is None:
            return None
        began = self.mind.clock.monotonic()
        with self._lock:
            kept = self._recall.get((sense.type, taken), began)
        data, confidence = kept if kept is not None else perceive(sense, taken)
        if kept is None:
            with self._lock:
                self._recall.put((sense.type, taken), (data, confidence), began)
        return PerceptionResult(
            task_id=f"{sense.type}-{look}",
            sensor_type=sense.type,
            processed_data=data,
            confidence=confidence,
            processing_time=self.mind.clock.monotonic() - began,
            metadata={"attention": attention(sense.type, confidence), "cached": kept is not None},
            timestamp=now,
        )

    def _told(self) -> object:
        return self.brain.state.stamps(self.mind.root, "perceived")[0]

    def _tell(self, attended: list[PerceptionResult], place: str | None) -> None:
        data = {result.sensor_type: result.processed_data for result in attended}
        others = sorted(data.get(SensorType.SOCIAL, {}).get("present_agents", ()))
        events = data.get(SensorType.ENVIRONMENTAL, {}).get("significant_events", ())[:_MOST_EVENTS]
        perceived = {
            "others": others,
            "events": [event["description"] for event in events],
            "things": [thing["name"] for thing in data.get(SensorType.VISUAL, {}).get("visible_objects", ())],
            "place": place or "",
            "period": data.get(SensorType.TEMPORAL, {}).get("time_period", ""),
        }
        before = self._get("perceived", {})
        if perceived == before:
            return
        self._set("perceived", perceived)
        memory, known = self.mind.memory, before.get("others", ())
        for name in others:
            if name not in known:
                memory.observe(f"{name} is here", 0.4, event_type="meeting", participants={name}, location=place)
        for event in events:
            if event["description"] not in before.get("events", ()):
                who = {event["subject"]} - {""}
                memory.observe(event["description"], 0.5, event_type="event", participants=who, location=place)


def _once_more(result: PerceptionResult, look: int, now: datetime) -> PerceptionResult:
    return msgspec.structs.replace(
        result,
        task_id=f"{result.sensor_type}-{look}",
        processing_time=0.0,
        metadata={**result.metadata, "cached": True},
        timestamp=now,
    )
