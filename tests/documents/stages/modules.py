"""What is there when a fragment of docs/modules.md begins: a companion with its modules, a picture and a site."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from companion_async import CompanionBrain, CompanionConfig, KnowledgeSettings
from companion_async.cognition.autonomous_system.rules import Goal
from companion_async.cognition.autonomous_system.settings import AutonomousSettings
from companion_async.cognition.web_crawler.settings import CrawlerSettings
from tests.cognition.web_crawler.site import Site, serving
from tests.documents.staging import Stage

NOTES = "# Priority queues\n\nA priority queue keeps tokens in order. The heap is fast.\n"


def fails() -> None:
    raise OSError("no")


def set_up() -> None:
    """The files."""
    Path("docs").mkdir()
    Path("docs", "queues.md").write_text(NOTES, encoding="utf-8")
    with contextlib.suppress(ImportError):  # a fragment without its extra says so itself
        from PIL import Image

        Image.new("RGB", (64, 48), (200, 30, 30)).save("holiday.jpg")


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    set_up()
    config = CompanionConfig(
        knowledge=KnowledgeSettings(documents=("docs",)),
        crawler=CrawlerSettings(allow_addresses=("127.0.0.0/8",), delay=0.0, retries=0),
        autonomous=AutonomousSettings(enabled=True),
        plugins=False,
    )
    async with serving(Site()) as site, CompanionBrain(config) as brain:
        site.pages["/3/library/heapq.html"] = f"<title>heapq</title><main><h1>Heaps</h1><p>{NOTES * 9}</p></main>"
        site.pages["/docs/"] = '<title>Docs</title><main><p>Two pages.</p><a href="/docs/more">more</a></main>'
        site.pages["/docs/more"] = f"<title>More</title><main><p>{NOTES * 9}</p></main>"
        await brain.learn()
        await brain.register("crawler", fails)

        async def meanwhile() -> None:
            for _ in range(4):
                with contextlib.suppress(OSError):
                    await brain.submit("crawler")
            await brain.submit("optimizer", "look")
            await brain.submit("autonomous_system", "cycle")

        yield Stage(
            names={"brain": brain, "Goal": Goal},
            meanwhile=meanwhile,
            instead={"https://docs.python.org": site.url, "https://example.com": site.url},
        )
