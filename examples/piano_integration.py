"""An agent's mind without an event loop: it perceives, plans and remembers at the same time, and nothing is torn.

Run it with:  python examples/piano_integration.py
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from companion_async.sdk import (
    AccessMode,
    BaseModule,
    CircularBuffer,
    ConcurrentModuleManager,
    EpisodicMemory,
    ParallelPerceptionModule,
    Priority,
    ResourceType,
    SemanticMemory,
)

HOUSE = {(3, 2): "stove", (4, 2): "kettle", (7, 6): "piano", (9, 9): "bookshelf", (5, 8): "door"}
WHEN = {"stove": "cook supper", "piano": "practise a prelude", "bookshelf": "read", "door": "greet the visitor"}


class House:
    """A map of 12 by 12 tiles. A visitor walks through it."""

    def __init__(self) -> None:
        self.visitor = (5, 8)

    def access_tile(self, tile: tuple[int, int]) -> dict[str, object]:
        if not (0 <= tile[0] < 12 and 0 <= tile[1] < 12):
            raise IndexError(tile)
        events = {("cara:person", "is", "singing", "cara is singing a scale")} if tile == self.visitor else set()
        room = "kitchen" if tile[1] < 5 else "parlour"
        return {"world": "house", "sector": room, "arena": room, "game_object": HOUSE.get(tile, ""), "events": events}


class Agent:
    """What the modules share. The manager writes to it what they agree on."""

    def __init__(self) -> None:
        self.name = "ada"
        self.maze = House()
        self.curr_tile = (3, 3)
        self.curr_time = datetime(2026, 1, 5, 17, 30)
        self.goal, self.plans = "wake up", 0
        self.episodic_memory = EpisodicMemory()
        self.semantic_memory = SemanticMemory()
        self.working_memory = CircularBuffer()


class Planning(BaseModule):
    def run(self) -> str:
        """Choose a goal by what was perceived last; the goal and its number change together or not at all."""
        with self.brain.resources.acquire_context("working_memory", AccessMode.READ) as memory:
            seen = " ".join(item.content for item in memory.get_recent(1))
        places = [(seen.find(thing), goal) for thing, goal in WHEN.items() if thing in seen]
        goal = min(places, default=(0, "look around"))[1]  # what was named first was the nearest
        with self.brain.state.transaction("planning") as change:
            change.set("goal", goal)
            change.set("plans", change.get("plans") + 1)
        return goal


class Retrieval(BaseModule):
    def run(self, cue: str) -> tuple[int, list[str]]:
        """Remember: both memories are read, and whoever only reads waits for no other reader."""
        with self.brain.resources.acquire_context("episodic_memory", AccessMode.READ) as episodes:
            recent = len(episodes.get_recent_episodes(hours_back=1))
        with self.brain.resources.acquire_context("semantic_memory", AccessMode.WRITE) as concepts:
            concepts.add_relation(cue, "home", "part_of", 0.9)
            return recent, sorted(concepts.activate(cue))


def main() -> None:
    agent = Agent()
    print("🎹 PIANO Concurrent Framework Integration Demo")
    print("=" * 60)
    with ConcurrentModuleManager(agent, max_workers=4) as manager:
        shared = manager.resource_coordinator
        shared.register_resource("episodic_memory", agent.episodic_memory, ResourceType.EPISODIC_MEMORY)
        shared.register_resource("semantic_memory", agent.semantic_memory, ResourceType.SEMANTIC_MEMORY)
        shared.register_resource("working_memory", agent.working_memory, ResourceType.CIRCULAR_BUFFER)
        known = shared.get_system_status()["registered_resources"]
        print(f"✓ All memory systems registered for coordinated access: {known}")
        perception = ParallelPerceptionModule(agent, max_workers=3, vision_radius=4)
        modules = {"perception": perception, "planning": Planning(agent), "retrieval": Retrieval(agent)}
        for name, module in modules.items():
            manager.register_module(name, module)
        heard: list[str] = []
        began = time.perf_counter()
        for tile in ((3, 3), (6, 6), (6, 6), (9, 8)):
            agent.curr_tile, agent.maze.visitor = tile, (tile[0] + 1, tile[1])
            agent.curr_time += timedelta(minutes=5) if tile != (6, 6) else timedelta(0)
            found = manager.get_task_result(manager.submit_task("perception", priority=Priority.HIGH))
            things = [each["name"] for one in found for each in one.processed_data.get("visible_objects", ())]
            heard += [sound["source"] for one in found for sound in one.processed_data.get("sounds", ())]
            with shared.acquire_context("working_memory", AccessMode.WRITE, "main") as memory:
                memory.add(f"sees {', '.join(things)}", importance=0.6)
            plan = manager.submit_task("planning")
            recall = manager.submit_task("retrieval", args=(things[0] if things else "nothing",), dependencies={plan})
            recent, minded = manager.get_task_result(recall)
            print(f"   at {tile}: to {agent.goal}; has {recent} episode in mind, and {', '.join(minded)}")
        took = time.perf_counter() - began
        sensed, locks = perception.get_perception_metrics(), shared.get_coordinator_metrics()
        changed, done = manager.state_coordinator.get_state_metrics(), manager.get_system_status()["completed_tasks"]
        rate = f"{sensed.total_tasks_processed} asked, {sensed.cache_hit_rate:.0%} known already"
        print(f"✓ Perception Module - parallel sensory processing: {rate}; heard {', '.join(sorted(set(heard)))}")
        print(
            f"✓ Planning Module - state-coordinated goal management: {agent.plans} in {changed.sync_operations} commits"
        )
        print(f"✓ Retrieval Module - concurrent memory access: {locks.successful_acquisitions} locks in all")
        print(f"   {done} tasks in {took:.2f} s, {done / took:.0f} a second")


if __name__ == "__main__":
    main()
