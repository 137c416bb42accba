"""A companion inside an aiohttp application: ``setup_companion(app, config)``, then ``request.app[BRAIN]``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial

import anyio

from companion_async.brain.brain import Brain
from companion_async.brain.config import BrainConfig
from companion_async.companion.companion import CompanionBrain
from companion_async.errors import InvalidArgumentError, MissingExtraError
from companion_async.http.answer import Answer
from companion_async.http.api import Api
from companion_async.http.asgi import STALLED
from companion_async.http.operation import Operation
from companion_async.http.operations import OPERATIONS, methods_at
from companion_async.http.request import Request

try:
    from aiohttp import web
    from aiohttp.http import HttpVersion11
except ImportError as missing:
    raise MissingExtraError("aiohttp", "companion_async.integrations.aiohttp") from missing

BRAIN = web.AppKey("BRAIN", Brain)
"""Where the app has its brain."""
COMPANION = web.AppKey("COMPANION", CompanionBrain)
"""The same brain, where it is one that can be asked."""
_API = web.AppKey("_API", Api)

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def setup_companion(
    app: web.Application, config: BrainConfig | Brain | None = None, prefix: str = "/companion"
) -> None:
    """Give ``app`` a brain for as long as it runs, at ``app[BRAIN]``, and the HTTP interface under ``prefix``.

    With a config, or nothing, it is a `CompanionBrain`. A `Brain` is taken as it is: one that has not been started is
    started and shut down with the app, one that runs is left to its owner. Everything under our paths, refusals
    included, is answered in the interface's own form; other paths are the app's.
    """
    prefix = prefix.rstrip("/")
    if prefix and not prefix.startswith("/"):
        raise InvalidArgumentError(f"prefix must begin with a slash; {prefix!r:.80} does not.")

    async def companion(app: web.Application) -> AsyncIterator[None]:
        brain = config if isinstance(config, Brain) else CompanionBrain(config)
        ours = brain.phase != "running"
        if ours:
            await brain.start()
        app[BRAIN], app[_API] = brain, Api(brain)
        if isinstance(brain, CompanionBrain):
            app[COMPANION] = brain
        try:
            yield
        finally:
            app[_API].close()
            if ours:
                await brain.shutdown()

    async def end_streams(app: web.Application) -> None:
        if _API in app:
            app[_API].close()

    app.cleanup_ctx.append(companion)
    app.on_shutdown.append(end_streams)
    _add_routes(app, prefix)


def _add_routes(app: web.Application, prefix: str) -> None:
    for path in dict.fromkeys(operation.path for operation in OPERATIONS):
        resource = app.router.add_resource(prefix + path.replace(":path}", ":.+}"))
        for operation in OPERATIONS:
            if operation.path == path:
                handler = _handler(partial(_handle, operation))
                resource.add_route(operation.method, handler, expect_handler=_wait_for_us)
        refuse = _handler(partial(_refuse_method, methods_at(path)))
        resource.add_route("*", refuse, expect_handler=_wait_for_us)
    if prefix:
        app.router.add_get(prefix, _to_the_page)


async def _handle(operation: Operation, api: Api, request: Request) -> Answer:
    return await api.handle(operation, request)


async def _refuse_method(allowed: Sequence[str], api: Api, request: Request) -> Answer:
    return await api.refuse_method(allowed, request)


async def _to_the_page(request: web.Request) -> web.StreamResponse:
    # Relative links on the page need the slash.
    return web.Response(status=307, headers={"location": f"{request.rel_url.raw_path}/"})


async def _wait_for_us(request: web.Request) -> None:
    """Send no ``100 Continue`` yet: a stranger is refused before the body is asked for."""


def _handler(respond: Callable[[Api, Request], Awaitable[Answer]]) -> Callable[..., Awaitable[web.StreamResponse]]:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = await respond(request.app[_API], _request(request))
        if isinstance(answer.body, bytes):
            response: web.StreamResponse = web.Response(
                status=answer.status, body=answer.body, headers=answer.all_headers()
            )
        else:
            response = web.StreamResponse(status=answer.status, headers=answer.all_headers())
        if answer.closing:
            response.force_close()
        if not isinstance(answer.body, bytes):
            await _send_chunks(answer.body, response, request)
        return response

    return handler


async def _send_chunks(body: AsyncGenerator[bytes, None], response: web.StreamResponse, request: web.Request) -> None:
    async with aclosing(body) as chunks:
        try:
            await response.prepare(request)
            async for chunk in chunks:
                with anyio.fail_after(STALLED):
                    await response.write(chunk)
            await response.write_eof()
        except (ConnectionResetError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()


def _request(request: web.Request) -> Request:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    local = request.transport.get_extra_info("sockname") if request.transport is not None else None

    async def chunks() -> AsyncIterator[bytes]:
        if headers.get("expect", "").lower() == "100-continue" and request.version == HttpVersion11:
            await request.writer.write(_CONTINUE)
            request.writer.output_size = 0
        async for chunk in request.content.iter_any():
            yield chunk

    return Request(
        method=request.method,
        path=request.path,
        query=request.rel_url.raw_query_string,
        params=request.match_info,
        headers=headers,
        chunks=chunks,
        server=local[0] if isinstance(local, tuple) else None,
        secure=request.secure,
    )
