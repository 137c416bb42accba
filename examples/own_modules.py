"""A module of your own is a class: it sets itself up, its public methods can be called, its faults stay its own.

Run it with:  python examples/own_modules.py
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from pydoc_data.topics import topics  # the chapters behind Python's help(): real text on every machine

from companion_async import BaseModule, Brain, RestartPolicy, UnknownTargetError


class Handbook(BaseModule):
    """Finds the chapters of Python's handbook in which words stand."""

    def start(self) -> None:  # before the first task, in a thread: it may take its time
        self.chapters: dict[str, set[str]] = defaultdict(set)
        for name, text in topics.items():
            for word in self._words(text):
                self.chapters[word].add(name)

    def health(self) -> None:  # asked from time to time; raising means "not well"
        if not self.chapters:
            raise RuntimeError("the index is empty")

    def search(self, phrase: str) -> list[str]:
        words = self._words(phrase)
        if not words:
            raise ValueError("a search needs at least one word")
        return sorted(set.intersection(*(self.chapters.get(word, set()) for word in words)))

    async def size(self) -> int:  # async methods run on the loop, under the same limits
        return len(self.chapters)

    def forget(self) -> None:
        self.chapters.clear()

    def _words(self, text: str) -> set[str]:  # with an underscore: nobody outside can call it
        return set(re.findall(r"[a-z]{2,}", text.lower()))


async def main() -> None:
    async with Brain() as brain:
        await brain.register("handbook", Handbook, category="phase1", restart=RestartPolicy(max_restarts=3))
        print(f"a handbook of {await brain.submit('handbook', 'size')} words; which chapters speak of")

        for phrase in ("context manager", "loop else clause", "walrus"):
            found = await brain.submit("handbook", "search", phrase)
            print(f"   {phrase:18} {', '.join(found[:4]) or 'none'}{', ...' if len(found) > 4 else ''}")

        # What goes wrong in a module comes back to the caller who asked, with a note that says where it was.
        try:
            await brain.submit("handbook", "search", "!?")
        except ValueError as error:
            print(f"\nfailed:  {error} ({error.__notes__[0]})")

        # Only public methods are handlers; everything else is refused before anything runs.
        try:
            await brain.submit("handbook", "_words", "text")
        except UnknownTargetError as error:
            print(f"refused: {str(error).partition('. ')[0]}")

        # A restart makes a fresh instance: what went wrong inside the old one is gone with it.
        await brain.submit("handbook", "forget")
        print(f"\nafter forget()     {await brain.submit('handbook', 'size')} words")
        await brain.restart("handbook", reason="its index was lost")
        print(f"after the restart  {await brain.submit('handbook', 'size')} words")

        seen = brain.module_status("handbook")
        print(
            f"\nstate {seen.state}, {seen.tasks_completed} completed, {seen.tasks_failed} failed, "
            f"success rate {seen.success_rate:.2f}, last error: {seen.errors[-1].type}"
        )


if __name__ == "__main__":
    asyncio.run(main())
