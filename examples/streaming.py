"""Results as they come: a generator in a thread, read with ``async for``, never further ahead than its reader wants.

Run it with:  python examples/streaming.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from companion_async import Brain, BrainConfig, current_task

FILES = sorted(Path(asyncio.__file__).parents[1].glob("*.py"))  # Python's own library


def search(word: str) -> Iterator[str]:
    """Every line with the word. Blocking, and in no hurry: it is a plain generator."""
    task = current_task()
    for number, path in enumerate(FILES, 1):
        with path.open(encoding="utf-8", errors="replace") as lines:
            for place, line in enumerate(lines, 1):
                if word in line:
                    yield f"{path.name}:{place}: {line.strip()[:60]}"
        task.progress(number / len(FILES), path.name)


async def main() -> None:
    async with Brain(BrainConfig(stream_buffer=4)) as brain:  # the generator rests while 4 lines wait to be read
        await brain.register("search", search, category="phase2")

        print("1. The first lines are here long before the last file is opened")
        task = brain.submit("search", "run", "TODO")
        shown = 0
        async for line in task:
            print(f"   {line}")
            shown += 1
            if shown == 5:
                break
        print(f"   enough seen, with {task.progress.fraction:.0%} of the files read\n")
        task.cancel("enough seen")

        print("2. To its end, with progress")
        task = brain.submit("search", "run", "deprecated")
        found, next_share = 0, 0.25
        async for _line in task:
            found += 1
            if task.progress.fraction >= next_share:
                print(f"   {task.progress.fraction:4.0%}  {found:3} lines so far, now past {task.progress.message}")
                next_share += 0.25
        print(f"   {task.state.value}: {found} lines in {len(FILES)} files\n")

        print("3. Awaited, the same task is the list of its items")
        lines = await brain.submit("search", "run", "class ThreadingMixIn")
        print(f"   {lines}")


if __name__ == "__main__":
    asyncio.run(main())
