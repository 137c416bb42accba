"""The small world as a page: its map, its agents, what they need and what they say, moment by moment.

Run it with:  python examples/small_world_page.py        (and open small_world.html, which that writes)
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from small_world import HEIGHT, PLACES, WIDTH, World, main


class Recorder:
    """Notes what there is to be seen of each round."""

    def __init__(self) -> None:
        self.places: dict[str, tuple[int, int]] = {}
        self.frames: list[str] = []

    def watch(self, world: World, heard: list[str]) -> None:
        self.places = world.places
        said = [dict(zip(("name", "text"), each.split(": ", 1), strict=True)) for each in heard]
        self.frames.append(json.dumps({"at": world.at, "needs": world.needs, "fruit": world.fruit, "said": said}))

    def page(self) -> str:
        """It plays all rounds and needs nothing from elsewhere."""
        world = json.dumps(
            {"width": WIDTH, "height": HEIGHT, "places": self.places, "needs": sorted(set(PLACES.values()))}
        )
        told = f'{{"world": {world}, "frames": [{",".join(self.frames)}]}}'
        empty = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
        return empty.replace("{{told}}", told.replace("<", "\\u003c"))  # no text can end the script that it is in


if __name__ == "__main__":
    recorder = Recorder()
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1, recorder.watch))
    page = Path(sys.argv[2] if len(sys.argv) > 2 else "small_world.html")
    page.write_text(recorder.page(), encoding="utf-8")
    print(f"drawn in {page}")
