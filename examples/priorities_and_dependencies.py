"""What is urgent goes first; what needs other results waits for them.

Run it with:  python examples/priorities_and_dependencies.py
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pydoc_data.topics import topics  # the chapters behind Python's help(): real text on every machine

from companion_async import Brain, BrainConfig, UpstreamFailedError

order: list[str] = []


def count(chapter: str) -> Counter[str]:
    """How often each longer word stands in the chapter."""
    order.append(chapter)
    return Counter(re.findall(r"[a-z]{6,}", topics[chapter].lower()))


async def main() -> None:
    # One slot, so that the order can be seen; with more slots it is the order in which work begins.
    async with Brain(BrainConfig(categories={"desk": 1})) as brain:
        await brain.register("count", count, category="desk")

        print("1. Priorities: submitted from the least urgent to the most, begun the other way round")
        brain.pause("count")  # hold everything until all of it is here
        tasks = [
            brain.submit("count", "run", chapter, priority=level)
            for chapter, level in {
                "strings": "idle",
                "lambda": "low",
                "with": "medium",
                "raise": "high",
                "import": "critical",
            }.items()
        ]
        brain.resume("count")
        for task in tasks:
            await task
        print(f"   {' -> '.join(order)}\n")

        print("2. Dependencies: the sum begins when all it needs is there")
        needed = [brain.submit("count", "run", chapter) for chapter in ("for", "while", "try")]

        def add_up() -> Counter[str]:
            return sum((task.result() for task in needed), Counter())

        total = brain.submit("count", add_up, after=needed)
        print(f"   submitted: {total.state.value}, until {len(needed)} others have ended")
        print(f"   most used: {', '.join(f'{word} {n}' for word, n in (await total).most_common(4))}\n")

        print("3. If one of them fails, what depends on it never begins; unless it says that it wants to")
        broken = brain.submit("count", "run", "no such chapter")
        strict = brain.submit("count", add_up, after=[broken])
        report = brain.submit("count", lambda: f"{broken.state.value}", after=[broken], on_upstream_failure="run")
        try:
            await strict
        except UpstreamFailedError as error:
            print(f"   strict: {type(error).__name__}, because of {error.__cause__!r}")
        print(f"   report: begun all the same, and saw that the task had {await report}")


if __name__ == "__main__":
    asyncio.run(main())
