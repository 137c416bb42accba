"""Targets that run in a process: what the loop does for each of their runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from companion_async.errors import RemoteError, TaskCrashedError
from companion_async.modules.retry import RetryPolicy
from companion_async.offload.processes.conversation import Conversation
from companion_async.offload.processes.group import Group, UnfitError
from companion_async.offload.processes.messages import Run
from companion_async.offload.processes.parcel import pack, unpack, unpack_error
from companion_async.offload.slot import Seat
from companion_async.scheduling.context import SEAT, deadline_of
from companion_async.scheduling.coroutines import Postponed
from companion_async.scheduling.particulars import Progress
from companion_async.scheduling.port import Port
from companion_async.scheduling.task import Task

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler

_LARGE = 2**18
"""Bytes of a result from which on a thread opens it: what takes a millisecond is too much for the loop."""

OnUnfit = Callable[[Port, BaseException], bool]
OnQuarantine = Callable[[Task[Any], list[str]], None]


class Remote:
    """One target of a module that lives in a `Group`, as the function that its tasks are made with.

    A run begins when a process has it: starting one is waiting, not running. Cancelled, the work is signalled and goes
    on until it ends or its process is killed, and keeps its place until then.
    """

    __slots__ = ("_group", "_on_quarantine", "_on_unfit", "_scheduler", "_streams", "_target")

    def __init__(
        self,
        scheduler: Scheduler,
        group: Group,
        target: Any,
        on_unfit: OnUnfit,
        on_quarantine: OnQuarantine,
        *,
        streams: bool,
    ) -> None:
        self._scheduler = scheduler
        self._group = group
        self._target = target
        self._on_unfit = on_unfit
        self._on_quarantine = on_quarantine
        self._streams = streams

    def seal(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bytes]:
        """The arguments with which to call this: what ``args`` and ``kwargs`` are now, whatever becomes of them.

        `InvalidArgumentError` if something cannot be pickled, or if just this call is quarantined.
        """
        parcel = pack((self._target, args, kwargs), f"The work for module {self._group.name!r}")
        self._group.check(parcel)
        return (parcel,)

    def __call__(self, parcel: bytes) -> Coroutine[Any, Any, Any] | AsyncIterator[Any]:
        return self._items(parcel) if self._streams else self._value(parcel)

    async def _value(self, parcel: bytes) -> Any:
        talk = await self._begin(parcel)
        try:
            await talk.end()
        finally:
            self._finish(talk)
        return await self._outcome(talk, parcel)

    async def _items(self, parcel: bytes) -> AsyncIterator[Any]:
        talk = await self._begin(parcel)
        try:
            while (item := await talk.next_item()) is not None:
                yield await _opened(item)
        finally:
            if not talk.over:  # its reader was cancelled, or has left
                talk.signal()
                await talk.end()
            self._finish(talk)
        await self._outcome(talk, parcel)

    async def _begin(self, parcel: bytes) -> Conversation:
        scheduler, seat = self._scheduler, SEAT.get()
        assert seat is not None  # called by Coroutines only
        task: Any = seat.job
        try:
            process = await self._group.acquire()
        except UnfitError as unfit:
            cause = unfit.__cause__
            assert cause is not None
            if self._on_unfit(task.lane, cause):
                raise Postponed from None
            raise cause from None
        now = task.started = seat.beat = scheduler.clock.monotonic()
        process.runs += 1
        process.work = task
        seat.kill = process.kill
        talk = process.conversation = Conversation(process, partial(_progress, task, seat))
        scheduler.announcer.started(task, process.name)
        until = deadline_of(task)
        left = None if until is None else until - now
        process.send(Run(task.id, task.tries + 1, left, self._streams, scheduler.settings.stream_buffer), parcel)
        return talk

    def _finish(self, talk: Conversation) -> None:
        seat = SEAT.get()
        if seat is not None:
            seat.kill, seat.cpu = None, talk.cpu
        self._group.release(talk.process)

    async def _outcome(self, talk: Conversation, parcel: bytes) -> Any:
        seat = SEAT.get()
        assert seat is not None
        task: Any = seat.job
        if talk.exit:
            if talk.signalled:
                raise asyncio.CancelledError
            exits, quarantined = self._group.crashed(parcel, talk.exit)
            if quarantined:
                task.rare().retry = RetryPolicy(attempts=1)
                self._on_quarantine(task, exits)
            raise TaskCrashedError(task.id, task.module, talk.exit, talk.exit)
        if talk.failed:
            raise unpack_error(talk.parcel, talk.process.pid)
        return await _opened(talk.parcel)


def _progress(task: Task[Any], seat: Seat, fraction: float, text: str) -> None:
    task.rare().progress = Progress(fraction, text)
    seat.beat = task.owner.clock.monotonic()


async def _opened(parcel: bytes) -> Any:
    try:
        if len(parcel) < _LARGE:
            return unpack(parcel)
        return await anyio.to_thread.run_sync(unpack, parcel)
    except Exception as error:  # its class may be known there and not here, or do anything when it is made
        raise RemoteError(type(error).__name__, f"the result could not be opened here: {error}") from error
