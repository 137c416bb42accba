"""A small world: agents of one brain get hungry and thirsty, look for what they need, meet, and do what they say.

Run it with:  python examples/small_world.py        (small_world_page.py draws it as a page)
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
from functools import partial

from companion_async import Brain
from companion_async.cognition.advanced_reasoning.planning import Action
from companion_async.companion.agents import Agents

WIDTH, HEIGHT, ROUNDS, NAMES = 14, 6, 30, ("ann", "bo", "cy", "di")
PLACES = {"well": "thirst", "bush": "hunger", "orchard": "hunger"}


class World:
    """A grid with a well that is never dry, and a bush and an orchard whose fruit is eaten up and grows again."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        tiles = [(x, y) for x in range(WIDTH) for y in range(HEIGHT)]
        spots = iter(self.chance.sample(tiles, len(PLACES) + len(NAMES)))
        self.places = {place: next(spots) for place in PLACES}
        self.at = {name: next(spots) for name in NAMES}
        self.fruit = {"bush": 2, "orchard": 4}
        self.needs = {name: {"hunger": self.chance.random(), "thirst": self.chance.random()} for name in NAMES}

    def access_tile(self, tile: tuple[int, int]) -> dict[str, object]:
        """What perception sees of a tile."""
        things = [place for place, where in self.places.items() if where == tile]
        here = {(f"{name}:person", "is", "walking", f"{name} is about") for name, at in self.at.items() if at == tile}
        return {"world": "small world", "game_object": things[0] if things else "", "events": here}

    def seen_by(self, name: str) -> dict[str, object]:
        return {"name": name, "curr_tile": self.at[name], "maze": self}

    def walk(self, name: str, place: str) -> list[str] | bool:
        """To one of the tiles beside the place."""
        x, y = self.places[place]
        beside = [x - 1, x + 1] if 0 < x < WIDTH - 1 else [abs(x - 1)]
        self.at[name] = self.chance.choice(beside), y
        return [f"at {place}"]

    def take(self, name: str, place: str) -> list[str] | bool:
        """Eat or drink there; False where the fruit is gone."""
        if not self.fruit.get(place, 1):
            return False
        if place in self.fruit:
            self.fruit[place] -= 1
        self.needs[name][PLACES[place]] = 0.0
        return True

    def go_on(self) -> None:
        for needs in self.needs.values():
            for need in needs:
                needs[need] = round(min(1.0, needs[need] + self.chance.uniform(0.02, 0.12)), 3)
        for place in self.fruit:
            self.fruit[place] = min(4, self.fruit[place] + (self.chance.random() < 0.15))

    def drawn(self) -> str:
        """The map as text: places in capitals, agents by their first letters."""
        rows = [["·"] * WIDTH for _ in range(HEIGHT)]
        for name, (x, y) in [*self.at.items(), *((place.upper(), at) for place, at in self.places.items())]:
            rows[y][x] = name[0]
        return "\n".join("   " + " ".join(row) for row in rows)


def actions() -> tuple[Action, ...]:
    """What an agent can do, and what that brings about. It lives by the well: what is farther costs more."""
    spots = frozenset(f"at {place}" for place in PLACES)
    able = []
    for far, (place, need) in enumerate(PLACES.items(), 1):
        at = frozenset({f"at {place}"})
        able.append(Action(f"walk to {place}", adds=at, removes=spots - at, cost=far))
        able.append(Action(f"use {place}", needs=at, adds=frozenset({f"no {need}"})))
    return tuple(able)


async def main(seed: int, watch: Callable[[World, list[str]], object] = lambda world, said: None) -> None:
    world, said_and_done, talks = World(seed), 0, 0
    async with Brain() as brain:
        agents = Agents(brain)
        for name in NAMES:
            skills = {"walk to": partial(world.walk, name), "use": partial(world.take, name)}
            await agents.add(name, actions=actions(), skills=skills, surroundings=partial(world.seen_by, name))
        for number in range(1, ROUNDS + 1):
            world.go_on()
            heard = []
            for agent in agents:  # one after the other, so that the same seed makes the same world
                agent.set("needs", world.needs[agent.name])
                await agent.submit("perception")
                await agent.submit("converse", "listen")
                await agent.submit("planning")
                await agent.submit("controller")
                said = (await agent.submit("converse", "say"))[-1]
                done = await agent.submit("execution")
                said_and_done += done is None or done.step == said.step
                talks += bool(said.to)
                vain = f" ... {done.reason}" if done is not None and done.surprise else ""
                heard.append(f"{agent.name}: {said.text}{vain}")
                if vain or (number <= 8 and said.step != "wait"):
                    print(f"{number:>3}  {heard[-1]}")
            watch(world, heard)
            if number % (ROUNDS // 2) == 0:
                print(f"after {number} rounds, with fruit on bush and orchard: {world.fruit}\n{world.drawn()}")
        for agent in agents:
            used = (await agent.submit("execution", "skills"))["use"]
            print(f"{agent.name}: ate or drank {used.done} times, found nothing {used.failed} times")
    print(f"{talks} times somebody talked; in {said_and_done} of {ROUNDS * len(NAMES)} turns what was said was done")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
