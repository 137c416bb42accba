"""The processes of one module: handed out one run at a time, started when wanted, retired when not."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import deque
from typing import TYPE_CHECKING

from loguru import logger

from companion_async.clock import TimerHandle
from companion_async.errors import CompanionError, InvalidArgumentError
from companion_async.offload.processes import child_log
from companion_async.offload.processes.conversation import Conversation
from companion_async.offload.processes.messages import Begin, Check, Logged
from companion_async.offload.processes.parcel import main_program, unpack_error
from companion_async.offload.processes.process import Process

if TYPE_CHECKING:
    from companion_async.offload.processes.fleet import Fleet

_SECONDS_TO_STOP = 5.0
_MOST_SUSPECTS = 1000


class UnfitError(Exception):
    """A process could not be started, or its module could not start there; the cause says why."""


class Group:
    """The processes in which one module lives, one instance in each. Loop only.

    There are never more than runs of the module at once: whoever runs has one to himself, and the one that was free
    last is taken first. The category's and the module's limits bound them, as they bound threads.
    """

    def __init__(self, fleet: Fleet, name: str, parcel: bytes, category: str) -> None:
        self.name = name
        self.category = category
        self.cpus: frozenset[int] | None = None
        self.processes: set[Process] = set()
        self._fleet = fleet
        self._parcel = parcel
        self._idle: list[Process] = []
        self._waiters: deque[asyncio.Future[Process]] = deque()
        self._starting = 0
        self._started = 0
        self._generation = 0
        self._unproven = False
        self._crashes: dict[bytes, list[str]] = {}
        self._quarantined: set[bytes] = set()
        self._timer: TimerHandle | None = None

    # -- the module's life, as `modules.lifecycle` asks for it -----------------------------------------------------

    async def start(self) -> None:
        """Take work. The first process starts with the first run, unless the last start failed: then that is tried
        again here, so that the module is not called up while it cannot be.
        """
        self._generation += 1
        self._crashes.clear()
        self._quarantined.clear()
        if self._unproven:
            process, error = await self._launch()
            if error is not None:
                raise error
            self.release(process)

    async def stop(self) -> None:
        """Stop the module in every process; those that run end after their run."""
        self._generation += 1
        stopping, self._idle = self._idle, []
        for process in stopping:
            self._retire(process)
        while any(process in self.processes for process in stopping):
            await self._fleet.change()

    async def health(self) -> None:
        """Ask the module in a process that is free; without one there is nothing to ask."""
        if not self._idle:
            return
        process = self._idle.pop()
        process.conversation = talk = Conversation(process, lambda fraction, text: None)
        process.send(Check())
        try:
            await talk.end()
        finally:
            self.release(process)
        if talk.exit:
            raise CompanionError(f"Process {process.pid} ended while it checked its health: {talk.exit}.")
        if talk.failed:
            raise unpack_error(talk.parcel, process.pid)

    # -- handing out -----------------------------------------------------------------------------------------------

    async def acquire(self) -> Process:
        """A process for one run, to be given back by `release`; `UnfitError` if none can be started."""
        while self._idle:
            process = self._idle.pop()
            if not process.retiring and process.generation == self._generation:
                return process
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Process] = loop.create_future()
        self._waiters.append(waiter)
        self._want()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.cancelled() or not waiter.done():
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
            elif waiter.exception() is None:
                self.release(waiter.result())
            raise

    def release(self, process: Process) -> None:
        """The run is over."""
        process.conversation = process.work = None
        if process.gone or process.retiring:
            return
        recycle = self._fleet.settings.recycle_after
        if process.generation != self._generation or (recycle is not None and process.runs >= recycle):
            self._retire(process)
            self._want()
        elif (waiter := self._next_waiter()) is not None:
            waiter.set_result(process)
        else:
            process.parked_at = self._fleet.clock.monotonic()
            self._idle.append(process)
            self._arm()

    def pin(self, cpus: frozenset[int] | None) -> None:
        """Keep the processes, those to come too, on these processors."""
        self.cpus = cpus
        for process in self.processes:
            process.pin(cpus or frozenset(os.sched_getaffinity(0)))

    def _next_waiter(self) -> asyncio.Future[Process] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    # -- starting and ending ---------------------------------------------------------------------------------------

    async def _start(self) -> None:
        process, error = await self._launch()
        self._starting -= 1
        if error is None:
            self.release(process)
        elif (waiter := self._next_waiter()) is not None:
            failure = UnfitError(self.name)
            failure.__cause__ = error
            waiter.set_exception(failure)
        self._want()

    def _want(self) -> None:
        """See that as many are on their way as are waited for."""
        for _ in range(sum(not waiter.done() for waiter in self._waiters) - self._starting):
            self._starting += 1
            self._fleet.spawn(self._start())

    async def _launch(self) -> tuple[Process, BaseException | None]:
        fleet = self._fleet
        self._started += 1
        process = Process(f"companion-{self.category}-{self.name}-{self._started}", self._logged, self._ended)
        process.generation = self._generation
        self.processes.add(process)
        fleet.processes.add(process)
        late = fleet.clock.call_later(fleet.settings.start_timeout, process.kill)
        error: BaseException | None
        try:
            begin = Begin(self.name, fleet.directory(), main_program(), fleet.settings.memory_limit, fleet.log_level())
            error = await process.start(begin, self._parcel, fleet.limiter, self.cpus)
        except Exception as raised:  # somebody waits for it
            error = raised
            process.kill()
        except BaseException:
            process.kill()
            raise
        finally:
            late.cancel()
            if process.gone or not process.pid:
                self._ended(process)
        self._unproven = error is not None
        return process, error

    def _retire(self, process: Process) -> None:
        process.stop()
        # On the real clock: it is a real process, and must be gone when the test's own time stands still.
        asyncio.get_running_loop().call_later(_SECONDS_TO_STOP, process.kill)

    def _ended(self, process: Process) -> None:
        self.processes.discard(process)
        self._fleet.processes.discard(process)
        if process in self._idle:
            self._idle.remove(process)
            logger.bind(module=self.name).warning("Process {} ended while it was idle: {}.", process.pid, process.exit)
        self._fleet.changed()

    def _logged(self, process: Process, line: Logged) -> None:
        child_log.write(line, self.name, process.pid)

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self._fleet.clock.call_later(self._fleet.settings.idle_seconds, self._send_home)

    def _send_home(self) -> None:
        self._timer = None
        since = self._fleet.clock.monotonic() - self._fleet.settings.idle_seconds
        for process in [process for process in self._idle if process.parked_at <= since]:
            self._idle.remove(process)
            self._retire(process)
        if self._idle:
            self._arm()

    # -- calls that kill -------------------------------------------------------------------------------------------

    def check(self, parcel: bytes) -> None:
        """`InvalidArgumentError` for a call that is quarantined."""
        if self._quarantined and _digest(parcel) in self._quarantined:
            exits = ", ".join(self._crashes[_digest(parcel)])
            raise InvalidArgumentError(
                f"This call of module {self.name!r} is quarantined: with these arguments it has killed its process "
                f"{self._fleet.settings.crashes} times ({exits}). Mend it, then await brain.restart({self.name!r})."
            )

    def crashed(self, parcel: bytes, exit: str) -> tuple[list[str], bool]:
        """A run has killed its process: how the same call has ended so far, and whether it is quarantined now. Who
        else had run in that process is not to blame.
        """
        digest = _digest(parcel)
        exits = self._crashes.setdefault(digest, [])
        exits.append(exit)
        if len(exits) >= self._fleet.settings.crashes:
            self._quarantined.add(digest)
            return exits, True
        while len(self._crashes) > _MOST_SUSPECTS:
            oldest = next(key for key in self._crashes if key not in self._quarantined)
            del self._crashes[oldest]
        return exits, False


def _digest(parcel: bytes) -> bytes:
    return hashlib.blake2b(parcel, digest_size=16).digest()
