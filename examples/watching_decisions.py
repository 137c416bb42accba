"""The brain adds threads where work waits, mends what fails, and says why: read its decisions and its events.

Run it with:  python examples/watching_decisions.py
"""

from __future__ import annotations

import asyncio
import contextlib
import urllib.request

from rich import box
from rich.console import Console
from rich.table import Table

from companion_async import BaseModule, Brain, BrainConfig, Decision, RestartPolicy


async def slow_service(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A web service on this machine that thinks for 50 ms before it answers."""
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(0.05)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
    await writer.drain()
    writer.close()


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:  # blocking, as most clients are
        body: bytes = answer.read()
        return body


class Translator(BaseModule):
    """Holds a connection that breaks on its first instance and is sound on the next."""

    made = 0

    def start(self) -> None:
        Translator.made += 1
        self.broken = Translator.made == 1

    def translate(self, text: str) -> str:
        if self.broken:
            raise ConnectionError("the connection is gone")
        return text.swapcase()


async def main() -> None:
    server = await asyncio.start_server(slow_service, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    config = BrainConfig(categories={"fetchers": 2}, decision_interval=0.5, failure_threshold=3)
    async with server, Brain(config) as brain:
        restart = RestartPolicy(backoff_initial=0.05)
        await brain.register("fetch", fetch, category="fetchers")
        await brain.register("translator", Translator, category="phase3", restart=restart)

        async def tell() -> None:
            async with brain.events.subscribe("module.*") as events:
                async for event in events:
                    print(f"event: {event.kind}")

        telling = asyncio.create_task(tell())

        print("100 pages from a slow service, with 2 threads to fetch them; a translator whose connection is broken")
        pages = [brain.submit("fetch", "run", url) for _ in range(100)]
        for _ in range(3):
            with contextlib.suppress(ConnectionError):
                await brain.submit("translator", "translate", "Good Morning")
        for page in pages:
            await page
        print("the translator is well again:", await brain.submit("translator", "translate", "Good Morning"))
        grown = [decision.data["new"] for decision in brain.decisions() if decision.type == "scale_up"]
        print(f"threads for fetching: up to {max(grown, default=2)}\n")
        for _ in range(100):  # what came of a decision is measured a while after it
            if all(decision.outcome or not decision.expectation for decision in brain.decisions()):
                break
            await asyncio.sleep(0.1)
        telling.cancel()

        table = Table(
            "Decision",
            "About",
            "Why",
            "Outcome",
            title="What the brain decided",
            title_justify="left",
            box=box.SIMPLE_HEAD,
        )
        for decision in brain.decisions():
            table.add_row(decision.type, decision.context, decision.reason, measured(decision))
        Console(width=110, highlight=False).print(table)


def measured(decision: Decision) -> str:
    """What came of it, by the figure that it was meant to change."""
    if decision.outcome is None:
        return "not known yet"
    before, after = (
        f"{figure:.2f}" if isinstance(figure, float) else str(figure)
        for figure in (decision.outcome.before, decision.outcome.after)
    )
    return f"{decision.outcome.metric}: {before} -> {after}"


if __name__ == "__main__":
    asyncio.run(main())
