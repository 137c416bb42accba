"""A chat backend in FastAPI: a streaming answer, the status of the threads behind it, and the app's own work among it.

Run it with:   python examples/chat_fastapi.py
Serve it with: uvicorn examples.chat_fastapi:app      (then open http://127.0.0.1:8000/companion/)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from companion_async import Answer, CompanionConfig, KnowledgeSettings
from companion_async.integrations.fastapi import BrainDep, CompanionDep, companion_lifespan, companion_router

HERE = Path(__file__).parent
CONFIG = CompanionConfig(knowledge=KnowledgeSettings(documents=(str(HERE.parent / "docs"),)))


def count_words(path: str) -> int:
    """Blocking work of the app's own: it runs in a thread of its category, never on the event loop."""
    return len(Path(path).read_text(encoding="utf-8").split())


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """The app's own start: the brain is up already."""
    await app.state.brain.register("words", count_words, category="phase2", max_concurrency=2)
    yield


app = FastAPI(title="Chat", lifespan=companion_lifespan(CONFIG, lifespan=lifespan))
app.include_router(companion_router(), prefix="/companion")  # status, tasks, events, metrics, the page


class Message(BaseModel):
    text: str
    conversation: str = "default"


@app.post("/chat")
async def chat(message: Message, companion: CompanionDep) -> StreamingResponse:
    """The answer as it comes, a line of JSON for each piece; the last line has the sources."""

    async def lines() -> AsyncIterator[str]:
        async for part in companion.stream(message.text, conversation=message.conversation):
            if isinstance(part, Answer):
                yield json.dumps({"sources": [source.location for source in part.sources]}) + "\n"
            else:
                yield json.dumps({"text": part.text}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@app.get("/words")
async def words(brain: BrainDep) -> int:
    count: int = await brain.submit("words", "run", str(HERE.parent / "README.md"), priority="high", timeout=5)
    return count


async def show() -> None:
    """What a client of this app sees."""
    import httpx2

    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        answer = await client.post("/chat", json={"text": "What happens to a run that passes its limit?"})
        *pieces, last = map(json.loads, answer.text.splitlines())
        print("answer: ", "".join(piece["text"] for piece in pieces)[:120])
        print("sources:", ", ".join(Path(location).name for location in last["sources"]))
        print("words:  ", (await client.get("/words")).json())
        status = (await client.get("/companion/api/threads/status")).json()["data"]
        busy = {name: each["total"] for name, each in status["categories"].items() if each["total"]}
        print("threads:", busy, "tasks:", status["stats"]["total_tasks_completed"])


if __name__ == "__main__":
    asyncio.run(show())
