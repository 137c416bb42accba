"""Pure: what there is around an agent, read from its state and its map, as values that can be kept and compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from companion_async.errors import InvalidArgumentError

HEARING = 2
"""How many times farther than it sees an agent hears."""
_PERSONS = frozenset({"person", "agent", "persona"})


class Place(msgspec.Struct, frozen=True):
    """A tile: where it is, how far, which area it belongs to (``world:sector:arena``), and what stands on it."""

    x: int
    y: int
    distance: float
    area: str
    thing: str


class Happening(msgspec.Struct, frozen=True):
    """An event on a tile. ``subject`` is who or what it is about, by its own name; ``person`` if it is somebody."""

    subject: str
    person: bool
    text: str
    distance: float


class Scene(msgspec.Struct, frozen=True):
    """Everything the senses get, the nearest first. ``position`` is None where the agent stands on no map; ``heard``
    reaches farther than ``happenings``, which are within sight.
    """

    position: tuple[int, int] | None
    area: str
    radius: int
    places: tuple[Place, ...]
    happenings: tuple[Happening, ...]
    heard: tuple[Happening, ...]
    others: tuple[str, ...]
    interactions: tuple[str, ...]
    now: datetime
    plans: tuple[str, ...]


def look_around(state: Any, radius: int, now: datetime) -> Scene:
    """The scene of an agent whose ``state`` is a dict or an object.

    Read are ``curr_tile`` and ``maze.access_tile((x, y))``, ``name``, ``other_agents``, ``social_interactions``,
    ``conversations``, ``curr_time`` and ``daily_plan``, each where there is one.
    """
    # A map is asked for a hundred tiles and more, most of them empty: what follows is written to be quick about those.
    me = str(part(state, "name") or "")
    position, maze = _position(part(state, "curr_tile")), part(state, "maze")
    places: list[Place] = []
    heard: list[Happening] = []
    seen: list[Happening] = []
    area = ""
    if position is not None and maze is not None:
        x, y = position
        look = getattr(maze, "access_tile", None)
        if not callable(look):
            raise InvalidArgumentError(f"A maze has access_tile((x, y)), which a {type(maze).__name__} lacks.")
        area = _area(_tile(look, x, y))
        for distance, right, down, near in _around(radius):
            left, top = x + right, y + down
            tile = _tile(look, left, top) if left >= 0 and top >= 0 else None
            if tile is None:
                continue
            listed = tile.get("events") if type(tile) is dict else part(tile, "events")
            if listed:
                events = (_happening(event, distance) for event in _listed(listed))
                told = [event for event in events if event.text and event.subject != me]
                heard += told
                if near:
                    seen += told
            if near:
                thing = part(tile, "game_object")
                places.append(Place(left, top, distance, _area(tile), _own_name(str(thing)) if thing else ""))
    named = [str(each) for each in _listed(part(state, "other_agents"))]
    others = [each.subject for each in seen if each.person]
    clock = part(state, "curr_time") or part(state, "current_time")
    return Scene(
        position=position,
        area=area,
        radius=radius,
        places=tuple(places),
        happenings=tuple(seen),
        heard=tuple(heard),
        others=tuple(sorted({_own_name(each) for each in (*named, *others)} - {me, ""})),
        interactions=tuple(
            str(each) for each in (*_listed(part(state, "social_interactions")), *_listed(part(state, "conversations")))
        ),
        now=clock if isinstance(clock, datetime) else now,
        plans=tuple(str(each) for each in _listed(part(state, "daily_plan"))),
    )


def part(holder: Any, name: str) -> Any:
    """A key of a dict, or else an attribute; None where there is none."""
    if type(holder) is dict or isinstance(holder, Mapping):
        return holder.get(name)
    return getattr(holder, name, None)


def _position(value: Any) -> tuple[int, int] | None:
    try:
        x, y = value
        return int(x), int(y)
    except (TypeError, ValueError, OverflowError):
        return None


@lru_cache(maxsize=16)
def _around(radius: int) -> list[tuple[float, int, int, bool]]:
    """The steps to each tile within hearing, the nearest first: how far, to the right, down, and whether in sight."""
    steps = range(-radius * HEARING, radius * HEARING + 1)
    return sorted(
        (math.hypot(right, down), right, down, max(abs(right), abs(down)) <= radius)
        for right in steps
        for down in steps
        if right or down
    )


def _tile(look: Callable[[tuple[int, int]], Any], x: int, y: int) -> Any:
    try:
        return look((x, y))
    except (LookupError, ValueError):  # beyond the edge of the map
        return None


def _area(tile: Any) -> str:
    return _address(part(tile, "world"), part(tile, "sector"), part(tile, "arena"))


@lru_cache(maxsize=4096)
def _address(*names: Any) -> str:
    return ":".join(_own_name(str(name)) for name in names if name)


@lru_cache(maxsize=4096)
def _own_name(address: str) -> str:
    """``"world:sector:sofa"`` is a sofa, ``"ada:person"`` is ada."""
    parts = [each for each in address.split(":") if each]
    if len(parts) > 1 and parts[-1].casefold() in _PERSONS:
        parts.pop()
    return parts[-1] if parts else ""


def _happening(event: Any, distance: float) -> Happening:
    words: list[str]
    if isinstance(event, str):
        words = [event]
    elif isinstance(event, Mapping):
        words = [str(event[key]) for key in ("subject", "predicate", "object", "description") if event.get(key)]
    else:
        words = [str(word) for word in _listed(event) if word not in (None, "")]
    subject = words[0] if len(words) > 1 else ""
    ending = subject.rsplit(":", 1)[-1].casefold()
    text = words[-1] if len(words) > 3 else " ".join(_own_name(word) if ":" in word else word for word in words)
    return Happening(_own_name(subject), bool(subject) and (":" not in subject or ending in _PERSONS), text, distance)


def _listed(value: Any) -> Iterable[Any]:
    if value is None or isinstance(value, (str, bytes)):
        return (value,) if value else ()
    if isinstance(value, Mapping):
        return [f"{key}: {member}" for key, member in value.items()]
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)  # their own order differs from run to run
    return tuple(value) if isinstance(value, Iterable) else (value,)
