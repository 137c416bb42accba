"""A chat backend in aiohttp: a streaming answer, and the status of the threads behind it.

Run it with:   python examples/chat_aiohttp.py
Serve it with: python -m aiohttp.web -P 8000 examples.chat_aiohttp:make_app
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from aiohttp import web

from companion_async import Answer, CompanionConfig, KnowledgeSettings
from companion_async.integrations.aiohttp import BRAIN, COMPANION, setup_companion

HERE = Path(__file__).parent
CONFIG = CompanionConfig(knowledge=KnowledgeSettings(documents=(str(HERE.parent / "docs"),)))


def count_words(path: str) -> int:
    """Blocking work of the app's own: it runs in a thread of its category, never on the event loop."""
    return len(Path(path).read_text(encoding="utf-8").split())


async def own_modules(app: web.Application) -> AsyncIterator[None]:
    """The app's own start: the brain is up already."""
    await app[BRAIN].register("words", count_words, category="phase2", max_concurrency=2)
    yield


async def chat(request: web.Request) -> web.StreamResponse:
    """The answer as it comes, a line of JSON for each piece; the last line has the sources."""
    message = await request.json()
    response = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
    await response.prepare(request)
    async for part in request.app[COMPANION].stream(message["text"], conversation=message.get("conversation")):
        line: dict[str, object] = {}
        if isinstance(part, Answer):
            line["sources"] = [source.location for source in part.sources]
        else:
            line["text"] = part.text
        await response.write(json.dumps(line).encode() + b"\n")
    return response


async def words(request: web.Request) -> web.Response:
    count = await request.app[BRAIN].submit("words", "run", str(HERE.parent / "README.md"), priority="high", timeout=5)
    return web.json_response(count)


def make_app(argv: list[str] | None = None) -> web.Application:
    app = web.Application()
    setup_companion(app, CONFIG)  # status, tasks, events, metrics and the page, under /companion
    app.cleanup_ctx.append(own_modules)
    app.add_routes([web.post("/chat", chat), web.get("/words", words)])
    return app


async def show() -> None:
    """What a client of this app sees."""
    runner = web.AppRunner(make_app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession(f"http://{host}:{port}") as client:
        async with client.post("/chat", json={"text": "What happens to a run that passes its limit?"}) as answer:
            *pieces, last = [json.loads(line) async for line in answer.content]
        print("answer: ", "".join(piece["text"] for piece in pieces)[:120])
        print("sources:", ", ".join(Path(location).name for location in last["sources"]))
        async with client.get("/words") as answer:
            print("words:  ", await answer.json())
        async with client.get("/companion/api/threads/status") as answer:
            status = (await answer.json())["data"]
        busy = {name: each["total"] for name, each in status["categories"].items() if each["total"]}
        print("threads:", busy, "tasks:", status["stats"]["total_tasks_completed"])
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(show())
