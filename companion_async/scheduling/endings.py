"""What came of a run, and the one way in which a task ends."""

from __future__ import annotations

import contextlib
import random
import time
from asyncio import InvalidStateError
from collections import deque
from collections.abc import Callable, Iterator
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from loguru import logger

from companion_async.errors import (
    TaskCancelledError,
    TaskTimeoutError,
    UpstreamFailedError,
    WrongArgumentsError,
    trace_of,
)
from companion_async.events.kinds import Event
from companion_async.offload.frames import of_the_work
from companion_async.offload.mailbox import BETWEEN_GLANCES, SHARE, Letter
from companion_async.offload.slot import Outcome
from companion_async.scheduling.dossier import call_of
from companion_async.scheduling.failure import failure_of
from companion_async.scheduling.particulars import Particulars
from companion_async.scheduling.port import TURN
from companion_async.scheduling.submission import NO_KWARGS
from companion_async.scheduling.task import Task, TaskState
from companion_async.security import shown_arguments

if TYPE_CHECKING:
    from companion_async.scheduling.scheduler import Scheduler

_COMPLETED = TaskState.COMPLETED  # a member of an enum is found through a descriptor: once is enough
_MOST_NOTES = 16
_NO_ARGS: tuple[Any, ...] = ()
_SURPRISE = 0.0005  # seconds: a run of a light target that is worth a look outside of the samples


