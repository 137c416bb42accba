"""Two pieces of work take the same two resources in opposite order: one is told so, and both get done.

Run it with:  python examples/deadlock.py
"""

from __future__ import annotations

import asyncio
import sys
import threading

from companion_async import AccessMode, Brain, DeadlockError, ResourceType, current_task

WRITE = AccessMode.WRITE


def say(line: str) -> None:
    """Print from any thread, a line at a time."""
    sys.stdout.write(line + "\n")


async def main() -> None:
    async with Brain() as brain:
        diary, mood = ["got up"], {"happiness": 0.5}
        brain.resources.register_resource("diary", diary, ResourceType.EPISODIC_MEMORY)
        brain.resources.register_resource("mood", mood, ResourceType.AGENT_STATE)
        both_have_one = threading.Barrier(2)

        def update(first: str, second: str) -> str:
            """Runs in a thread, holds one resource and asks for the other: a bug that hides until production."""
            me = f"task {current_task().id}"
            for attempt in (1, 2):
                try:
                    with brain.resources.acquire_context(first, WRITE):
                        say(f"{me} holds {first}, attempt {attempt}")
                        if attempt == 1:
                            both_have_one.wait()
                        with brain.resources.acquire_context(second, WRITE):
                            diary.append(f"felt {mood['happiness']:.1f}")
                            mood["happiness"] += 0.1
                            return f"{me} is done"
                except DeadlockError as error:
                    # Leaving the block has let go of the first, so the other goes on, and this may simply try again.
                    say(f"{me} is the victim:\n   " + "\n   waits for ".join(error.cycle))
            return f"{me} gave up"

        brain.events.add_handler("lock.deadlock", lambda event: say(f"event: {event.kind}, victim {event.victim}"))
        works = [
            brain.submit("category:core", update, "diary", "mood"),
            brain.submit("category:core", update, "mood", "diary"),
        ]
        for work in works:
            say(await work)

        metrics = brain.resources.get_coordinator_metrics()
        say(f"{metrics.acquisitions} locks granted, {metrics.deadlocks} deadlock found, {metrics.timeouts} timeouts")
        print(diary, f"{mood['happiness']:.1f}")


if __name__ == "__main__":
    asyncio.run(main())
