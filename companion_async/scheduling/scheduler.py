"""From `submit` to the end of a task: everything about tasks that happens on the loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import math
import random
import secrets
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from types import CoroutineType
from typing import Any

import msgspec
from loguru import logger

from companion_async.clock import Clock
from companion_async.errors import (
    BrainClosedError,
    InvalidArgumentError,
    ModuleUnavailableError,
    TaskCancelledError,
    TaskCrashedError,
    TaskTimeoutError,
    UnknownModuleError,
    UnknownTaskError,
    UpstreamFailedError,
    WrongThreadError,
)
from companion_async.events.bus import EventBus
from companion_async.events.kinds import utc
from companion_async.modules.retry import RetryPolicy
from companion_async.modules.timeout import Timeout
from companion_async.offload.house import House
from companion_async.offload.mailbox import Mailbox
from companion_async.offload.pool import Pool
from companion_async.offload.slot import Outcome, Seat
from companion_async.offload.stream import Stream
from companion_async.priority import Priority
from companion_async.scheduling.admission import Admission
from companion_async.scheduling.announcer import Announcer
from companion_async.scheduling.context import current_seat
from companion_async.scheduling.coroutines import Coroutines
from companion_async.scheduling.dependencies import Dependencies
from companion_async.scheduling.history import History
from companion_async.scheduling.joins import Joins
from companion_async.scheduling.limits import Limits
from companion_async.scheduling.policies import ORDERINGS, SchedulingPolicy
from companion_async.scheduling.port import Port, Target
from companion_async.scheduling.queue import Queue
from companion_async.scheduling.settings import SchedulingSettings
from companion_async.scheduling.task import Particulars, Task, TaskState
from companion_async.scheduling.timers import Timers
from companion_async.security import check_seconds

UNSET: Any = msgspec.UNSET
_NO_ARGS: tuple[Any, ...] = ()
_NO_KWARGS: dict[str, Any] = {}
_SAMPLE = 15  # of a light target, one run in 16 has its processor time taken: the call costs as much as the run
_UPSTREAM_RULES = ("fail", "skip", "run")
_INF = math.inf


class Scheduler:
    """Accepts tasks, moves them through their category's queue, and settles what came of them.

    Lives on one event loop; `deliver` is where threads hand over. Owned by a brain, which opens and closes it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        bus: EventBus,
        settings: SchedulingSettings,
        house: House,
        *,
        seed: int | None = None,
    ) -> None:
        self.loop = loop
        self.clock = clock
        self.settings = settings
        self.house = house
        self.prefix = secrets.token_hex(4) if seed is None else f"{seed:08x}"
        self.timers = Timers(clock)
        self.mailbox = Mailbox(loop, self._after_mail)
        self.history = History(settings.history_size, settings.history_seconds)
        self.dependencies: Dependencies[Task[Any]] = Dependencies()
        self.announcer = Announcer(bus, self)
        self.admission = Admission(self)
        self.joins = Joins(self)
        self.limits = Limits(self)
        self.routines = Coroutines(self)
        self.ports: dict[str, Port] = {}
        self.pools: dict[str, Pool] = {}
        self.queues: dict[str, Queue] = {}
        self.guests: set[Seat] = set()
        self.phase = "not started"
        self.live = 0
        self.completed = self.failed = self.cancelled = self.timed_out = 0
        self.callback_errors = 0
        self.on_module_failure: Callable[[Port], None] = _ignore
        self.idle: asyncio.Event = asyncio.Event()
        self.idle.set()
        self._number = 0
        self._thread = threading.get_ident()
        self._random = random.Random(seed)
        self._wall = clock.time() - clock.monotonic()
        self._ordering = ORDERINGS[settings.policy]
        self._draining = False

    # -- categories and modules ------------------------------------------------------------------------------------

    def add_category(self, name: str, limit: int, start: Callable[[Pool, Any], None]) -> Pool:
        """A queue and its pool."""
        queue = Queue(self._ordering, self.settings.ageing_span)
        pool = Pool(
            name,
            limit=limit,
            budget=self.settings.abandoned_budget,
            backlog=queue,
            house=self.house,
            mailbox=self.mailbox,
            start=start,
            run_on_loop=self.routines.start,
            now=self.clock.monotonic,
        )
        self.queues[name], self.pools[name] = queue, pool
        return pool

    def use_policy(self, policy: SchedulingPolicy) -> None:
        """Switch every queue to another policy; tasks keep their order of submission where keys are equal."""
        self._ordering = ORDERINGS[policy]
        for name, queue in self.queues.items():
            pool = self.pools[name]
            with pool.lock:
                queue.use(self._ordering, [port for port in self.ports.values() if port.pool is pool])

    def hold(self, port: Port, held: bool) -> None:
        """Let a module's waiting tasks wait where they are, or let them go on."""
        with port.pool.lock:
            port.held = held
            port.queue.refresh(port)
        port.pool.pump()

    def port(self, module: str) -> Port:
        """The port of a module; `UnknownModuleError` if there is none."""
        try:
            return self.ports[module]
        except (KeyError, TypeError):
            raise UnknownModuleError(str(module)[:80], tuple(name for name in self.ports if ":" not in name)) from None

    # -- submission ------------------------------------------------------------------------------------------------

    def submit(
        self,
        module: str,
        target: str | Callable[..., Any] = "run",
        /,
        *args: Any,
        kwargs: dict[str, Any] | None = None,
        priority: Priority | str | None = None,
        timeout: Timeout | float | None = UNSET,
        after: Iterable[Task[Any] | str] = (),
        on_upstream_failure: str = "fail",
        retry: RetryPolicy | int | None = None,
        key: str | None = None,
        on_full: str | None = None,
        callback: Callable[[Task[Any]], Any] | None = None,
    ) -> Task[Any]:
        """`Brain.submit`."""
        if threading.get_ident() != self._thread:
            raise WrongThreadError("submit()")
        if self.phase != "running":
            raise BrainClosedError(self.phase)
        port = self.ports.get(module)
        if port is None:
            port = self.port(module)
        if target.__class__ is str:
            plan = port.targets.get(target)
            if plan is None:
                plan = port.find(target)
            function = plan.function
        else:
            plan, function = self._callable(port, target)
        if port.closed is not None:
            raise ModuleUnavailableError(port.name, *port.closed)
        level = port.priority if priority is None else Priority.parse(priority)
        spans = port.timeout if timeout is UNSET else Timeout.parse(timeout)
        if spans.run is None:
            limit = _INF
        else:
            limit = spans.run
        now = self.clock.monotonic()
        plain = spans.queue is None and spans.total is None and spans.idle is None
        self._number = number = self._number + 1
        light = plan.light
        plan.measures = measures = plan.measures + 1
        task: Task[Any] = Task(
            number,
            self,
            port,
            plan,
            function,
            args,
            _NO_KWARGS if kwargs is None else kwargs,
            contextvars.copy_context(),
            level,
            now,
            now + (limit if plain or spans.total is None else spans.total),
            plan.average,
            limit,
            light,
            not light or not measures & _SAMPLE,
            plan.on_loop,
            port.interruptible,
        )
        task.ready = now
        if (
            plain
            and not plan.streams
            and key is None
            and retry is None
            and callback is None
            and not after
            and kwargs is None
        ):
            if port.queue.size >= self.settings.queue_capacity or self.live >= self.settings.max_pending_tasks:
                return self._accept_rare(task, spans, (), on_full)
            self.history.tasks[number] = task
            self._accepted(task)
            self._enqueue(task)
            return task
        return self._submit_rare(task, spans, kwargs, after, on_upstream_failure, retry, key, on_full, callback)

    def _callable(self, port: Port, target: Any) -> tuple[Target, Callable[..., Any]]:
        if not callable(target):
            raise InvalidArgumentError(f"target must be a handler's name or a callable; {target!r:.80} is neither.")
        return port.measure(target), target

    def _submit_rare(
        self,
        task: Task[Any],
        spans: Timeout,
        kwargs: Any,
        after: Any,
        on_upstream_failure: str,
        retry: Any,
        key: Any,
        on_full: str | None,
        callback: Any,
    ) -> Task[Any]:
        if kwargs is not None and not (isinstance(kwargs, dict) and all(isinstance(name, str) for name in kwargs)):
            raise InvalidArgumentError(f"kwargs must be a dict with string keys; {type(kwargs).__name__} is not.")
        if on_upstream_failure not in _UPSTREAM_RULES:
            raise InvalidArgumentError(
                f"on_upstream_failure must be one of {', '.join(_UPSTREAM_RULES)}; {on_upstream_failure!r:.80} is not."
            )
        if callback is not None and not callable(callback):
            raise InvalidArgumentError(f"callback must be callable; {callback!r:.80} is not.")
        if key is not None:
            if not isinstance(key, str) or not 0 < len(key) <= 256:
                raise InvalidArgumentError("key must be a string of 1 to 256 characters.")
            known = self.history.by_key(key)
            if known is not None:
                return known
        policy = RetryPolicy.parse(retry)
        upstream = [self.find(one) if isinstance(one, str) else self._own(one) for one in _several(after)]
        more = task.more = Particulars(
            spans=spans, retry=policy, key=key, callback=callback, on_upstream_failure=on_upstream_failure
        )
        if kwargs is not None:
            task.kwargs = dict(kwargs)
        if task.plan.streams:
            stream = more.stream = Stream(self.loop, self.settings.stream_buffer, lambda: self.limits.beat(task))
            task.args = (task.function, *task.args)
            task.function = stream.produce_async if task.on_loop else stream.produce
        return self._accept_rare(task, spans, upstream, on_full)

    def _accept_rare(self, task: Task[Any], spans: Timeout, upstream: Any, on_full: str | None) -> Task[Any]:
        rule = self.settings.on_full if on_full is None else on_full
        waits = self.admission.check(task, rule, blocked=any(one.ended < 0 for one in upstream))
        failed = [one for one in upstream if one.ended >= 0 and one.phase is not TaskState.COMPLETED]
        waiting = [one for one in upstream if one.ended < 0]
        self.history.tasks[task.number] = task
        if task.more is not None and task.more.key is not None:
            self.history.keep_key(task.more.key, task)
        self._accepted(task)
        if spans.total is not None:
            self.limits.total(task, spans.total)
        if failed and task.more is not None and task.more.on_upstream_failure != "run":
            self._upstream_failed(task, failed[0])
        elif waiting:
            task.phase = TaskState.BLOCKED
            self.dependencies.add(task, waiting)
            self.announcer.queued(task)
        elif waits:
            task.phase = TaskState.BLOCKED
            self.admission.wait(task)
            self.announcer.queued(task)
        else:
            self._enqueue(task)
        return task

    def _accepted(self, task: Task[Any]) -> None:
        self.live += 1
        task.port.submitted += 1
        if self.live == 1:
            self.idle.clear()

    def _enqueue(self, task: Task[Any]) -> None:
        limit = task.limit
        if limit < self.limits.shortest or task.ready + limit < self.limits.due:
            self.limits.expect(task.ready, limit)
        announcer = self.announcer
        if announcer.queued_topic.active:
            announcer.queued(task)
        if announcer.started_topic.active:
            announcer.attach(task)
        more = task.more
        if more is not None and more.spans is not None:
            if more.spans.queue is not None:
                self.limits.queue(task, more.spans.queue)
            if more.spans.idle is not None:
                self.limits.expect(task.ready, more.spans.idle)
        if task.port.pool.put(task):
            self.limits.watch_light(task.port.pool)

    def release(self, task: Task[Any]) -> None:
        """A blocked task may run now."""
        task.phase = TaskState.QUEUED
        task.ready = self.clock.monotonic()
        self._enqueue(task)

    # -- what came of a run ----------------------------------------------------------------------------------------

    def deliver(self, outcome: Outcome) -> None:
        """Take in what one run came to. A run that ended within its limit counts, however late the loop hears of it."""
        task: Any
        task, value, error, ended, cpu = outcome
        if task.ended >= 0:
            return  # it was cancelled or timed out: its end stands
        run = ended - task.started
        task.plan.ran(run, cpu)
        if run > task.limit:
            self.time_out(task, "run", task.limit, ended, run, cpu)
        elif error is not None:
            self._raised(task, error, ended, run, cpu)
        elif value.__class__ is CoroutineType:
            self.routines.go_on(task, value)
        else:
            task.value = value
            task.tries += 1
            task.port.record.completed(ended, task.started - task.ready, run, cpu)
            self.completed += 1
            self._end(task, TaskState.COMPLETED, ended)

    def _raised(self, task: Task[Any], error: BaseException, ended: float, run: float, cpu: float | None) -> None:
        task.tries += 1
        policy = task.port.retry if task.more is None or task.more.retry is None else task.more.retry
        if _crashes(error):
            crash = TaskCrashedError(
                task.id, task.module, type(error.__cause__ if isinstance(error, RuntimeError) else error).__name__
            )
            crash.__cause__ = error
            error = crash
        fresh = task.more is None or task.more.stream is None or not task.more.stream.touched
        if policy is not None and task.tries < policy.attempts and policy.wants(error) and fresh and not self._draining:
            delay = policy.delay(task.tries, self._random.random())
            more = task.rare()
            more.steps.append(("retrying", ended, f"attempt {task.tries}: {type(error).__name__}"))
            more.timers.append(self.timers.after(delay, lambda: self._again(task)))
            self.announcer.retrying(task, error, delay)
            return
        error.add_note(f"in task {task.id} ({task.module}.{task.target})")
        task.error = error
        self.failed += 1
        task.port.record.failed(ended, task.started - task.ready, run, cpu, error, task.id)
        self._end(task, TaskState.FAILED, ended)
        self.on_module_failure(task.port)

    def _again(self, task: Task[Any]) -> None:
        if task.ended < 0:
            task.started = -1.0
            task.ready = self.clock.monotonic()
            self._enqueue(task)

    def time_out(
        self, task: Task[Any], span: str, limit: float, now: float, run: float | None = None, cpu: float | None = None
    ) -> None:
        """End a task because one of its spans passed its limit."""
        if task.ended >= 0:
            return
        task.signalled = True
        task.tries += run is not None
        task.error = TaskTimeoutError(task.id, task.module, span, limit)
        self.timed_out += 1
        wait = max(0.0, (task.started if task.started >= task.ready else now) - task.ready)
        task.port.record.timed_out(now, wait, run, cpu, task.error, task.id)
        self._take_back(task)
        self._end(task, TaskState.TIMED_OUT, now)
        self.on_module_failure(task.port)

    def _end(self, task: Task[Any], state: TaskState, now: float) -> None:
        """The one way in which a task ends."""
        task.phase = state
        task.ended = now
        # From here on the task is a result: what it was made from may go.
        task.function = task.context = None
        task.args = _NO_ARGS
        task.kwargs = _NO_KWARGS
        self.live -= 1
        waiter = task.waiter
        if waiter is not None:
            task.waiter = None
            if not waiter.done():
                waiter.set_result(None)
        self.history.end(task)
        if task.more is not None:
            self._settle(task, task.more)
        if len(self.dependencies):
            self._pass_on(task)
        if state is not TaskState.COMPLETED or self.announcer.completed_topic.active:
            self.announcer.ended(task)
        if not self.live:
            self.idle.set()

    def _settle(self, task: Task[Any], more: Particulars) -> None:
        for timer in more.timers:
            timer.cancel()
        for waiter in more.waiters:
            if not waiter.done():
                waiter.set_result(None)
        for event in more.events:
            event.set()
        if more.stream is not None:
            more.stream.ended() if task.phase is TaskState.COMPLETED else more.stream.close()
        callbacks = more.done_callbacks if more.callback is None else [*more.done_callbacks, more.callback]
        for callback in callbacks:
            self.loop.call_soon(self.call_back, callback, task)
        more.timers, more.waiters, more.done_callbacks, more.events = [], [], [], []
        more.callback = more.waits_for = None

    def call_back(self, callback: Callable[[Task[Any]], Any], task: Task[Any]) -> None:
        """Call what was to be called at the task's end: what it raises is counted, and touches nothing else."""
        try:
            result = callback(task)
        except BaseException as error:
            self.callback_errors += 1
            logger.opt(exception=error).warning("A callback of task {} raised.", task.id)
            return
        if result.__class__ is CoroutineType:
            self.routines.follow(result, task)

    # -- dependents ------------------------------------------------------------------------------------------------

    def _pass_on(self, task: Task[Any]) -> None:
        ended = [task]
        while ended:
            upstream = ended.pop()
            for dependent in self.dependencies.met(upstream):
                if dependent.ended >= 0:
                    continue
                rule = dependent.rare().on_upstream_failure
                if upstream.phase is not TaskState.COMPLETED and rule != "run":
                    self.dependencies.drop(dependent)
                    self._upstream_failed(dependent, upstream)
                elif not self.dependencies.waits(dependent):
                    self.release(dependent)

    def _upstream_failed(self, task: Task[Any], upstream: Task[Any]) -> None:
        now = self.clock.monotonic()
        if task.rare().on_upstream_failure == "skip":
            task.error = TaskCancelledError(
                task.id, task.module, f"skipped, since task {upstream.id} ended {upstream.phase.value}"
            )
            self.cancelled += 1
            task.port.record.cancelled(now)
            state = TaskState.CANCELLED
        else:
            task.error = UpstreamFailedError(task.id, upstream.id, upstream.phase.value)
            task.error.__cause__ = upstream.error
            self.failed += 1
            state = TaskState.FAILED
        # One loop turn per level: a chain of any length takes no stack.
        self.loop.call_soon(self._end_blocked, task, state, now)

    def _end_blocked(self, task: Task[Any], state: TaskState, now: float) -> None:
        if task.ended < 0:
            self._end(task, state, now)

    # -- cancelling ------------------------------------------------------------------------------------------------

    def cancel(self, task: Task[Any], reason: str = "") -> bool:
        """`Task.cancel`."""
        if task.ended >= 0:
            return False
        now = self.clock.monotonic()
        task.signalled = True
        task.tries += task.running
        task.rare().reason = reason
        task.error = TaskCancelledError(task.id, task.module, reason)
        self.cancelled += 1
        task.port.record.cancelled(now)
        self._take_back(task)
        self._end(task, TaskState.CANCELLED, now)
        return True

    def _take_back(self, task: Task[Any]) -> None:
        """See that a task that has no more use does not run, or stops."""
        if task.phase is TaskState.BLOCKED:
            self.dependencies.drop(task)
            self.admission.drop(task)
            return
        pool = task.port.pool
        with pool.lock:
            waited = task.port.queue.discard(task)
        if not waited:
            self.limits.stop(task)
        self.admission.room(pool)

    # -- look-up ---------------------------------------------------------------------------------------------------

    def find(self, task_id: str) -> Task[Any]:
        """The task of that id; `UnknownTaskError` once it has left the history."""
        prefix, _, number = str(task_id).rpartition("-")
        task = (
            self.history.find(int(number))
            if prefix == self.prefix and number.isdecimal() and len(number) < 20
            else None
        )
        if task is None:
            raise UnknownTaskError(str(task_id)[:80])
        return task

    def _own(self, task: Any) -> Task[Any]:
        if not isinstance(task, Task) or task.owner is not self:
            raise UnknownTaskError(task.id if isinstance(task, Task) else repr(task)[:80])
        return task

    def date(self, monotonic: float) -> datetime:
        """The UTC date of an instant on the monotonic scale."""
        return utc(self._wall + monotonic)

    # -- the loop and its neighbours -------------------------------------------------------------------------------

    @property
    def coroutines(self) -> int:
        """How many coroutines work here just now."""
        return self.routines.count

    def on_loop_thread(self) -> bool:
        """Whether the caller runs on the loop's thread."""
        return threading.get_ident() == self._thread

    def seat_of_caller(self) -> Seat | None:
        """The seat of the coroutine that calls, if it works for this scheduler."""
        seat = current_seat()
        return seat if seat is not None and getattr(seat.job, "owner", None) is self else None

    async def lend_while(self, seat: Seat, task: Task[Any]) -> None:
        """`Joins.lend_while`."""
        await self.joins.lend_while(seat, task)

    def check_patience(self, timeout: float) -> float:
        """A waiter's own limit: finite, from 0 on."""
        return check_seconds(timeout, "timeout", zero=True)

    async def patience(self, task: Task[Any], timeout: float | None) -> None:
        """Wait for a task without owning it; `TimeoutError` after ``timeout`` seconds."""
        waiter = task.join()
        timer = None if timeout is None else self.timers.after(timeout, lambda: _cancel(waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            task.leave(waiter)
            if timer is not None and timer.callback is None and not asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise TimeoutError(f"Task {task.id} did not end within {timeout:g} s; it goes on.") from None
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def call_on_loop(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function on the loop from any thread and wait for what it returns or raises."""
        if self.on_loop_thread():
            return function(*args, **kwargs)
        answer: concurrent.futures.Future[Any] = concurrent.futures.Future()

        def call(_: None) -> None:
            try:
                answer.set_result(function(*args, **kwargs))
            except Exception as error:
                answer.set_exception(error)

        self.mailbox.post(call, None)
        return answer.result()

    def _after_mail(self) -> None:
        self.admission.look()


def _crashes(error: BaseException) -> bool:
    if not isinstance(error, Exception) or isinstance(error, StopIteration):
        return True
    # A coroutine or generator that raises StopIteration has it turned into this by the interpreter (PEP 479).
    return isinstance(error, RuntimeError) and isinstance(error.__cause__, StopIteration)


def _cancel(waiter: asyncio.Future[None]) -> None:
    waiter.cancel()


def _several(after: Any) -> tuple[Any, ...]:
    if isinstance(after, (str, Task)):
        return (after,)
    try:
        return tuple(after)
    except TypeError:
        raise InvalidArgumentError(f"after must be tasks or ids of tasks; {after!r:.80} is not.") from None


def _ignore(port: Port) -> None:
    return None
