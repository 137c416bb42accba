"""A category as a `concurrent.futures.Executor`, for code that has never heard of this project."""

from __future__ import annotations

import concurrent.futures
import contextvars
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from companion_async.errors import BrainClosedError, InvalidArgumentError, TaskCrashedError
from companion_async.scheduling.context import current_seat
from companion_async.scheduling.task import Task

if TYPE_CHECKING:
    from companion_async.brain.brain import Brain

T = TypeVar("T")


class WorkFuture(concurrent.futures.Future[T]):
    """A future whose ``result`` and ``exception``, called inside work, lend the slot while they wait."""

    brain: Brain | None = None
    submitted: Task[Any] | None = None

    def result(self, timeout: float | None = None) -> T:
        self.lend_until_done(timeout)
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self.lend_until_done(timeout)
        return super().exception(timeout)

    def lend_until_done(self, timeout: float | None) -> None:
        """Block the work that calls, its slot lent, until the future is done; outside of work return at once."""
        if self.done():
            return
        if timeout is None and self.brain is not None and self.brain.on_loop_thread():
            raise InvalidArgumentError(
                "Waiting here would block the event loop, which starts the threads. In a coroutine, "
                "await asyncio.wrap_future(future) instead."
            )
        seat = current_seat()
        owner: Any = getattr(seat.job, "owner", None) if seat is not None else None
        if seat is None or owner is None or owner.on_loop_thread() or seat.waiting:
            return
        ended = threading.Event()
        self.add_done_callback(lambda _: ended.set())
        until = None if timeout is None else owner.clock.monotonic() + timeout
        owner.joins.sleep_lent(seat, ended, until, lambda: self.submitted)


class CategoryExecutor(concurrent.futures.Executor):
    """Runs callables in a category's slots, at the brain's default priority and without a time limit.

    ``submit``, ``map``, ``shutdown``, ``wait`` and ``as_completed`` mean what they mean for a `ThreadPoolExecutor`,
    from any thread. Its own ``shutdown`` closes this door only; the category goes on. The loop starts the category's
    threads, so blocking the loop's own thread on a future may wait for ever: there, ``await asyncio.wrap_future``.
    Inside work, ``future.result()`` and ``map`` lend the slot; `concurrent.futures.wait` and ``as_completed`` sleep
    without the future's knowledge and keep it, so work that fills its own category with them waits for ever.
    """

    def __init__(self, brain: Brain, module: str) -> None:
        self._brain = brain
        self._module = module
        self._lock = threading.Lock()
        self._closed = False
        self._pending: set[WorkFuture[Any]] = set()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[T]:
        """Schedule ``fn(*args, **kwargs)``; never waits, and waits in line where the queue is full."""
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            phase = self._brain.phase
            if phase != "running":
                raise BrainClosedError(phase)
            future: WorkFuture[T] = WorkFuture()
            future.brain = self._brain
            self._pending.add(future)
        future.add_done_callback(self._forget)
        work = _Work(future, fn, args, kwargs)
        if self._brain.on_loop_thread():
            self._put(work)
        elif not self._brain.post(self._put, work) and not future.done():
            self._forget(future)
            raise BrainClosedError(self._brain.phase)
        return future

    def _put(self, work: _Work) -> None:
        try:
            task = work.context.run(self._submit, work.run)
        except Exception as error:
            if work.future.set_running_or_notify_cancel():
                work.future.set_exception(error)
            return
        work.future.submitted = task
        task.add_done_callback(work.ended)

    def _submit(self, run: Callable[[], None]) -> Task[Any]:
        return self._brain.submit(self._module, run, timeout=None, on_full="wait")

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more; with ``cancel_futures`` cancel what has not begun; with ``wait`` return when all has ended."""
        with self._lock:
            self._closed = True
            pending = tuple(self._pending)
        if cancel_futures:
            for future in pending:
                future.cancel()
        if wait:
            for future in pending:
                future.lend_until_done(None)
            concurrent.futures.wait(pending)

    def _forget(self, future: Any) -> None:
        with self._lock:
            self._pending.discard(future)


class _Work:
    """One call and its future. What the call raises goes to the future; the task itself succeeds."""

    __slots__ = ("_args", "_fn", "_kwargs", "context", "future")

    def __init__(self, future: WorkFuture[Any], fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.future = future
        self.context = contextvars.copy_context()
        self._fn, self._args, self._kwargs = fn, args, kwargs

    def run(self) -> None:
        future = self.future
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = self._fn(*self._args, **self._kwargs)
        except Exception as error:
            future.set_exception(error)
        except BaseException as error:
            crash = TaskCrashedError("of an executor", "executor", type(error).__name__)
            crash.__cause__ = error
            future.set_exception(crash)
        else:
            future.set_result(result)
        finally:
            self._fn = self._args = self._kwargs = None  # type: ignore[assignment]

    def ended(self, task: Any) -> None:
        """The task has ended: if it never ran, the future must not wait for ever."""
        if not self.future.done() and not self.future.running() and self.future.set_running_or_notify_cancel():
            self.future.set_exception(task.error)
