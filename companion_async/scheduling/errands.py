"""Calls that the runtime makes for itself in a category's threads, such as the hooks of its modules."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from companion_async.scheduling.port import Port

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler


class Errand:
    """A job that is no task: in no history and no count, accepted until the threads are sent home. Its outcome goes to
    whoever asked, which is why a slot that hands it over as a task's finds it ended.
    """

    __slots__ = (
        "args", "context", "deadline", "error", "expected", "function", "kwargs", "lane", "level", "module",
        "signalled", "started", "submitted", "ticket",
    )  # fmt: skip

    id = "errand"
    number = 0
    owner = more = None
    light = measured = on_loop = interruptible = False
    ended = 0.0

    def __init__(self, port: Port, module: str, function: Callable[[], Any], now: float) -> None:
        self.lane = port
        self.module = module
        self.function = function
        self.args: tuple[Any, ...] = ()
        self.kwargs: dict[str, Any] = {}
        self.context = contextvars.copy_context()
        self.level = int(port.priority)
        self.submitted = self.deadline = now
        self.expected = 0.0
        self.started = -1.0
        self.ticket = -1
        self.signalled = False
        self.error: BaseException | None = None


async def run_errand(scheduler: Scheduler, port: Port, module: str, function: Callable[[], Any]) -> Any:
    """What ``function()`` returns or raises in one of the port's threads, on behalf of ``module``.

    Cancelled, it is not begun, or its thread is given up at once: whoever asks has waited long enough.
    """
    answer: asyncio.Future[Any] = scheduler.loop.create_future()

    def settle(outcome: tuple[Any, BaseException | None]) -> None:
        value, error = outcome
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(value)

    def call() -> None:
        value: Any = None
        error: BaseException | None = None
        try:
            value = function()
        except BaseException as raised:  # nothing raw leaves a thread
            error = raised
        scheduler.mailbox.post(settle, (value, error))

    errand = Errand(port, module, call, scheduler.clock.monotonic())
    port.pool.put(errand)
    try:
        return await answer
    except asyncio.CancelledError:
        errand.signalled = True
        with port.pool.lock:
            waited = port.queue.discard(errand)
        if not waited:
            errand.error = TimeoutError(f"a hook of {module} did not end")
            scheduler.limits.stop(errand)
        raise


def run_waiting(port: Port) -> None:
    """Run the errands that wait here and now, since no thread will come for them any more. Loop only."""
    for errand in sorted(port.tasks(), key=lambda errand: errand.ticket):
        with port.pool.lock:
            waited = port.queue.discard(errand)
        if waited:
            cast("Errand", errand).context.run(cast("Errand", errand).function)
