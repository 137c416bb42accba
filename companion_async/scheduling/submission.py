"""From the arguments of `submit` to a task that waits its turn."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from threading import get_ident
from typing import TYPE_CHECKING, Any

import msgspec

from companion_async.errors import (
    BrainClosedError,
    InvalidArgumentError,
    ModuleUnavailableError,
    UnknownTaskError,
    WrongThreadError,
)
from companion_async.modules.retry import RetryPolicy
from companion_async.modules.timeout import Timeout
from companion_async.offload.stream import Stream
from companion_async.priority import Priority
from companion_async.scheduling.admission import ON_FULL
from companion_async.scheduling.particulars import Particulars
from companion_async.scheduling.port import Port, Target, reach
from companion_async.scheduling.task import Task, TaskState
from companion_async.security import check_call

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler

UNSET: Any = msgspec.UNSET
NO_KWARGS: dict[str, Any] = {}
_NONE: tuple[Any, ...] = ()
# Of brief targets, one run in 16 has its processor time taken: the call costs as much as the run. Which one is
# scattered over the numbers (multiplicative hashing), so that no rhythm in which modules are called hides any of them.
_SCATTER, _SAMPLE = 40503, 0xF000
_UPSTREAM_RULES = ("fail", "skip", "run")


class Submission:
    """Makes tasks. Whatever is wrong is raised before anything is kept. Loop only."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._thread = get_ident()
        self._number = 0
        # What every submission looks at, without the way through the scheduler.
        self._ports = scheduler.ports
        self._tasks = scheduler.history.tasks
        self._now = scheduler.clock.monotonic
        self._limits = scheduler.limits
        self._announcer = scheduler.announcer
        self._queued_topic = scheduler.announcer.queued_topic
        self._started_topic = scheduler.announcer.started_topic
        self._lines = scheduler.admission.lines
        self._capacity = scheduler.settings.queue_capacity
        self.most: float = scheduler.settings.max_pending_tasks

    def submit(
        self,
        module: str,
        target: Any,
        args: tuple[Any, ...],
        kwargs: Any,
        priority: Any,
        timeout: Any,
        after: Any,
        on_upstream_failure: Any,
        retry: Any,
        key: Any,
        on_full: Any,
        callback: Any,
    ) -> Task[Any]:
        """`Brain.submit`, all arguments in order."""
        scheduler = self._scheduler
        if get_ident() != self._thread:
            raise WrongThreadError("submit()")
        if scheduler.phase != "running":
            raise BrainClosedError(scheduler.phase)
        try:
            port = self._ports[module]
        except (KeyError, TypeError):
            port = scheduler.port(module)
        if target.__class__ is str:
            try:
                plan = port.targets[target]
            except KeyError:
                plan = port.find(target)
            function = plan.function
        else:
            plan, function = self._callable(port, target)
        if port.closed is not None:
            known = scheduler.history.by_key(key) if isinstance(key, str) else None
            if known is not None:
                return known
            raise ModuleUnavailableError(port.name, *port.closed)
        named = NO_KWARGS if kwargs is None else _named(kwargs)
        if len(args) != plan.usual or named:
            shape = (len(args), *named)
            if shape not in plan.shapes:
                check_call(port.name, plan.name, plan.called if isinstance(target, str) else target, args, named)
                plan.fits(shape)
        level = port.priority if priority is None else priority
        if level.__class__ is not Priority:
            level = Priority.parse(level)
        if timeout is UNSET:
            spans, limit, span, plain = port.reach
        else:
            spans, limit, span, plain = reach(Timeout.parse(timeout))
        read_clock = self._now  # fetched before it is called: the interpreter's short way, to what is no method
        now = read_clock()
        light = plan.light
        self._number = number = self._number + 1
        task: Task[Any] = Task(
            number,
            scheduler,
            port,
            plan,
            function,
            args,
            named,
            copy_context(),
            level,
            now,
            now,
            now + span,
            plan.average,
            limit,
            light,
            not plan.brief or not number * _SCATTER & _SAMPLE,
            plan.on_loop,
            port.interruptible,
        )
        queue = port.queue
        if (
            plain
            and retry is None
            and key is None
            and callback is None
            and after is _NONE
            and (on_full is None or on_full in ON_FULL)  # there is room: `map` asks for it with each item
            and on_upstream_failure == "fail"
            and not plan.rare
            and queue.arrived - queue.taken < self._capacity
            and len(self._tasks) < self.most  # known tasks: at least as many as live ones, which are what is bounded
            and not self._lines
        ):
            self._tasks[number] = task
            pool = port.pool
            pool.submitted += 1
            # With others of no shorter limit about, somebody looks in time: `Limits`.
            if limit < self._limits.shortest:
                self._limits.expect(now, limit)
            if self._queued_topic.active or self._started_topic.active:
                self._announcer.queued(task)
                self._announcer.attach(task)
            if pool.put_last(task):
                self._limits.watch_light(pool)
            return task
        return self._submit_rare(task, spans, after, on_upstream_failure, retry, key, on_full, callback)

    def enqueue(self, task: Task[Any]) -> None:
        """Put a task whose turn may come into its category's queue."""
        limits = self._limits
        limits.expect(task.ready, task.limit)
        self._announcer.queued(task)
        self._announcer.attach(task)
        if task.more is not None:
            spans = task.more.spans
            if spans is not None and spans.queue is not None:
                limits.queue(task, spans.queue)
            if spans is not None and spans.idle is not None:
                limits.expect(task.ready, spans.idle)
        if task.lane.pool.put(task):
            limits.watch_light(task.lane.pool)

    def release(self, task: Task[Any]) -> None:
        """A blocked task may run now."""
        task.phase = TaskState.QUEUED
        task.ready = self._scheduler.clock.monotonic()
        self.enqueue(task)

    def _callable(self, port: Port, target: Any) -> tuple[Target, Callable[..., Any]]:
        if isinstance(target, str):  # a subclass, such as an enum's member
            plan = port.find(target)
            return plan, plan.function
        if not callable(target):
            raise InvalidArgumentError(f"target must be a handler's name or a callable; {target!r:.80} is neither.")
        plan = port.measure(target)
        return plan, target if port.wrap is None else port.wrap(plan, target)

    def _check_rules(self, on_upstream_failure: Any, on_full: Any) -> None:
        if on_upstream_failure not in _UPSTREAM_RULES:
            rules = ", ".join(_UPSTREAM_RULES)
            raise InvalidArgumentError(
                f"on_upstream_failure must be one of {rules}; {on_upstream_failure!r:.80} is not."
            )
        if on_full is not None:
            self._scheduler.admission.check_rule(on_full)

    def _submit_rare(
        self,
        task: Task[Any],
        spans: Timeout,
        after: Any,
        on_upstream_failure: Any,
        retry: Any,
        key: Any,
        on_full: Any,
        callback: Any,
    ) -> Task[Any]:
        scheduler = self._scheduler
        self._check_rules(on_upstream_failure, on_full)
        if callback is not None and not callable(callback):
            raise InvalidArgumentError(f"callback must be callable; {callback!r:.80} is not.")
        policy = RetryPolicy.parse(retry)
        upstream = [scheduler.find(one) if isinstance(one, str) else self._own(one) for one in _several(after)]
        if key is not None:
            if not isinstance(key, str) or not 0 < len(key) <= 256:
                raise InvalidArgumentError("key must be a string of 1 to 256 characters.")
            known = scheduler.history.by_key(key)
            if known is not None:
                return known
        waiting = [one for one in upstream if one.ended < 0]
        waits = scheduler.admission.check(task, on_full, blocked=bool(waiting))
        more = task.more = Particulars(
            spans=None if spans.plain else spans,
            retry=policy,
            key=key,
            callback=None if callback is None else (callback, copy_context()),
            after=tuple(one.number for one in upstream),
            on_upstream_failure=on_upstream_failure,
        )
        if task.plan.remote:
            task.args, task.kwargs = task.function.seal(task.args, task.kwargs), NO_KWARGS
        if task.plan.streams:
            buffer, beat = scheduler.settings.stream_buffer, lambda: scheduler.limits.beat(task)
            stream = more.stream = Stream(scheduler.loop, buffer, beat, scheduler.loans)
            task.args = (task.function, *task.args)
            task.function = stream.produce_async if task.on_loop else stream.produce
        self._accept(task, spans, upstream, waiting, waits)
        return task

    def _accept(
        self, task: Task[Any], spans: Timeout, upstream: list[Task[Any]], waiting: list[Task[Any]], waits: bool
    ) -> None:
        scheduler, more = self._scheduler, task.rare()
        scheduler.history.tasks[task.number] = task
        if more.key is not None:
            scheduler.history.keep_key(more.key, task)
        task.lane.pool.submitted += 1
        if spans.total is not None:
            scheduler.limits.total(task, spans.total)
        failed = next((one for one in upstream if one.ended >= 0 and one.phase is not TaskState.COMPLETED), None)
        if failed is not None and more.on_upstream_failure != "run":
            task.phase = TaskState.BLOCKED
            scheduler.endings.upstream_failed(task, failed)
        elif waiting:
            for one in waiting:
                one.expect_end()
            task.phase = TaskState.BLOCKED
            scheduler.dependencies.add(task, waiting)
            scheduler.announcer.queued(task)
        elif waits:
            task.phase = TaskState.BLOCKED
            scheduler.admission.wait(task)
            scheduler.announcer.queued(task)
        else:
            self.enqueue(task)

    def _own(self, task: Any) -> Task[Any]:
        if not isinstance(task, Task) or task.owner is not self._scheduler:
            raise UnknownTaskError(task.id if isinstance(task, Task) else repr(task)[:80])
        return task


def _named(kwargs: Any) -> dict[str, Any]:
    if not (isinstance(kwargs, dict) and all(isinstance(name, str) for name in kwargs)):
        raise InvalidArgumentError(f"kwargs must be a dict with string keys; {type(kwargs).__name__} is not.")
    return dict(kwargs)


def _several(after: Any) -> tuple[Any, ...]:
    if isinstance(after, (str, Task)):
        return (after,)
    try:
        return tuple(after)
    except TypeError:
        raise InvalidArgumentError(f"after must be tasks or ids of tasks; {after!r:.80} is not.") from None
