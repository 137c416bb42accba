"""A brain on an event loop and a thread of its own, called from every other thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import os
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from loguru import logger

from companion_async.brain.assembly import ShutdownReport
from companion_async.brain.brain import Brain
from companion_async.errors import BrainClosedError
from companion_async.sdk import leaving, switches
from companion_async.sdk.answer import Answer
from companion_async.sdk.refusals import WouldBlockError
from companion_async.security import check_seconds

B = TypeVar("B", bound=Brain)

_PATIENCE = 5.0
"""Seconds, beyond what was asked for, after which a shutdown is given up because the loop itself is stuck."""
_LAST_ANSWERS = 0.2


class Portal(Generic[B]):
    """Makes a brain with ``make()`` on a new loop (uvloop where there is one) in a new daemon thread, and starts it.

    The constructor returns when the brain is up, and raises what kept it from that. `call` and `run` may be used from
    any thread; interrupted (Ctrl-C) they return at once and what they began goes on. ``before_end`` is called on the
    loop after the brain's shutdown, for whoever wants to keep what is then known. A portal ends with `close`, or with
    the interpreter (see `leaving`), which it never holds up.
    """

    def __init__(
        self, make: Callable[[], B], *, name: str = "companion portal", before_end: Callable[[B], None] | None = None
    ) -> None:
        switches.follow()
        self.process = os.getpid()
        self.ended: concurrent.futures.Future[ShutdownReport] = concurrent.futures.Future()
        self._waiting: set[Answer | concurrent.futures.Future[Any]] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._chores: set[asyncio.Task[None]] = set()
        self._before_end = before_end
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ident: int | None = None
        self._closing = False
        self._report = ShutdownReport(0, 0, 0, 0.0)
        started: concurrent.futures.Future[B] = concurrent.futures.Future()
        # Daemon, and inherited: the worker threads that the loop starts do not hold up the interpreter either.
        self._thread = threading.Thread(target=self._run, args=(make, started), name=name, daemon=True)
        self._thread.start()
        self.brain: B = started.result()

    @property
    def inside(self) -> bool:
        """Whether the caller runs on the loop's own thread."""
        return threading.get_ident() == self._ident

    @property
    def closed(self) -> bool:
        """Whether a shutdown has begun."""
        return self._closing

    # -- calls -----------------------------------------------------------------------------------------------------

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call a plain, quick function on the loop and wait for it: its result, or its error raised.

        On the loop's own thread it is simply called. The caller's context variables are visible to it, as with `run`.
        """
        if self.inside:
            return function(*args, **kwargs)
        answer = Answer()
        self._hand_over(answer, self._answer, function, args, kwargs)
        return answer.result()

    def run(self, function: Callable[..., Awaitable[Any]], /, *args: Any, **kwargs: Any) -> Any:
        """Await ``function(...)`` on the loop and wait for it: its result, or its error raised."""
        if self.inside:
            raise WouldBlockError(getattr(function, "__name__", "The call") + "()")
        answer = Answer()
        self._hand_over(answer, self._await, function, args, kwargs)
        return answer.result()

    def follow(self, answer: concurrent.futures.Future[Any], task: Callable[[], Awaitable[Any]]) -> None:
        """Have ``answer`` told what awaiting ``task()`` comes to. Loop only.

        It is awaited in nobody's name: work that asks for this is not taken to wait itself.
        """
        self._waiting.add(answer)
        self._spawn(self._settling, self._settle(answer, task), self._own_context)

    def start(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``function()`` as a task that is cancelled when the portal ends. Loop only."""
        self._spawn(self._chores, function(), self._own_context)

    def _spawn(
        self, kept: set[asyncio.Task[None]], coroutine: Coroutine[Any, Any, None], context: contextvars.Context | None
    ) -> None:
        task = asyncio.get_running_loop().create_task(coroutine, context=context)
        kept.add(task)
        task.add_done_callback(kept.discard)

    def _await(
        self,
        answer: Answer,
        function: Callable[..., Awaitable[Any]],
        args: Any,
        kwargs: Any,
    ) -> None:
        self._spawn(self._settling, self._settle(answer, lambda: function(*args, **kwargs)), None)

    def _hand_over(
        self,
        answer: Answer,
        receive: Callable[..., None],
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        if os.getpid() != self.process:
            raise BrainClosedError("in the process that this one was forked from, not in this one")
        # No lock: a signal handler may come here while its thread is here already. What is added before the loop takes
        # it is either answered by the loop or told by the end; a loop that has closed refuses.
        self._waiting.add(answer)
        loop = self._loop
        try:
            if loop is not None:
                loop.call_soon_threadsafe(receive, answer, function, args, kwargs)
                return
        except RuntimeError:
            pass  # closed a moment ago
        self._waiting.discard(answer)
        raise BrainClosedError("shut down")

    def _answer(self, answer: Answer, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
        try:
            answer.set_result(function(*args, **kwargs))
        except BaseException as error:
            answer.set_exception(error)
        self._waiting.discard(answer)

    async def _settle(
        self, answer: Answer | concurrent.futures.Future[Any], task: Callable[[], Awaitable[Any]]
    ) -> None:
        try:
            result = await task()
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                return  # the portal ends, and tells everyone who still waits
            answer.set_exception(concurrent.futures.CancelledError())
        except BaseException as error:
            answer.set_exception(error)
        else:
            answer.set_result(result)
        self._waiting.discard(answer)

    # -- its end ---------------------------------------------------------------------------------------------------

    def close(self, timeout: float) -> ShutdownReport:
        """`Brain.shutdown`, then the end of loop and thread. Called again, or by several, it gives the same report.

        Called by an exit handler it takes two seconds at most, whatever ``timeout`` says. If the loop is blocked by a
        coroutine that never awaits, it gives up some seconds after ``timeout``, and the report counts that one thread.
        In a forked process, which has none of it, there is nothing to close.
        """
        timeout = check_seconds(timeout, "timeout", zero=True)
        if os.getpid() != self.process:
            return ShutdownReport(0, 0, 0, 0.0)
        if self.inside and not self.ended.done():
            raise WouldBlockError("shutdown()")
        began = time.monotonic()
        if leaving.begun():
            patience = leaving.seconds_left()
            self.begin_closing(min(timeout, leaving.drain_seconds()))
        else:
            patience = timeout + _PATIENCE
            self.begin_closing(timeout)
        try:
            report = self.ended.result(patience)
        except TimeoutError:
            return ShutdownReport(0, 0, 1, time.monotonic() - began)
        self._thread.join(1.0)
        return report

    def begin_closing(self, drain: float) -> None:
        """Begin the shutdown, with ``drain`` seconds for what was accepted. Any thread; the first call counts."""
        self._closing, loop = True, self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(lambda: self._spawn(self._chores, self._close(drain), self._own_context))
        except RuntimeError:  # closed already
            return

    async def _close(self, drain: float) -> None:
        try:
            self._report = await self.brain.shutdown(drain)
            logger.debug("{} has shut down: {}", self._thread.name, self._report)
            if self._before_end is not None:
                self._before_end(self.brain)
            if self._settling:
                # Every task has ended: who waits for one is told now. Who waits for anything else, waits in vain.
                await asyncio.wait(self._settling, timeout=_LAST_ANSWERS)
        except Exception as error:
            logger.opt(exception=error).error("A brain's portal could not close in good order.")
        finally:
            self._leave.set()

    # -- its thread ------------------------------------------------------------------------------------------------

    def _run(self, make: Callable[[], B], started: concurrent.futures.Future[B]) -> None:
        error: BaseException | None = None
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._live(make, started))
        except BaseException as raised:  # nobody joins this thread for what it raised
            error = raised
            if started.done():
                logger.opt(exception=raised).error("The loop of a brain's portal has ended.")
        self._end()
        if error is not None and not started.done():
            started.set_exception(error)

    async def _live(self, make: Callable[[], B], started: concurrent.futures.Future[B]) -> None:
        self._ident = threading.get_ident()
        self._own_context = contextvars.copy_context()
        self._leave = asyncio.Event()
        brain = make()
        await brain.start()
        self.brain = brain
        self._loop = asyncio.get_running_loop()
        leaving.watch(self)
        logger.debug("{} is up.", self._thread.name)
        started.set_result(brain)
        await self._leave.wait()

    def _end(self) -> None:
        self._closing, self._ident, self._loop = True, None, None
        while self._waiting:
            answer = self._waiting.pop()
            if not answer.done():
                answer.set_exception(BrainClosedError("shut down"))
        self.ended.set_result(self._report)
        leaving.forget(self)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
