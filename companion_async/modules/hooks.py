"""Runs what a module's author wrote besides work (constructor, start, stop, health), so that nothing it does gets out.

Each call runs in a task of its own. That is what tells a ``CancelledError`` that the author's code raised from a
cancellation of whoever is waiting here: the first arrives as a result, the second as an exception.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import anyio
import msgspec

from companion_async.clock import Clock
from companion_async.modules.handlers import HandlerKind, classify

T = TypeVar("T")


class CallInThread(Protocol):
    """Runs ``work`` in some thread and gives its result. ``work`` raises nothing.

    Cancelling the await should return soon; the thread may go on, and is then the callee's to count.
    """

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


class HookOutcome(msgspec.Struct):
    """What a call came to: a value, or the error that stands for it."""

    value: Any = None
    error: BaseException | None = None


class Interrupted(Exception):
    """The call was ended because its module is being stopped."""


class HookCalls:
    """The calls of one module's hooks. Loop thread only."""

    __slots__ = ("_call_in_thread", "_clock", "_halts", "_left", "_linger", "_wakes")

    def __init__(self, clock: Clock, call_in_thread: CallInThread, linger: float) -> None:
        self._clock = clock
        self._call_in_thread = call_in_thread
        self._linger = linger
        self._left: dict[asyncio.Task[HookOutcome], str] = {}
        self._wakes: set[asyncio.Event] = set()
        self._halts = 0

    async def call(
        self, what: str, hook: Callable[[], Any], limit: float, *, interruptible: bool = False, construct: bool = False
    ) -> HookOutcome:
        """Call ``hook``: an ``async def`` on the loop, anything else in a thread, whose awaitable is awaited here.

        Nothing that the hook raises is raised here, ``SystemExit`` and cancellation of its own included. After
        ``limit`` seconds it is cancelled and the outcome is a `TimeoutError`; if it does not heed that within
        ``linger`` seconds it is left behind. Cancelling this call cancels the hook likewise, and then raises.
        An ``interruptible`` call can be cut short by `halted`, with the outcome `Interrupted`.
        With ``construct`` the hook's value is what counts, and is not awaited unless it is a coroutine.
        """
        if interruptible and self._halts:
            return HookOutcome(error=Interrupted(f"{what} was not begun"))
        work = _contained(hook, self._call_in_thread, construct)
        child = asyncio.get_running_loop().create_task(work, name=f"{what} hook")
        self._left[child] = what
        child.add_done_callback(lambda done: self._left.pop(done, None))
        wake = asyncio.Event()
        if interruptible:
            self._wakes.add(wake)
        try:
            await self._wait(child, limit, wake)
        except asyncio.CancelledError:
            await self._put_down(child)
            raise
        finally:
            self._wakes.discard(wake)
        if child.done():
            return child.result()
        interrupted = interruptible and self._halts
        await self._put_down(child)
        if interrupted:
            return HookOutcome(error=Interrupted(f"{what} was cut short"))
        return HookOutcome(error=TimeoutError(f"{what} did not end within {limit:g} s"))

    @contextmanager
    def halted(self) -> Iterator[None]:
        """Inside this block the interruptible calls under way are cut short, and none is begun."""
        self._halts += 1
        for wake in self._wakes:
            wake.set()
        try:
            yield
        finally:
            self._halts -= 1

    def is_under_way(self, what: str) -> bool:
        """Whether a call of that name has not ended, be it long given up."""
        return what in self._left.values()

    @property
    def left(self) -> int:
        """Calls that have not ended."""
        return len(self._left)

    async def _put_down(self, child: asyncio.Task[HookOutcome]) -> None:
        child.cancel()
        # Whoever waits here may be cancelled already; the hook is given its moment all the same.
        with anyio.CancelScope(shield=True):
            await self._wait(child, self._linger, asyncio.Event())

    async def _wait(self, child: asyncio.Task[HookOutcome], seconds: float, wake: asyncio.Event) -> None:
        child.add_done_callback(lambda _: wake.set())
        timer = self._clock.call_later(seconds, wake.set)
        try:
            await wake.wait()
        finally:
            timer.cancel()


async def _contained(hook: Callable[[], Any], call_in_thread: CallInThread, construct: bool) -> HookOutcome:
    try:
        if classify(hook) is HandlerKind.LOOP:
            return HookOutcome(await hook())
        outcome = await call_in_thread(lambda: _quietly(hook))
        awaitable = inspect.iscoroutine(outcome.value) if construct else inspect.isawaitable(outcome.value)
        return HookOutcome(await outcome.value) if awaitable else outcome
    except BaseException as error:  # Nothing raw leaves a hook: it would end the loop.
        return HookOutcome(error=error)


def _quietly(hook: Callable[[], Any]) -> HookOutcome:
    try:
        return HookOutcome(hook())
    except BaseException as error:  # Nor a thread: SystemExit in one ends the loop.
        return HookOutcome(error=error)
