"""One process as its parent sees it: started, spoken to, killed, and reaped in every case."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import spawn
from typing import Any, cast

import anyio

from companion_async.errors import CompanionError
from companion_async.offload.processes.conversation import Conversation
from companion_async.offload.processes.messages import (
    Begin,
    BrokenWire,
    Frames,
    Logged,
    Message,
    Ready,
    Stop,
    Unfit,
    encode,
)
from companion_async.offload.processes.parcel import unpack_error

_COMMAND = (
    "import socket, sys; sys.path[:] = {path!r}; from companion_async.offload.processes.child import main; main({wire})"
)
_INHERITED = "socket.socket(fileno={number})"
_SHARED = "socket.fromshare(sys.stdin.buffer.read())"  # Windows hands sockets over by value
_SECONDS_TO_EXIT = 1.0
_LEFT_BEHIND = 0.2
"""Seconds after its end in which what a process has said still comes in, were its connection kept open by others."""


class Process(asyncio.Protocol):
    """A fresh interpreter on the other end of a pair of sockets. Loop only.

    No thread waits for it: the loop hears what it says, and on Linux of its end. It leads a session of its own, so
    that what it starts is killed with it and a Ctrl-C in the terminal is the parent's alone. When this process ends,
    be it by ``kill -9``, the connection is closed and it ends too.
    """

    def __init__(self, name: str, on_log: Callable[[Process, Logged], None], on_end: Callable[[Process], None]) -> None:
        self.name = name
        self.pid = 0
        self.generation = 0
        self.runs = 0
        self.parked_at = 0.0
        self.retiring = False
        self.gone = False
        self.exit = ""
        self.work: Any = None
        self.conversation: Conversation | None = None
        self._loop = asyncio.get_running_loop()
        self._on_log = on_log
        self._on_end = on_end
        self._frames = Frames()
        self._broken = ""
        self._popen: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.Transport | None = None
        self._ready: asyncio.Future[BaseException | None] = self._loop.create_future()
        self._reaper: asyncio.Task[None] | None = None

    async def start(
        self, begin: Begin, parcel: bytes, limiter: anyio.CapacityLimiter, cpus: frozenset[int] | None
    ) -> BaseException | None:
        """Start it, and return when its module is up there: None, or why it is not."""
        ours, theirs = socket.socketpair()
        try:
            # Starting a program blocks for a moment. Cancelled meanwhile, this waits for it, and ends what was started.
            await anyio.to_thread.run_sync(self._launch, theirs, limiter=limiter)
        except BaseException as error:
            ours.close()
            self.reap()
            self.gone = True
            if isinstance(error, OSError):
                return error
            raise
        finally:
            theirs.close()
        self.pin(cpus)
        ours.setblocking(False)
        if ours.family == getattr(socket, "AF_UNIX", None):
            await self._loop.create_unix_connection(lambda: self, sock=ours)
        else:
            await self._loop.create_connection(lambda: self, sock=ours)
        self._watch()
        self.send(begin, parcel)
        return await self._ready

    def pin(self, cpus: frozenset[int] | None) -> None:
        """Keep it on these processors."""
        if cpus and self.pid and not self.gone:
            with contextlib.suppress(OSError):  # it has just ended
                os.sched_setaffinity(self.pid, cpus)

    def send(self, message: Message, parcel: bytes = b"") -> None:
        """Tell it something; what it does not read yet is kept here."""
        if self._transport is None or self._transport.is_closing():
            return
        head = encode(message, parcel)
        if len(parcel) < 65_536:
            self._transport.write(head + parcel)
        else:
            self._transport.write(head)
            self._transport.write(parcel)

    def stop(self) -> None:
        """Have it stop its module and end."""
        self.retiring = True
        self.send(Stop())

    def kill(self) -> None:
        """End it and all that it has started, at once; nothing in it can prevent that. It gets no further run."""
        self.retiring = True
        if self._popen is None or self.gone:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.pid, signal.SIGKILL)
            else:
                self._popen.kill()

    def reap(self) -> None:
        """Kill it and wait, blocking, for the moment that this takes: the loop has gone."""
        if self._popen is not None and not self.gone:
            self.kill()
            self._popen.wait()
            self.gone = True

    def _launch(self, theirs: socket.socket) -> None:
        self._popen = _launch(theirs)
        self.pid = self._popen.pid

    # -- what comes from it ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._broken:
            return
        try:
            for message, parcel in self._frames.feed(data):
                if isinstance(message, Logged):
                    self._on_log(self, message)
                elif isinstance(message, Ready):
                    self._settle(None)
                elif isinstance(message, Unfit):
                    self._settle(unpack_error(parcel, self.pid))
                elif self.conversation is not None:
                    self.conversation.hear(message, parcel)
        except BrokenWire as error:
            self._broken = str(error)
            self.kill()

    def connection_lost(self, exc: Exception | None) -> None:
        self._reaper = self._loop.create_task(self._reap(), name=f"reaper of {self.name}")

    def _settle(self, error: BaseException | None) -> None:
        if not self._ready.done():
            self._ready.set_result(error)

    # -- its end ---------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Hear of its end, though others may keep its connection open."""
        if not hasattr(os, "pidfd_open"):
            return
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            return  # an old kernel, or none to be had: the closed connection tells

        def ended() -> None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
            self.kill()
            self._loop.call_later(_LEFT_BEHIND, self._hang_up)

        self._loop.add_reader(descriptor, ended)

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def _reap(self) -> None:
        popen = self._popen
        assert popen is not None
        patience, pause = self._loop.time() + _SECONDS_TO_EXIT, 0.0
        while not self._has_exited(popen):
            if self._loop.time() > patience:
                self.kill()  # it has closed its connection and lives on
            await asyncio.sleep(pause)
            pause = min(0.02, pause + 0.001)
        self.kill()  # while its number is still taken: what it has left behind
        code = popen.wait()  # it has exited: this only takes note
        self.exit = self._broken or _exit(code)
        self.gone = True
        self._settle(CompanionError(f"Process {self.pid} ended while it started: {self.exit}."))
        if self.conversation is not None:
            self.conversation.lost(self.exit)
        self._on_end(self)

    @staticmethod
    def _has_exited(popen: subprocess.Popen[bytes]) -> bool:
        if sys.platform != "win32" and hasattr(os, "waitid"):
            with contextlib.suppress(ChildProcessError):
                return os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        return popen.poll() is not None


def _launch(theirs: socket.socket) -> subprocess.Popen[bytes]:
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    wire = _SHARED if sys.platform == "win32" else _INHERITED.format(number=theirs.fileno())
    command = _COMMAND.format(path=sys.path, wire=wire)
    arguments: list[Any] = [spawn.get_executable() or sys.executable, *flags, "-c", command]
    if sys.platform == "win32":
        popen = subprocess.Popen(arguments, stdin=subprocess.PIPE)
        assert popen.stdin is not None
        with popen.stdin as stdin:
            stdin.write(theirs.share(popen.pid))
        return popen
    return subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), start_new_session=True, close_fds=True
    )


def _exit(code: int) -> str:
    """How a process ended, in the system's words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"{name}, which the system also sends when memory runs out" if name == "SIGKILL" else name
