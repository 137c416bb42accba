"""Modules share one memory: by path, in threads and on the loop, each told of what concerns it.

Run it with:  python examples/shared_memory.py
"""

from __future__ import annotations

import asyncio
import re
from pydoc_data.topics import topics  # the chapters behind Python's help(): real text on every machine

from companion_async import Brain, StateChange, current_task


async def main() -> None:
    async with Brain() as brain:
        memory = brain.state

        def read(chapter: str) -> None:
            """In a worker thread: put down what a chapter is like. The calls are the same as on the loop."""
            words = re.findall(r"[a-z]+", topics[chapter].lower())
            memory.propose("reader", f"chapters.{chapter}", {"words": len(words), "longest": max(words, key=len)})
            # What is read and written together goes into a transaction: two threads must not count on one number.
            with memory.transaction("reader") as tx:
                tx.set("total", tx.get("total", 0) + len(words))
            print(f"   {current_task().id} has read {chapter}")

        longest: list[str] = []

        async def notice(changes: list[StateChange]) -> None:
            """On the loop, after each commit that touches ``chapters``."""
            longest.extend(change.new_value["longest"] for change in changes)

        await brain.register("reader", read, max_concurrency=1)
        memory.subscribe_to_path("critic", "chapters.*", notice)

        print("1. A module reads and remembers, another one is told")
        for chapter in ("for", "while", "with"):
            await brain.submit("reader", "run", chapter)
        print(f"   total: {memory.get('total')} words; the critic saw: {', '.join(longest)}\n")

        print("2. What is handed out is a copy: nobody changes the memory behind its back")
        mine = memory.get("chapters.for")
        mine["words"] = -1
        print(f"   mine says {mine['words']}, the memory {memory.get('chapters.for.words')}\n")

        print("3. A snapshot is a name for this moment; restoring it is a change like any other")
        before = memory.create_snapshot("before")
        await memory.propose_change("cleaner", "chapters", change_type="delete")
        print(f"   version {memory.version}: {sorted(memory.to_dict())}")
        await memory.restore_snapshot("before")
        print(f"   version {memory.version}: {sorted(memory.to_dict())}, as in version {before.version}\n")

        print("4. Who did it?")
        for change in memory.history(limit=4):
            by = f"{change.module or 'somebody'} in {change.task or 'no task'}"
            print(f"   version {change.version}: {change.change_type} {change.path} by {by}")


if __name__ == "__main__":
    asyncio.run(main())
