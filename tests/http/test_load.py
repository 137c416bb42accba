"""Served companions under load from another process."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time

import httpx2
import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.feature("X-12", "CB-31")]

CLIENTS = 200
SECONDS = float(os.environ.get("LOAD_SECONDS", "60"))
"""A minute in the slow suite; LOAD_SECONDS=600 is the ten minutes that a release is measured with."""

SERVE = "from companion_async.cli.app import main; main()"
APP = """
import sys
from companion_async import CompanionConfig, KnowledgeSettings
config = CompanionConfig(knowledge=KnowledgeSettings(documents=(sys.argv[1],)))
"""
FASTAPI = (
    APP
    + """
import socket, uvicorn
from fastapi import FastAPI
from companion_async.integrations.fastapi import companion_lifespan, companion_router
app = FastAPI(lifespan=companion_lifespan(config))
app.include_router(companion_router(), prefix="/companion")
listening = socket.create_server(("127.0.0.1", 0))
print(f"on :{listening.getsockname()[1]} ", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_keep_alive=75)).run(sockets=[listening])
"""
)
AIOHTTP = (
    APP
    + """
import socket
from aiohttp import web
from companion_async.integrations.aiohttp import setup_companion
app = web.Application()
setup_companion(app, config)
listening = socket.create_server(("127.0.0.1", 0))
print(f"on :{listening.getsockname()[1]} ", flush=True)
web.run_app(app, sock=listening, print=None, access_log=None)
"""
)


def command(kind, documents):
    if kind == "serve":
        return [sys.executable, "-c", SERVE, "serve", "--port", "0", "--docs", documents], ""
    return [sys.executable, "-c", {"fastapi": FASTAPI, "aiohttp": AIOHTTP}[kind], documents], "/companion"


@pytest.mark.parametrize("kind", ["serve", "fastapi", "aiohttp"])
@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_two_hundred_clients_lose_no_request_and_no_memory(kind, tmp_path):
    """Asking and looking at the status: no request fails, and from the first half to the second no memory is lost."""
    (tmp_path / "tea.md").write_text("# Tea\n\nGreen tea is brewed with water of 70 degrees.\n")
    line, prefix = command(kind, str(tmp_path))
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 nothing else waits
    assert process.stdout is not None
    try:
        found = re.search(r":(\d+) ", process.stdout.readline())
        assert found
        url, figures = f"http://127.0.0.1:{found[1]}{prefix}", psutil.Process(process.pid)
        counts = {"ask": 0, "status": 0}
        memory: list[int] = []
        end = time.monotonic() + SECONDS

        async def client(number: int, session: httpx2.AsyncClient) -> None:
            while time.monotonic() < end:
                if number % 2:
                    asked = {"question": "How hot is the water for green tea?"}
                    answer, what = await session.post("/api/ask", json=asked), "ask"
                else:
                    answer, what = await session.get("/api/threads/status"), "status"
                assert answer.status_code == 200, answer.text
                counts[what] += 1
                if sum(counts.values()) % 1000 == 0:
                    memory.append(figures.memory_info().rss)

        limits = httpx2.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
        async with (
            httpx2.AsyncClient(base_url=url, limits=limits, timeout=60) as session,
            asyncio.TaskGroup() as group,
        ):
            for number in range(CLIENTS):
                group.create_task(client(number, session))
        half = len(memory) // 2
        print(f"{kind}: {counts}, {', '.join(f'{memory[at] / 2**20:.0f}' for at in (0, half, -1))} MiB")
        assert min(counts.values()) > 100
        assert memory[-1] - memory[half] < 16 * 2**20
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()
    assert process.returncode in (0, -15)
