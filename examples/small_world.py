"""A small world: agents of one brain get hungry and thirsty, look for what they need, meet, and do what they say.

Run it with:  python examples/small_world.py        (python examples/small_world.py 3 is another world)
"""

from __future__ import annotations

import asyncio
import random
import sys
from functools import partial

from companion_async import Brain
from companion_async.cognition.advanced_reasoning.planning import Action
from companion_async.companion.agents import Agents

WIDTH, HEIGHT, ROUNDS = 14, 6, 30
PLACES = {"well": "thirst", "bush": "hunger", "orchard": "hunger"}
NAMES = ("ann", "bo", "cy", "di")


class World:
    """A grid with a well that is never dry, and a bush and an orchard whose fruit is eaten up and grows again."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        tiles = [(x, y) for x in range(WIDTH) for y in range(HEIGHT)]
        self.places = dict(zip(PLACES, self.chance.sample(tiles, len(PLACES)), strict=True))
        self.at = {name: self.chance.choice(tiles) for name in NAMES}
        self.fruit = {"bush": 2, "orchard": 4}
        self.needs = {name: {"hunger": self.chance.random(), "thirst": self.chance.random()} for name in NAMES}

    def access_tile(self, tile: tuple[int, int]) -> dict[str, object]:
        """What perception sees of a tile."""
        if not (0 <= tile[0] < WIDTH and 0 <= tile[1] < HEIGHT):
            raise IndexError(tile)
        things = [place for place, where in self.places.items() if where == tile]
        here = {(f"{name}:person", "is", "walking", f"{name} is about") for name, at in self.at.items() if at == tile}
        return {"world": "small world", "game_object": things[0] if things else "", "events": here}

    def seen_by(self, name: str) -> dict[str, object]:
        return {"name": name, "curr_tile": self.at[name], "maze": self}

    def walk(self, name: str, place: str) -> list[str] | bool:
        """Next to the place, where there is room for more than one."""
        x, y = self.places[place]
        self.at[name] = min(WIDTH - 1, max(0, x + self.chance.choice((-1, 0, 1)))), y
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
        """The map as text: places in capitals, agents by their first letters, a number where several stand."""
        rows = [["·"] * WIDTH for _ in range(HEIGHT)]
        for place, (x, y) in self.places.items():
            rows[y][x] = place[0].upper()
        for x, y in set(self.at.values()):
            there = [name for name, at in self.at.items() if at == (x, y)]
            rows[y][x] = there[0][0] if len(there) == 1 else str(len(there))
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


async def main(seed: int) -> None:
    world, said_and_done, talks = World(seed), 0, 0
    async with Brain() as brain:
        agents = Agents(brain)
        for name in NAMES:
            skills = {"walk to": partial(world.walk, name), "use": partial(world.take, name)}
            await agents.add(name, actions=actions(), skills=skills, surroundings=partial(world.seen_by, name))
        everyone = list(agents)
        for number in range(1, ROUNDS + 1):
            world.go_on()
            for agent in everyone:
                agent.set("needs", world.needs[agent.name])
            await asyncio.gather(*(agent.submit("perception") for agent in everyone))
            for agent in everyone:  # one after the other, so that the same seed makes the same world
                await agent.submit("converse", "listen")
                await agent.submit("planning")
                await agent.submit("controller")
                said = (await agent.submit("converse", "say"))[-1]
                done = await agent.submit("execution")
                said_and_done += done is None or done.step == said.step
                talks += bool(said.to)
                if done is not None and (done.surprise or (said.to and number <= 8)):
                    print(f"{number:>3}  {agent.name}: {said.text}{' ... ' + done.reason if done.surprise else ''}")
            if number % (ROUNDS // 2) == 0:
                print(f"after {number} rounds, with fruit on bush and orchard: {world.fruit}\n{world.drawn()}")
        for agent in everyone:
            used = (await agent.submit("execution", "skills"))["use"]
            print(f"{agent.name}: was fed {used.done} times, found nothing {used.failed} times")
    print(f"{talks} times somebody talked; in {said_and_done} of {ROUNDS * len(NAMES)} turns what was said was done")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
