"""A village: agents on a map with wells and bushes, who get thirsty, hungry and restless, see each other and meet."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from companion_async.cognition.advanced_reasoning.planning import Action
from companion_async.cognition.perception.scene import HEARING

Tile = tuple[int, int]

ROOM = 80
"""Tiles for each agent."""

RADIUS = 3
"""How far an agent sees, in tiles."""

_PLACES = {"well": "thirst", "bush": "hunger", "bench": "boredom"}
_SHARED_BY = 8  # agents, each kind of place
_KNOWN = 2  # places of each kind, the nearest to its home
_MOST_FRUIT = 4
_RISE = {"thirst": 0.0012, "hunger": 0.0006, "boredom": 0.001}  # of a need in a second, in the mean
_GROWTH = 0.02  # fruit a second, of a bush
_WORDS = {"well": "drinking", "bush": "eating", "bench": "sitting about"}


class Village:
    """Everything in it is by the seed, as far as one thread at a time acts in it; any may.

    A need rises from 0 to 1; a bush has fruit that is eaten up and grows again. ``version(name)`` is another number as
    soon as anything is another that this agent could see or hear, so that it need not look to know that nothing is.
    """

    def __init__(self, names: Sequence[str], seed: int) -> None:
        self.chance = random.Random(seed)
        self._own = {name: random.Random(f"{seed} {name}") for name in names}  # so that none's luck is another's
        self.side = max(8, round((ROOM * len(names)) ** 0.5))
        tiles = [(x, y) for x in range(self.side) for y in range(self.side)]
        count = max(_KNOWN, len(names) // _SHARED_BY)
        spots = self.chance.sample(tiles, count * len(_PLACES))
        self.places = {f"{kind} {n}": spots.pop() for kind in _PLACES for n in range(count)}
        self.fruit = {place: float(_MOST_FRUIT) for place in self.places if place.startswith("bush")}
        self.at: dict[str, Tile] = {name: self.chance.choice(tiles) for name in names}
        self.doing = dict.fromkeys(names, "standing about")
        self.needs = {name: {need: self.chance.random() * 0.7 for need in _RISE} for name in names}
        self._thing = {tile: place for place, tile in self.places.items()}
        self._here: dict[Tile, dict[str, None]] = defaultdict(dict)
        self._versions = dict.fromkeys(names, 0)
        for name, tile in self.at.items():
            self._here[tile][name] = None
        self._acting = threading.Lock()
        self._empty: dict[str, Any] = {"world": "village", "game_object": "", "events": ()}

    def access_tile(self, tile: Tile) -> dict[str, Any]:
        """What perception sees of a tile."""
        if not (0 <= tile[0] < self.side and 0 <= tile[1] < self.side):
            raise IndexError(tile)
        here, thing = self._here.get(tile), self._thing.get(tile, "")
        if not here and not thing:
            return self._empty
        events = [
            (f"{name}:person", "is", self.doing[name], f"{name} is {self.doing[name]}") for name in tuple(here or ())
        ]
        return {"world": "village", "game_object": thing, "events": events}

    def seen_by(self, name: str) -> dict[str, Any]:
        """The surroundings of an agent."""
        return {"name": name, "curr_tile": self.at[name], "maze": self, "scene_version": self._versions[name]}

    def actions(self, name: str) -> tuple[Action, ...]:
        """What an agent can do: walk to the places near its home, the farther the dearer, and use them."""
        home = self.at[name]
        known = [
            sorted((_distance(home, tile), place) for place, tile in self.places.items() if place.startswith(kind))
            for kind in _PLACES
        ]
        near = [pair for kind in known for pair in kind[:_KNOWN]]
        spots = frozenset(f"at {place}" for _, place in near)
        able = []
        for far, place in near:
            at = frozenset({f"at {place}"})
            able.append(Action(f"walk to {place}", adds=at, removes=spots - at, cost=1.0 + far))
            able.append(Action(f"use {place}", needs=at, adds=frozenset({f"no {_PLACES[place.split()[0]]}"})))
        return tuple(able)

    def skills(self, name: str, felt: Callable[[], object]) -> dict[str, Any]:
        """What does these actions; ``felt`` is called when a need was seen to."""
        return {"walk to": partial(self._walk, name), "use": partial(self._use, name, felt)}

    def go_on(self, seconds: float) -> None:
        """So much time passes."""
        for needs in self.needs.values():
            for need, rise in _RISE.items():
                needs[need] = min(1.0, needs[need] + seconds * rise * self.chance.uniform(0.5, 1.5))
        for place, fruit in self.fruit.items():
            self.fruit[place] = min(float(_MOST_FRUIT), fruit + seconds * _GROWTH)

    def strong_needs(self, name: str) -> dict[str, float]:
        """In steps of a tenth: nobody feels the hundredths."""
        return {need: round(strength, 1) for need, strength in self.needs[name].items()}

    def _walk(self, name: str, place: str) -> list[str]:
        """To the place or next to it."""
        x, y = self.places[place]
        there = min(self.side - 1, max(0, x + self._own[name].choice((-1, 0, 1)))), y
        with self._acting:
            before = self.at[name]
            del self._here[before][name]
            if not self._here[before]:
                del self._here[before]
            self.at[name] = there
            self._here[there][name] = None
            self._do(name, "walking about", before)
        return [f"at {place}"]

    def _use(self, name: str, felt: Callable[[], object], place: str) -> bool:
        """Drink, eat or sit there; not where the fruit is gone."""
        kind = place.split()[0]
        with self._acting:
            if self.fruit.get(place, 1.0) < 1.0:
                return False
            if place in self.fruit:
                self.fruit[place] -= 1.0
            self.needs[name][_PLACES[kind]] = 0.0
            self._do(name, _WORDS[kind])
        felt()
        return True

    def _do(self, name: str, doing: str, before: Tile | None = None) -> None:
        """Whoever sees or hears it has another scene now."""
        self.doing[name] = doing
        reach = RADIUS * HEARING
        for x, y in {self.at[name], before or self.at[name]}:
            for tile in [
                (x + right, y + down) for right in range(-reach, reach + 1) for down in range(-reach, reach + 1)
            ]:
                for other in self._here.get(tile, ()):
                    self._versions[other] += 1


def _distance(one: Tile, other: Tile) -> float:
    return float(abs(one[0] - other[0]) + abs(one[1] - other[1]))
