"""Blocking work beside an event loop: one awaited call, and the loop keeps its beat.

Run it with:  python examples/quickstart.py
"""

from __future__ import annotations

import asyncio
import bz2
import time
from pathlib import Path

from companion_async import Brain

FILES = sorted(Path(asyncio.__file__).parents[1].glob("*.py"))  # Python's own library


def packed_size(path: Path) -> int:
    """Ordinary blocking code. It knows nothing of threads or loops."""
    return len(bz2.compress(path.read_bytes()))


async def main() -> None:
    beats = 0

    async def heart() -> None:  # whatever else your program does meanwhile
        nonlocal beats
        while True:
            await asyncio.sleep(0.005)
            beats += 1

    beating = asyncio.create_task(heart())
    await asyncio.sleep(0.01)

    began, beats = time.perf_counter(), 0
    on_the_loop = [packed_size(path) for path in FILES]
    print(f"on the loop    {len(FILES)} files in {since(began)}, in which the loop's heart beat {beats} times")

    async with Brain() as brain:
        await brain.register("packer", packed_size, category="advanced")

        began, beats = time.perf_counter(), 0
        tasks = [brain.submit("packer", "run", path, timeout=5) for path in FILES]  # each returns at once
        in_threads = [await task for task in tasks]
        print(f"in threads     {len(FILES)} files in {since(began)}, in which the loop's heart beat {beats} times")

        one = await brain.submit("packer", "run", FILES[0], priority="high")
        print(f"one, urgently  {FILES[0].name}: {FILES[0].stat().st_size:,} bytes, {one:,} packed")

        seen = brain.module_status("packer")
        print(f"in the end     {seen.tasks_completed} tasks completed, {seen.tasks_failed} failed")

    beating.cancel()
    assert in_threads == on_the_loop


def since(began: float) -> str:
    return f"{1000 * (time.perf_counter() - began):.0f} ms"


if __name__ == "__main__":
    asyncio.run(main())
