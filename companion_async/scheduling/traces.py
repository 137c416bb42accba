"""The life of tasks as OpenTelemetry spans, where the config asks for it. Needs the extra ``otel``.

Off, as by default, nothing here is loaded and no task knows of it. On, each task has three spans, named after its work:
``submit`` (from the call until it was accepted, a child of the submitter's span), and under it ``wait`` (until a run
begins) and ``run``, which links to the submitter's span and is the current one inside of the work. A task that is tried
again waits and runs again.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from companion_async.errors import MissingExtraError
from companion_async.events.bus import EventBus
from companion_async.events.kinds import Event, TaskCompleted, TaskEvent, TaskFailed, TaskRetrying, TaskTimedOut
from companion_async.offload.frames import ours
from companion_async.offload.slot import Slot
from companion_async.scheduling.task import Task

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span

    from companion_async.scheduling.scheduler import Scheduler

SCOPE = "companion_async"
_ENDS = ("task.completed", "task.failed", "task.cancelled", "task.timed_out", "task.retrying")


def check_installed() -> None:
    """Raise `MissingExtraError` if the API is not there. Imports it: a tenth of a second, the first time."""
    try:
        import opentelemetry.trace  # noqa: F401
    except ImportError:
        raise MissingExtraError("otel", "tracing") from None


class _Traced:
    """A callable that opens its task's ``run`` span as it is called. Runs where the work runs, in its context."""

    __slots__ = ("__wrapped__", "_life", "_traces")

    def __init__(self, function: Any, life: _Life, traces: Traces) -> None:
        self.__wrapped__, self._life, self._traces = function, life, traces

    @ours
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._traces.begun(self._life)
        return self.__wrapped__(*args, **kwargs)


class _Life:
    """The spans of one task that has not ended."""

    __slots__ = ("above", "links", "over", "run", "task", "wait")

    def __init__(self, task: Task[Any], above: Context, links: list[Link], wait: Span) -> None:
        self.task, self.above, self.links = task, above, links
        self.wait: Span | None = wait
        self.run: Span | None = None
        self.over = False


class Traces:
    """Opens spans as tasks are accepted and begin, and closes them at their ends. Loop only, but for `begun`.

    It hears of ends from the bus; that somebody listens there is also what has the scheduler tell of beginnings at all.
    """

    def __init__(self, scheduler: Scheduler, bus: EventBus, exposes: bool) -> None:
        from opentelemetry import context, trace

        self._trace = trace
        self._attach = context.attach
        self._tracer = trace.get_tracer(SCOPE)
        self._scheduler = scheduler
        self._exposes = exposes
        self._wall = scheduler.clock.time() - scheduler.clock.monotonic()
        self._lives: dict[str, _Life] = {}
        self._lock = threading.Lock()
        bus.add_handler("task.queued", self._queued)
        for kind in _ENDS:
            bus.add_handler(kind, self._ended)

    def accepted(self, task: Task[Any]) -> None:
        """The task was accepted, or may go on."""
        if task.id in self._lives or task.ended >= 0 or task.context is None:
            return
        trace, name = self._trace, f"{task.module}.{task.target}"
        outside = task.context.run(trace.get_current_span)
        links = [trace.Link(outside.get_span_context())] if outside.get_span_context().is_valid else []
        facts = {
            "companion.task.id": task.id,
            "companion.module": task.module,
            "companion.target": task.target,
            "companion.category": task.lane.pool.name,
            "companion.priority": task.priority.name.lower(),
        }
        submit = self._tracer.start_span(
            f"submit {name}",
            context=trace.set_span_in_context(outside),
            kind=trace.SpanKind.PRODUCER,
            attributes=facts,
            start_time=self._stamp(task.submitted),
        )
        above = trace.set_span_in_context(submit)
        wait = self._tracer.start_span(f"wait {name}", context=above, start_time=self._stamp(task.submitted))
        submit.end(self._stamp(self._scheduler.clock.monotonic()))
        self._lives[task.id] = _Life(task, above, links, wait)

    def attach(self, task: Task[Any]) -> None:
        """Have the task's next run traced, unless it is so already, or has begun and only goes on."""
        life = self._lives.get(task.id)
        goes_on = task.more is not None and task.more.work is not None
        if life is not None and not goes_on and not isinstance(task.function, _Traced):
            task.function = _Traced(task.function, life, self)

    def begun(self, life: _Life) -> None:
        """A run begins in this thread and context: its span is the current one from here on. Any thread."""
        task, trace = life.task, self._trace
        attempt = task.tries + 1
        worker = Slot.running.get(threading.get_ident())
        began = self._stamp(task.started)
        run = self._tracer.start_span(
            f"run {task.module}.{task.target}",
            context=life.above,
            kind=trace.SpanKind.CONSUMER,
            attributes={
                "companion.task.id": task.id,
                "companion.attempt": attempt,
                "thread.id": threading.get_ident(),
                "thread.name": getattr(worker, "name", "") or threading.current_thread().name,
            },
            links=life.links,
            start_time=began,
        )
        # The context is the task's own copy, so it need not be put back.
        self._attach(trace.set_span_in_context(run))
        with self._lock:
            late = life.over
            wait, life.wait = life.wait, None
            if not late:
                life.run = run
        if wait is not None:
            wait.end(began)
        if late:  # it was cancelled or timed out at this very moment
            run.end(began)

    def _queued(self, event: Event) -> None:
        """Nothing to do: what is done at this moment is done before the task can begin, in `accepted`."""

    def _ended(self, event: Event) -> None:
        assert isinstance(event, TaskEvent)
        life = self._lives.get(event.task_id)
        if life is None:
            return
        retrying = isinstance(event, TaskRetrying)
        when = self._stamp(self._scheduler.clock.monotonic() if retrying else life.task.ended)
        again = None
        if retrying:
            name = f"wait {life.task.module}.{life.task.target}"
            again = self._tracer.start_span(name, context=life.above, start_time=when)
        else:
            del self._lives[event.task_id]
        with self._lock:
            life.over = not retrying
            run, wait = life.run, life.wait
            life.run, life.wait = None, again
        for span in (run, wait):
            if span is not None:
                self._close(span, event, when)

    def _close(self, span: Span, event: TaskEvent, when: int) -> None:
        trace = self._trace
        span.set_attribute("companion.state", event.kind.removeprefix("task."))
        if isinstance(event, (TaskFailed, TaskRetrying)):
            span.set_attribute("error.type", event.error)
            span.set_status(trace.StatusCode.ERROR, event.message if self._exposes else None)
        elif isinstance(event, TaskTimedOut):
            span.set_attribute("error.type", "TaskTimeoutError")
            span.set_status(trace.StatusCode.ERROR, f"passed its {event.span} limit of {event.limit:g} s")
        elif not isinstance(event, TaskCompleted):
            span.set_attribute("error.type", "TaskCancelledError")
        span.end(when)

    def _stamp(self, monotonic: float) -> int:
        """Nanoseconds since the epoch, as spans are dated."""
        return int((self._wall + monotonic) * 1e9)
