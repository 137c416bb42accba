"""A brain behind each way of serving it, for tests: in the process, or on a real socket of this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx2
import uvicorn
from aiohttp import web
from fastapi import FastAPI

from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.http.api import Api
from companion_async.http.asgi import Application
from companion_async.integrations.aiohttp import setup_companion
from companion_async.integrations.fastapi import companion_lifespan, companion_router

KINDS = ("serve", "fastapi", "aiohttp")
TOKEN, READONLY = "operator-token", "reader-token"
OPERATOR = {"authorization": f"Bearer {TOKEN}"}
READER = {"authorization": f"Bearer {READONLY}"}
GUARDED: dict[str, Any] = {"token": TOKEN, "readonly_token": READONLY}


def echo(*values: Any, **named: Any) -> Any:
    return [*values, *named.items()]


def bad(text: str = "the secret text") -> None:
    raise ValueError(text)


@asynccontextmanager
async def a_brain(**settings: Any) -> AsyncIterator[Brain]:
    """A bare brain with the modules ``echo`` and ``bad``."""
    async with Brain(BrainConfig(plugins=False, **settings)) as brain:
        await brain.register("echo", echo)
        await brain.register("bad", bad)
        yield brain


@asynccontextmanager
async def client_of(kind: str, brain: Brain, **options: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A client whose paths begin under the prefix: for ASGI without a socket, for aiohttp with one."""
    if kind == "aiohttp":
        async with on_loopback(kind, brain) as url, httpx2.AsyncClient(base_url=url, timeout=60, **options) as client:
            yield client
        return
    async with _asgi(kind, brain) as (app, prefix):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=f"http://localhost{prefix}", **options) as client:
            yield client


@asynccontextmanager
async def on_loopback(kind: str, brain: Brain) -> AsyncIterator[str]:
    """The address of a real server, with the prefix."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    if kind == "aiohttp":
        app = web.Application()
        setup_companion(app, brain)
        # By default the rest of a refused body is thrown away for 10 s, even when the client has gone.
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=5, lingering_time=0)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        try:
            yield f"http://127.0.0.1:{port}/companion"
        finally:
            await runner.cleanup()
        return
    async with _asgi(kind, brain) as (app, prefix):
        server = Server(uvicorn.Config(app, lifespan="off", log_config=None, ws="none"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await server.up.wait()
        try:
            yield f"http://127.0.0.1:{port}{prefix}"
        finally:
            server.should_exit = True
            await serving


class Server(uvicorn.Server):
    """Says when it is up, and leaves signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _asgi(kind: str, brain: Brain) -> AsyncIterator[tuple[Any, str]]:
    if kind == "serve":
        api = Api(brain)
        yield Application(api), ""
        api.close()
        return
    app = FastAPI(lifespan=companion_lifespan(brain))
    app.include_router(companion_router(), prefix="/companion")
    async with app.router.lifespan_context(app):
        yield app, "/companion"
