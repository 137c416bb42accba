"""Two modules and a channel between them: perception in a thread, planning on the loop, and neither runs ahead.

Run it with:  python examples/channels.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from companion_async import BaseModule, Brain, Channel

WALK = ["a hall", "a locked door", "a key on the floor", "a locked door", "a garden", "a bench in the sun"]


def look_around() -> Iterator[str]:
    """What the companion's eyes come upon."""
    yield from WALK


class Perception(BaseModule):
    """Plain, blocking code: it runs in a worker thread."""

    def run(self) -> int:
        seen: Channel[str] = self.brain.channel("perception->planning", capacity=2)
        count = 0
        for sight in look_around():
            seen.put(sight)  # waits while two sights are unread; its slot is lent meanwhile
            count += 1
        seen.close()  # the reader ends once it has had them all
        return count


class Planning(BaseModule):
    """A coroutine: it runs on the event loop."""

    async def run(self) -> list[str]:
        plan: list[str] = []
        async for sight in self.brain.channel("perception->planning"):
            match sight:
                case "a key on the floor":
                    plan.append("take the key")
                case "a locked door":
                    plan.append("unlock the door" if "take the key" in plan else "look for a key")
                case "a garden":
                    plan.append("sit down")
        return plan


async def main() -> None:
    async with Brain() as brain:
        await brain.register("perception", Perception, category="phase1")
        await brain.register("planning", Planning, category="phase1")
        channel = brain.channel("perception->planning", capacity=2)

        print("1. Nobody reads yet: perception stands still with two sights delivered and the third in its hand")
        seeing = brain.submit("perception")
        while not channel.status().senders_waiting:  # noqa: ASYNC110 - a status is looked at, not awaited
            await asyncio.sleep(0)
        status = brain.status().channels["perception->planning"]
        print(f"   {status.waiting} of {status.capacity} wait in the channel, {status.senders_waiting} sender waits\n")

        print("2. Planning reads, and both go on to the end")
        plan = await brain.submit("planning")
        print(f"   {await seeing} sights, and the plan: {', '.join(plan)}\n")

        print("3. A camera nobody can keep up with: the newest counts, the rest is dropped and counted")
        frames = brain.channel("camera", capacity=3, overflow="drop_oldest")
        for number in range(100):
            await frames.send(number)
        kept = [await frames.receive() for _ in range(3)]
        print(f"   kept {kept}, dropped {frames.status().dropped}")


if __name__ == "__main__":
    asyncio.run(main())