class Endings:
    """Settles tasks: counts, wakes waiters, releases dependents, tells the bus. Loop only."""

    def __init__(self, scheduler: Scheduler, seed: int | None) -> None:
        self._scheduler = scheduler
        self._age = scheduler.history.ended.append
        self._dependents = scheduler.dependencies.dependents
        self._completed_topic = scheduler.announcer.completed_topic
        self._failing: deque[tuple[Task[Any], Task[Any]]] = deque()
        self._keeps_all = scheduler.settings.arguments_of == "all"
        self._random = random.Random(seed)  # jitter, no secret
        self.completed = self.failed = self.cancelled = self.timed_out = 0
        self.callback_errors = 0

    # -- what came of a run ----------------------------------------------------------------------------------------

    def read(self, letters: deque[Letter]) -> None:
        """Take in what comes first in the mailbox.

        What nearly all runs come to is settled here, in one loop and counted together: the work returned in time, was
        no sample, and nobody wants more of the task than its result. Everything else is `deliver`'s.
        """
        age, dependents, topic = self._age, self._dependents, self._completed_topic
        whole = self._keeps_all
        plain, event = not dependents and not topic.calls and not whole, self._scheduler.announcer.completed
        lane: Any = None
        count, seconds, last = 0, 0.0, 0.0
        events: list[Event] = []
        try:
            for _ in BETWEEN_GLANCES:
                try:
                    letter = letters.popleft()
                except IndexError:
                    break
                if letter.__class__ is tuple:
                    task, value, error, ended, cpu = letter
                    run = ended - task.started
                    if (
                        task.ended < 0.0
                        and task.more is None
                        and error is None
                        and cpu is None
                        and run <= _SURPRISE
                        and run <= task.limit
                        and type(value) is not CoroutineType
                        and plain
                    ):
                        if task.lane is not lane:
                            if count:
                                self._settled(lane, count, seconds, last, events)
                                count, seconds, events = 0, 0.0, []
                            lane = task.lane
                        count += 1
                        seconds += run
                        last = ended
                        task.value = value
                        task.tries = 1  # one that ran before has particulars
                        task.phase = _COMPLETED
                        task.ended = ended
                        task.function = task.context = None
                        task.args = _NO_ARGS
                        task.kwargs = NO_KWARGS
                        waiter = task.waiter
                        if waiter is not None:
                            task.waiter = None
                            try:  # noqa: SIM105 - a context manager would cost as much as all this
                                waiter.set_result(None)
                            except InvalidStateError:  # its wait was cancelled a moment ago
                                pass
                        age(task)
                        if topic.active:
                            events.append(event(task, run))
                        continue
                if count:
                    self._settled(lane, count, seconds, last, events)
                    count, seconds, events = 0, 0.0, []
                if letter.__class__ is tuple:
                    self.deliver(letter)
                else:
                    letter()  # type: ignore[operator]
                plain = not dependents and not topic.calls and not whole
        finally:
            if count:
                self._settled(lane, count, seconds, last, events)

    def _settled(self, lane: Any, count: int, seconds: float, last: float, events: list[Event]) -> None:
        """Count and tell of tasks of one module that were settled together, the last of which ended at ``last``."""
        lane.record.counted(last, count, seconds)
        self.completed += count
        if events:
            self._completed_topic.publish_all(events)

    def deliver(self, outcome: Outcome) -> None:
        """Take in what one run came to. A run that ended within its limit counts, however late the loop hears of it."""
        task: Any
        task, value, error, ended, cpu = outcome
        if task.ended >= 0:
            self._scheduler.limits.let_go(task)
            self.left(task)
            if type(value) is CoroutineType:
                value.close()  # nobody will await it
            return  # it was cancelled or timed out: its end stands
        started = task.started
        run = ended - started
        measured = task.measured or run > _SURPRISE
        if measured:
            plan = task.plan
            plan.ran(run, cpu)
            if task.measured:  # of a sample, those that took long are none
                # What a light run waits for the interpreter says nothing of how many threads there should be.
                its = cpu if task.light and cpu is not None and run < TURN else run
                task.lane.pool.measured.append((task.lane.name, plan.name, its, cpu))
        if run > task.limit:
            self.time_out(task, "run", task.limit, ended, run, cpu)
            self.left(task)
        elif error is not None:
            self._raised(task, error, ended, run, cpu)
        elif type(value) is CoroutineType:
            self._scheduler.routines.go_on(task, value)
        else:
            task.value = value
            task.tries += 1
            record = task.lane.record
            if measured:
                record.completed(ended, started - task.ready, run, cpu)
            else:
                record.counted(ended, 1, run)
            self.completed += 1
            self._end(task, _COMPLETED, ended)

    def _raised(self, task: Task[Any], error: BaseException, ended: float, run: float, cpu: float | None) -> None:
        scheduler = self._scheduler
        task.tries += 1
        policy = task.lane.retry if task.more is None or task.more.retry is None else task.more.retry
        error = failure_of(task, error)
        if isinstance(error, WrongArgumentsError):
            policy = None
        unread = task.more is None or task.more.stream is None or not task.more.stream.touched
        if policy is not None and task.tries < policy.attempts and policy.wants(error) and unread and scheduler.open:
            delay = policy.delay(task.tries, self._random.random())
            more = task.rare()
            self.left(task)
            task.phase, task.ready = TaskState.BLOCKED, ended + delay
            more.steps.append(("retrying", ended, f"attempt {task.tries}: {type(error).__name__}"))
            more.timers.append(scheduler.timers.after(delay, lambda: self._again(task)))
            scheduler.announcer.retrying(task, error, delay)
            return
        _note(error, f"in task {task.id} ({task.module}.{task.target})")
        task.error = error
        more = task.rare()
        more.trace = of_the_work(error.__traceback__)
        if more.trace is not None:
            more.called = call_of(task)
        self.failed += 1
        task.lane.record.failed(ended, task.started - task.ready, run, cpu, error, task.id)
        self._end(task, TaskState.FAILED, ended)
        scheduler.on_module_failure(task.lane)

    def _again(self, task: Task[Any]) -> None:
        if task.ended < 0:
            more = task.rare()
            more.steps.append(("running", task.started, f"attempt {task.tries}"))
            task.started = -1.0
            if more.work is not None:
                task.function, task.args, task.kwargs, task.on_loop, _ = more.work
                more.work = None
            if more.stream is not None:
                more.stream.restart()
            self._scheduler.submission.release(task)

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
        task.lane.record.timed_out(now, wait, run, cpu, task.error, task.id)
        self._take_back(task)
        self._end(task, TaskState.TIMED_OUT, now)
        self._scheduler.on_module_failure(task.lane)

    def cancel(self, task: Task[Any], reason: str = "") -> bool:
        """`Task.cancel`."""
        if task.ended >= 0:
            return False
        now = self._scheduler.clock.monotonic()
        task.signalled = True
        task.tries += task.running
        task.rare().reason = reason
        task.error = TaskCancelledError(task.id, task.module, reason)
        self.cancelled += 1
        task.lane.record.cancelled(now)
        self._take_back(task)
        self._end(task, TaskState.CANCELLED, now)
        return True

    def _take_back(self, task: Task[Any]) -> None:
        """See that a task that has no more use does not run, or stops."""
        scheduler = self._scheduler
        if task.phase is TaskState.BLOCKED:
            scheduler.dependencies.drop(task)
            scheduler.admission.drop(task)
            return
        pool = task.lane.pool
        with pool.lock:
            waited = task.lane.queue.discard(task)
        if not waited:
            scheduler.limits.stop(task)
        scheduler.admission.room(pool)

    # -- the end ---------------------------------------------------------------------------------------------------

    def _end(self, task: Task[Any], state: TaskState, now: float) -> None:
        """The one way in which a task ends."""
        scheduler = self._scheduler
        if state is not _COMPLETED or self._keeps_all:
            self._keep_arguments(task)
        if task.more is not None and task.more.work is not None:
            scheduler.routines.give_up(task)
        task.phase = state
        task.ended = now
        # From here on the task is a result: what it was made from may go.
        task.function = task.context = None
        task.args = _NO_ARGS
        task.kwargs = NO_KWARGS
        waiter = task.waiter
        if waiter is not None:
            task.waiter = None
            if not waiter.done():
                waiter.set_result(None)
        self._age(task)
        if task.more is not None:
            self._settle(task, task.more)
        if self._dependents:
            self._pass_on(task)
        if state is not _COMPLETED or self._completed_topic.active:
            scheduler.announcer.ended(task)

    def _keep_arguments(self, task: Task[Any]) -> None:
        """Keep a text of what a run was called with. Of those that never ran there may be too many at once."""
        settings = self._scheduler.settings
        if settings.arguments_of == "none" or task.started < 0 or task.module in settings.hidden_arguments:
            return
        called = call_of(task)
        if called is not None and task.lane.offload != "process" and task.rare().called is None:
            task.rare().shown = shown_arguments(*called)

    def _settle(self, task: Task[Any], more: Particulars) -> None:
        for timer in more.timers:
            timer.cancel()
        for waiter in more.waiters:
            if not waiter.done():
                waiter.set_result(None)
        for event in more.events:
            event.set()
        if more.stream is not None:
            if task.phase is TaskState.COMPLETED:
                more.stream.ended()
            else:
                more.stream.close()
        callbacks = more.done_callbacks if more.callback is None else [*more.done_callbacks, more.callback]
        for callback, context in callbacks:
            self._scheduler.loop.call_soon(self.call_back, callback, task, context=context)
        more.timers, more.waiters, more.done_callbacks, more.events = [], [], [], []
        more.callback = None
        if task.phase is TaskState.COMPLETED or task.phase is TaskState.FAILED:
            self.left(task)

    def left(self, task: Task[Any]) -> None:
        """A run of the task is over, or is given up: what it held is taken back."""
        if task.more is not None and task.more.left:
            leaving, task.more.left = task.more.left, []
            for leave in leaving:
                leave()

    def call_back(self, callback: Callable[[Task[Any]], Any], task: Task[Any]) -> None:
        """Call what was to be called at the task's end: what it raises is counted, and touches nothing else."""
        try:
            result = callback(task)
        except BaseException as error:  # a callback's SystemExit must not end the loop
            self.callback_errors += 1
            logger.warning("A callback of task {} raised.\n{}", task.id, trace_of(error))
            return
        if result.__class__ is CoroutineType:
            self._scheduler.routines.follow(result, task)

    # -- dependents ------------------------------------------------------------------------------------------------

    def _pass_on(self, task: Task[Any]) -> None:
        self._release(task, iter(self._scheduler.dependencies.met(task)))

    def _release(self, task: Task[Any], dependents: Iterator[Task[Any]]) -> None:
        """Let go on, or fail, those who waited for a task; what does not fit into the time share comes next turn."""
        scheduler, stop = self._scheduler, time.perf_counter() + SHARE
        for dependent in dependents:
            if dependent.ended >= 0:
                continue
            if task.phase is not TaskState.COMPLETED and dependent.rare().on_upstream_failure != "run":
                scheduler.dependencies.drop(dependent)
                self.upstream_failed(dependent, task)
            elif not scheduler.dependencies.waits(dependent):
                scheduler.submission.release(dependent)
            if time.perf_counter() > stop:
                scheduler.loop.call_soon(self._release, task, dependents)
                return

    def upstream_failed(self, task: Task[Any], upstream: Task[Any]) -> None:
        """End a task whose upstream did not complete, in one of the loop's next turns: a chain takes no stack."""
        self._failing.append((task, upstream))
        if len(self._failing) == 1:
            self._scheduler.loop.call_soon(self._fail)

    def _fail(self) -> None:
        failing, stop = self._failing, time.perf_counter() + SHARE
        while failing:
            self._end_blocked(*failing[0])
            failing.popleft()  # not before: those that fail because of it come in behind it, and call nobody
            if failing and time.perf_counter() > stop:
                self._scheduler.loop.call_soon(self._fail)
                return

    def _end_blocked(self, task: Task[Any], upstream: Task[Any]) -> None:
        if task.ended >= 0:
            return
        now = self._scheduler.clock.monotonic()
        self._scheduler.dependencies.drop(task)
        if task.rare().on_upstream_failure == "skip":
            reason = f"skipped, since task {upstream.id} ended {upstream.phase.value}"
            task.error = TaskCancelledError(task.id, task.module, reason)
            self.cancelled += 1
            task.lane.record.cancelled(now)
            self._end(task, TaskState.CANCELLED, now)
        else:
            task.error = UpstreamFailedError(task.id, upstream.id, upstream.phase.value)
            task.error.__cause__ = upstream.error
            self.failed += 1
            self._end(task, TaskState.FAILED, now)


def _note(error: BaseException, text: str) -> None:
    """Add a note, where the class lets its errors be changed; one error raised by many runs keeps the first few."""
    if len(getattr(error, "__notes__", ())) < _MOST_NOTES:
        with contextlib.suppress(Exception):
            error.add_note(text)
