"""Serving a companion over HTTP until the process is asked to end, and an end that nothing can hold up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import msgspec

from companion_async.cli.companion import load_config, tell
from companion_async.cli.console import complain
from companion_async.cli.process import FAILED, INTERRUPTED, OK, end_now, leave, run, set_up_log
from companion_async.cli.tables import seconds
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig
from companion_async.errors import CompanionError, InvalidArgumentError, MissingExtraError
from companion_async.http.access import check_bind, is_loopback
from companion_async.http.api import Api
from companion_async.http.asgi import Application
from companion_async.security import check_count, check_seconds
from companion_async.status.worker import WorkerStatus

if TYPE_CHECKING:
    import uvicorn

_LAST_WORD = 1.0  # seconds: what the brain's shutdown may take beyond its own limit
_LOOK_EVERY = 0.1  # seconds
_IDLE = 75  # seconds: a connection that is closed as its client sends again is an error for that client
_WALL = 0.8  # seconds beyond the grace after which the process ends, whatever it is doing


def serve(
    host: str, port: int, token: str | None, docs: list[str] | None, config_path: Path | None, grace: float
) -> int:
    """Serve until SIGINT or SIGTERM; then end within ``grace`` seconds and one more. The code is 0 if nothing was left.

    A second signal ends the process at once.
    """
    config = _config(host, token, docs, config_path)
    check_count(port, "--port", minimum=0, maximum=65_535)
    check_seconds(grace, "--grace", zero=True)
    set_up_log(os.environ.get("COMPANION_LOG_LEVEL") or "WARNING")
    try:
        import uvicorn  # noqa: F401
    except ImportError:
        raise MissingExtraError("serve", "companion serve") from None
    try:
        listening = _listen(host, port)
    except OSError as error:
        complain(f"cannot listen on {host}:{port}: {error.strerror or error}.")
        return FAILED
    code, deadline = run(_serve(config, listening, host, grace))
    return leave(code, grace=max(0.0, deadline - time.monotonic()))


def _config(host: str, token: str | None, docs: list[str] | None, path: Path | None) -> CompanionConfig:
    config = load_config(docs, path)
    if token is not None:
        config = msgspec.structs.replace(config, token=token)
    if is_loopback(host):
        config = msgspec.structs.replace(config, expose_errors=True)
    if refused := check_bind(host, config):
        raise InvalidArgumentError(refused)
    for each in config.knowledge.documents:
        if not Path(each).expanduser().exists():
            raise InvalidArgumentError(f"there is nothing to read at {each!r:.200}.")
    return config


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)  # from here on callers wait until they are served
    except OSError:
        listening.close()
        raise
    return listening


async def _serve(config: CompanionConfig, listening: socket.socket, host: str, grace: float) -> tuple[int, float]:
    """The code to end with, and the moment, monotonic, by which the process is to have ended."""
    asked_to_end = asyncio.Event()
    brain = CompanionBrain(config)
    with _signals(asked_to_end):
        await brain.start()
        api = Api(brain)
        server = _server(api)
        serving = asyncio.create_task(server.serve(sockets=[listening]), name="companion server")
        async with _reading(brain):
            port = listening.getsockname()[1]
            shown = f"[{host}]" if ":" in host else host
            print(f"Serving on http://{shown}:{port} (Ctrl-C ends it)", flush=True)
            asking = asyncio.create_task(asked_to_end.wait())
            await asyncio.wait([asking, serving], return_when=asyncio.FIRST_COMPLETED)
            asking.cancel()
        began = time.monotonic()
        busy = _Busy(brain)
        with _wall(grace + _WALL, busy):
            api.close()
            server.should_exit = True
            ending = asyncio.create_task(brain.shutdown(max(0.0, grace - _LAST_WORD)))
            while not ending.done():
                busy.look()
                await asyncio.wait([ending], timeout=_LOOK_EVERY)
            await asyncio.wait([serving], timeout=max(0.0, began + grace - time.monotonic()))
            serving.cancel()
            await asyncio.wait([serving])
    report = ending.result()
    complain(
        f"ended after {report.seconds:.1f} s: {report.drained} tasks finished, {report.cancelled} never ran"
        f"{busy.left()}."
    )
    return (FAILED if report.abandoned else OK), began + grace + _WALL


def _server(api: Api) -> uvicorn.Server:
    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            # Signals are ours: they end the streams and the brain too.
            yield

    config = uvicorn.Config(
        Application(api),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE,
    )
    return Server(config)


@asynccontextmanager
async def _reading(brain: CompanionBrain) -> AsyncIterator[None]:
    """Read the documents beside everything else, so that the first question need not wait for it."""

    async def read() -> None:
        try:
            learned = await brain.learn()
            tell(learned, brain.config)
            with contextlib.suppress(OSError):  # whoever read the first line may have gone
                passages = "1 passage" if learned.documents == 1 else f"{learned.documents:,} passages"
                print(f"Read {passages} in {seconds(learned.seconds)}.", flush=True)
        except CompanionError as error:
            complain(error.message)

    reading = asyncio.create_task(read(), name="companion reading")
    try:
        yield
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading


@contextmanager
def _signals(asked_to_end: asyncio.Event) -> Iterator[None]:
    loop, came = asyncio.get_running_loop(), list[int]()

    def handler(number: int, frame: FrameType | None) -> None:
        if came:
            end_now(INTERRUPTED, "Asked a second time; ending the process at once.")
        came.append(number)
        loop.call_soon_threadsafe(asked_to_end.set)

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def _wall(seconds: float, busy: _Busy) -> Iterator[None]:
    """End the process after ``seconds``, even if the loop does not turn any more."""

    def hit() -> None:
        end_now(FAILED, f"Not ended within {seconds:.1f} s; ending the process without waiting{busy.left()}.")

    timer = threading.Timer(seconds, hit)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Busy:
    """Who was seen at work while the brain ended, so that those who still are can be named."""

    def __init__(self, brain: CompanionBrain) -> None:
        self._brain = brain
        self._seen: dict[str, WorkerStatus] = {}

    def look(self) -> None:
        """Take in who is at work now."""
        for category in self._brain.status().categories.values():
            self._seen.update((worker.name, worker) for worker in category.workers if worker.task_id is not None)

    def left(self) -> str:
        """Those whose threads are still there, in words. Any thread."""
        there = {thread.name for thread in threading.enumerate()}
        named = [f"{each.module} (task {each.task_id})" for name, each in self._seen.items() if name in there]
        if not named:
            return ""
        more = f" and {len(named) - 10} more" if len(named) > 10 else ""
        return f"; left at work: {', '.join(named[:10])}{more}"
