"""Pure: six senses. Each takes what concerns it out of the scene, and makes data and a confidence of it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from companion_async.cognition.perception.records import SensorType
from companion_async.cognition.perception.scene import Happening, Place, Scene

Perceived = tuple[dict[str, Any], float]

_NEAREST = 5
_MOST_EVENTS = 10
_REACH = 2.0
_PERIODS = ((6, "night"), (12, "morning"), (18, "afternoon"), (22, "evening"), (24, "night"))
_STEMS = {
    "social": ("talk", "chat", "convers", "greet", "meet", "say", "speak", "discuss", "argu", "laugh"),
    "movement": ("walk", "run", "mov", "go", "com", "travel", "enter", "leav", "arriv"),
    "consumption": ("eat", "drink", "cook", "breakfast", "lunch", "dinner", "coffee", "tea", "food"),
}
_SOUNDS = (*_STEMS["social"], "sing", "music", "play", "shout", "call", "ring", "knock", "cry", "bark", "crash")
_ENDINGS = frozenset(("", "e", "s", "es", "d", "ed", "ing", "ning", "ting", "ation", "ment"))
_WORD = re.compile(r"[a-z]+")


class Sense(msgspec.Struct, frozen=True):
    """``take`` gives what concerns it, None where there is nothing; equal takings make equal perceptions."""

    type: SensorType
    take: Callable[[Scene], Hashable]
    perceive: Callable[[Any], Perceived]


def _see(taken: tuple[Any, ...]) -> Perceived:
    position, area, radius, places = taken
    nearest: dict[str, Place] = {}
    for place in places:
        if place.thing:
            nearest.setdefault(place.thing, place)
    objects = [
        {"name": name, "position": (place.x, place.y), "distance": place.distance} for name, place in nearest.items()
    ]
    return {
        "current_location": {"position": position, "area": area},
        "visible_objects": objects[:_NEAREST],
        "scene_layout": dict(Counter(place.area for place in places if place.area)),
        "field_of_view": {"radius": radius, "tiles": len(places)},
    }, len(objects) / 3


def _hear(heard: tuple[Happening, ...]) -> Perceived:
    sounds = [
        {"source": each.subject, "description": each.text, "distance": each.distance, "loudness": _loudness(each)}
        for each in heard
    ]
    return {
        "sounds": sounds,
        "speech": [each.text for each in heard if kind_of(each.text) == "social"],
        "loudest": max(sounds, key=lambda sound: float(sound["loudness"])),  # type: ignore[arg-type]
        "noise_level": min(1.0, sum(map(_loudness, heard))),
    }, len(sounds) / 3


def _be_among(taken: tuple[Any, ...]) -> Perceived:
    others, interactions, near, tiles = taken
    return {
        "present_agents": list(others),
        "interaction_opportunities": [name for name in others if name in near],
        "social_density": len(others) / max(1, tiles),
        "active_interactions": list(interactions),
    }, (len(others) + len(interactions)) / 4


def _notice(happenings: tuple[Happening, ...]) -> Perceived:
    kinds = Counter(kind_of(each.text) for each in happenings)
    return {
        "significant_events": [
            {"subject": each.subject, "description": each.text, "distance": each.distance}
            for each in happenings[:_MOST_EVENTS]
        ],
        "event_categories": dict(kinds),
        "activity_level": min(1.0, len(happenings) / _MOST_EVENTS),
        "most_common_activity": kinds.most_common(1)[0][0],
    }, len(happenings) / 5


def _find_way(taken: tuple[Any, ...]) -> Perceived:
    (x, y), places = taken
    notable = [place for place in places if place.thing]
    return {
        "current_position": (x, y),
        "accessible_areas": list(dict.fromkeys(place.area for place in places if place.area)),
        "notable_locations": [{"name": place.thing, "position": (place.x, place.y)} for place in notable[:_NEAREST]],
        "spatial_relationships": {
            place.thing: {"direction": direction(place.x - x, place.y - y), "distance": place.distance}
            for place in reversed(notable[:_NEAREST])
        },
    }, len(places) / 8


def _tell_time(taken: tuple[datetime, tuple[str, ...]]) -> Perceived:
    now, plans = taken
    return {
        "current_timestamp": now.isoformat(),
        "time_of_day": f"{now:%H:%M}",
        "hour": now.hour,
        "time_period": next(period for until, period in _PERIODS if now.hour < until),
        "temporal_patterns": {"weekday": f"{now:%A}", "weekend": now.weekday() >= 5, "planned": list(plans)},
    }, 0.8


@lru_cache(maxsize=4096)
def kind_of(text: str) -> str:
    """``social movement consumption general``: by the first word that says so."""
    for word in _WORD.findall(text.casefold()):
        for kind, stems in _STEMS.items():
            if _is_of(word, stems):
                return kind
    return "general"


def direction(right: int, down: int) -> str:
    """The larger way counts; down the map is south."""
    if abs(right) > abs(down):
        return "east" if right > 0 else "west"
    return "south" if down > 0 else "north"


def _loudness(sound: Happening) -> float:
    return 1.0 / (1.0 + sound.distance)


@lru_cache(maxsize=4096)
def _is_sound(text: str) -> bool:
    return any(_is_of(word, _SOUNDS) for word in _WORD.findall(text.casefold()))


def _is_of(word: str, stems: tuple[str, ...]) -> bool:
    return any(word.startswith(stem) and word[len(stem) :] in _ENDINGS for stem in stems)


def _visible(scene: Scene) -> Hashable:
    return (scene.position, scene.area, scene.radius, scene.places) if scene.places else None


def _audible(scene: Scene) -> Hashable:
    return tuple(each for each in scene.heard if _is_sound(each.text)) or None


def _social(scene: Scene) -> Hashable:
    near = tuple(each.subject for each in scene.happenings if each.person and each.distance <= _REACH)
    return (scene.others, scene.interactions, near, len(scene.places)) if scene.others or scene.interactions else None


def _spatial(scene: Scene) -> Hashable:
    return (scene.position, scene.places) if scene.places else None


SENSES = (
    Sense(SensorType.VISUAL, _visible, _see),
    Sense(SensorType.SOCIAL, _social, _be_among),
    Sense(SensorType.ENVIRONMENTAL, lambda scene: scene.happenings or None, _notice),
    Sense(SensorType.AUDITORY, _audible, _hear),
    # By the minute: a perception of this very instant could never be met again.
    Sense(SensorType.TEMPORAL, lambda scene: (scene.now.replace(second=0, microsecond=0), scene.plans), _tell_time),
    Sense(SensorType.SPATIAL, _spatial, _find_way),
)
"""All six, in the order in which they are asked."""


def perceive(sense: Sense, taken: Hashable) -> Perceived:
    """What the sense makes of what it took, with a confidence from 0 to 1."""
    data, confidence = sense.perceive(taken)
    return data, min(1.0, max(0.0, confidence if math.isfinite(confidence) else 0.0))
