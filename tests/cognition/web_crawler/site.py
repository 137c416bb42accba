"""A site for tests: real HTTP on loopback, with whatever a server can do wrong."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

Answering = Callable[["Asked", asyncio.StreamWriter], Awaitable[None]]


class Asked:
    """A request as it came."""

    def __init__(self, target: str, headers: dict[str, str]) -> None:
        self.target, self.headers = target, headers


class Site:
    """Answers what ``pages`` has for the target: bytes or text as HTML, a tuple of status, headers and body, or a
    function that writes the answer itself. ``missing`` answers the rest. Keeps what it was asked.
    """

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        self.missing: Any = (404, {}, b"no such page")
        self.asked: list[Asked] = []
        self.at_once = 0
        self.most_at_once = 0
        self.url = ""

    @property
    def targets(self) -> list[str]:
        return [each.target for each in self.asked]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                target = head[0].split(" ")[1]
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
                self.asked.append(Asked(target, headers))
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    await self._write(self.pages.get(target, self.missing), self.asked[-1], writer)
                finally:
                    self.at_once -= 1

    async def _write(self, page: Any, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if callable(page):
            page = page(asked, writer)
            if asyncio.iscoroutine(page):
                await page
                return
        status, headers, body = page if isinstance(page, tuple) else (200, {}, page)
        body = body.encode() if isinstance(body, str) else body
        headers = {"content-type": "text/html; charset=utf-8", "content-length": str(len(body)), **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
        writer.write(f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode("latin-1") + body)
        await writer.drain()


@asynccontextmanager
async def serving(site: Site, tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    """The site on a free port of loopback, gone with all of its connections when the block ends."""
    at_work: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(site.answer(reader, writer))
        at_work.add(task)
        task.add_done_callback(at_work.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1 << 20, ssl=tls)
    site.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield site
    finally:
        server.close()
        for task in tuple(at_work):
            task.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)


def page(title: str, *links: str, text: str = "Green tea is brewed with water of seventy degrees. ") -> str:
    """A page with a title, a text worth reading and some links."""
    listed = "".join(f'<li><a href="{link}">a link</a></li>' for link in links)
    return (
        f'<!doctype html><html lang="en"><head><title>{title}</title><meta name="author" content="Ada Lovelace">'
        f'<meta name="description" content="About {title}"></head><body><nav><a href="/menu">Menu</a></nav>'
        f"<article><h1>{title}</h1><p>{text * 5}</p><p>{text * 4}</p></article><ul>{listed}</ul></body></html>"
    )
