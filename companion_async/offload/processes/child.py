"""What runs in a process: it makes the module, takes one run after the other, and ends with its parent."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import spawn
from typing import Any, NoReturn

import msgspec
from loguru import logger

from companion_async.offload.processes import child_log, inside
from companion_async.offload.processes.inside import Absent, ProcessContext, Window
from companion_async.offload.processes.messages import (
    HEADER_SIZE,
    Begin,
    BrokenWire,
    Cancel,
    Check,
    Done,
    Failed,
    Item,
    Message,
    Progress,
    Read,
    Ready,
    Run,
    ToProcess,
    Unfit,
    encode,
    sizes,
)
from companion_async.offload.processes.parcel import pack, pack_error, unpack
from companion_async.security import never_begun

_DECODE = msgspec.msgpack.Decoder(ToProcess).decode


def main(connection: socket.socket) -> None:
    """The life of the process. Runs in its main thread, as programs expect of themselves."""
    connection.set_inheritable(False)
    connection.setblocking(True)
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    Child(Wire(connection)).live()


class Wire:
    """The connection to the parent. `receive` belongs to one thread, `send` to all."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._input = connection.makefile("rb")
        self._lock = threading.Lock()

    def receive(self) -> tuple[ToProcess, bytes]:
        """The next message; `EOFError` when the parent is gone."""
        body, parcel = sizes(self._exactly(HEADER_SIZE))
        return _DECODE(self._exactly(body)), self._exactly(parcel)

    def send(self, message: Message, parcel: bytes = b"") -> None:
        """Tell the parent. If it is gone, so is this process."""
        head = encode(message, parcel)
        try:
            with self._lock:
                if len(parcel) < 65_536:
                    self._connection.sendall(head + parcel)
                else:
                    self._connection.sendall(head)
                    self._connection.sendall(parcel)
        except OSError:
            end_at_once()

    def _exactly(self, count: int) -> bytes:
        data = self._input.read(count) if count else b""
        if len(data) < count:
            raise EOFError
        return data


class Child:
    """One module, as its `Resident` keeps it, and the work that it is given."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._work: queue.SimpleQueue[tuple[ToProcess, bytes]] = queue.SimpleQueue()
        self._window: Window | None = None
        self._runner: asyncio.Runner | None = None
        self._main: dict[str, str] = {}
        self._has_main = False
        self._name = ""
        self._resident: Any = None

    def live(self) -> None:
        """From the first word to the last."""
        begin, parcel = self._wire.receive()
        if not isinstance(begin, Begin):
            end_at_once()
        self._main, self._name = begin.main, begin.module
        child_log.hand_over(self._wire.send, begin.log_level)
        threading.Thread(target=self._listen, name="companion listener", daemon=True).start()
        try:
            _limit_memory(begin.memory_limit)
            os.chdir(begin.directory)
            self._resident = unpack(parcel, self._load_main)
            self._await(self._resident.start(Absent()))
        except BaseException as error:
            self._wire.send(Unfit(), pack_error(error))
            return
        self._wire.send(Ready())
        while True:
            message, parcel = self._work.get()
            if isinstance(message, Run):
                self._run(message, parcel)
            elif isinstance(message, Check):
                self._answer(lambda: self._await(self._resident.health()), "What health() returned")
            else:
                break
        try:
            self._await(self._resident.stop())
        except BaseException as error:
            logger.bind(module=self._name).warning("stop failed in process {}: {!r}", os.getpid(), error)
        if self._runner is not None:
            self._runner.close()

    # -- the parent's words ----------------------------------------------------------------------------------------

    def _listen(self) -> None:
        while True:
            try:
                message, parcel = self._wire.receive()
            except (EOFError, OSError, BrokenWire):
                end_at_once()
            context, window = inside.running, self._window
            if isinstance(message, Cancel):
                if context is not None:
                    context.cancel(message.reason)
                if window is not None:
                    window.wake()
            elif isinstance(message, Read):
                if window is not None:
                    window.open()
            else:
                self._work.put((message, parcel))

    def _load_main(self) -> None:
        """Import the program's main file, under a name that does not run what stands under its main guard."""
        if self._has_main:
            return
        self._has_main = True
        inside.importing_main = True
        try:
            spawn.prepare(self._main)  # the standard library's own way, as `multiprocessing` has it
        finally:
            inside.importing_main = False

    # -- a run -----------------------------------------------------------------------------------------------------

    def _run(self, run: Run, parcel: bytes) -> None:
        def report(fraction: float, message: str) -> None:
            if inside.running is context:  # a thread may outlive the run that it was started by
                self._wire.send(Progress(fraction, message))

        context = ProcessContext(run.task_id, self._name, run.attempt, run.seconds, report)
        self._window = Window(context, run.window) if run.streams else None
        inside.running = context
        try:
            self._answer(lambda: self._call(run, parcel, context), "The result")
        finally:
            inside.running = self._window = None

    def _call(self, run: Run, parcel: bytes, context: ProcessContext) -> Any:
        target, args, kwargs = unpack(parcel, self._load_main)
        function = self._resident.handler(target) if isinstance(target, str) else target
        try:
            value = contextvars.copy_context().run(function, *args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # the work's own
            name = target if isinstance(target, str) else getattr(target, "__qualname__", type(target).__name__)
            raise never_begun(error, self._name, name, function, args, kwargs) from None
        if not run.streams:
            return self._await(value, context) if inspect.isawaitable(value) else value
        if hasattr(value, "__aiter__"):
            self._await(self._drain(value), context)
        else:
            try:
                for item in value:
                    self._emit(item)
            finally:
                close = getattr(value, "close", None)
                if close is not None:
                    close()
        return None

    async def _drain(self, items: Any) -> None:
        try:
            async for item in items:
                self._emit(item)
        finally:
            await items.aclose()

    def _emit(self, item: Any) -> None:
        parcel = pack(item, "An item of the stream")
        if self._window is not None:
            self._window.pass_one()
        self._wire.send(Item(), parcel)

    def _answer(self, call: Callable[[], Any], what: str) -> None:
        cpu = time.process_time()
        try:
            parcel = pack(call(), what)
        except BaseException as error:  # nothing that work raises ends the process
            trace = error.__traceback__
            while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
                trace = trace.tb_next  # our own frames are of no use to a reader
            self._wire.send(Failed(time.process_time() - cpu), pack_error(error.with_traceback(trace)))
        else:
            self._wire.send(Done(time.process_time() - cpu), parcel)

    def _await(self, awaitable: Any, context: ProcessContext | None = None) -> Any:
        """What an awaitable comes to, on the process's own event loop, which stands still between the runs."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        loop = self._runner.get_loop()

        async def work() -> Any:
            current = asyncio.current_task()
            if context is not None and current is not None:
                context.on_cancel = lambda: loop.call_soon_threadsafe(current.cancel)
            try:
                return await awaitable
            finally:
                if context is not None:
                    context.on_cancel = None

        return self._runner.run(work())


def _limit_memory(limit: int | None) -> None:
    if limit is None or not sys.platform.startswith("linux"):
        return
    import resource

    # What is allocated counts, not what is mapped from files: RLIMIT_AS would count the libraries too.
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def end_at_once() -> NoReturn:
    """End this process and all that it has started, whatever they are doing."""
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
