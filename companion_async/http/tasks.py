"""Tasks over HTTP: submitted by name, listed, looked at, cancelled."""

from __future__ import annotations

import traceback
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from companion_async.errors import UnknownTaskError
from companion_async.http.operation import Call
from companion_async.http.refusal import Refusal, at_the_door, code_of
from companion_async.modules.record import error_text
from companion_async.scheduling.dossier import downstream_of, shown_of, upstream_of
from companion_async.scheduling.task import Task
from companion_async.security import Argument, SecurityValidator
from companion_async.status.picture import Picture

_LARGEST_RESULT = 1_048_576  # bytes of JSON
_MOST = 1000
_MOST_RELATED = 100
_LONGEST_TRACE = 20_000  # characters

State = Literal["blocked", "queued", "running", "completed", "failed", "cancelled", "timed_out"]


class TaskOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to run: a handler of a module, by its name, with arguments that are plain JSON."""

    module: Annotated[str, Meta(min_length=1, max_length=64)]
    target: Annotated[str, Meta(min_length=1, max_length=200)] = "run"
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    priority: Annotated[str, Meta(max_length=20)] | None = None
    timeout: Annotated[float, Meta(gt=0)] | UnsetType | None = UNSET
    key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class TaskAccepted(msgspec.Struct, frozen=True):
    """The task that was made of an order."""

    id: str
    module: str
    state: str


class TasksQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tasks. ``cursor`` is the ``next`` of the page before."""

    state: State | None = None
    module: Annotated[str, Meta(max_length=64)] | None = None
    limit: Annotated[int, Meta(ge=1, le=_MOST)] = 100
    cursor: Annotated[str, Meta(max_length=80)] | None = None


class TaskError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a task did not complete: the log has the text under ``id``. ``message``, and of one task ``traceback``, are
    told to operators where the config exposes errors.
    """

    code: str
    type: str
    id: str
    timestamp: datetime
    message: str | UnsetType = UNSET
    traceback: str | UnsetType = UNSET


class TaskPicture(Picture, frozen=True, kw_only=True):
    """A task at one moment. ``fraction`` and ``message`` are the progress last told; the spans are seconds."""

    id: str
    module: str
    category: str
    target: str
    priority: str
    state: State
    attempt: int
    fraction: float
    message: str
    submitted_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: TaskError | None


class Step(msgspec.Struct, frozen=True):
    """One step of a task's way."""

    state: str
    timestamp: datetime
    detail: str


class Related(msgspec.Struct, frozen=True):
    """Another task, as far as it is still known."""

    id: str
    module: str | None = None
    target: str | None = None
    state: State | None = None


class TaskDetail(TaskPicture, frozen=True, kw_only=True):
    """One task with its way and, once it has completed, its result. What is no JSON, or more than a MiB of it, is left
    out, and ``omitted`` says why.

    ``arguments`` are told to operators where the config exposes errors; else, and where they were let go with the end
    of the task, they are None, and ``withheld`` says why. ``upstream`` are those that it waits or waited for,
    ``downstream`` those that wait or waited for it, at most 100 of each.
    """

    history: tuple[Step, ...]
    arguments: tuple[Argument, ...] | None
    withheld: str | None
    upstream: tuple[Related, ...]
    downstream: tuple[Related, ...]
    on_upstream_failure: str
    result: Any = None
    omitted: str | None = None


class TaskPage(msgspec.Struct, frozen=True):
    """Some tasks, the newest first; ``next`` is the cursor of the page behind, None on the last."""

    tasks: tuple[TaskPicture, ...]
    next: str | None


class Cancelled(msgspec.Struct, frozen=True):
    """``cancelled`` is false for a task that had ended already."""

    id: str
    state: str
    cancelled: bool


def submit(call: Call) -> TaskAccepted:
    """Submit what the body orders. A callable never comes this way: targets are names of handlers."""
    order: TaskOrder = call.body
    with at_the_door():
        args, kwargs = SecurityValidator.validate_execution_args(
            order.args, order.kwargs, limits=call.brain.config.security
        )
        task = call.brain.submit(
            order.module,
            order.target,
            *args,
            kwargs=kwargs or None,
            priority=order.priority,
            timeout=order.timeout,
            key=order.key,
            on_full="reject",
        )
    return TaskAccepted(task.id, task.module, task.state.value)


def page(call: Call) -> TaskPage:
    """The tasks that the query asks for."""
    query: TasksQuery = call.query
    with at_the_door():
        try:
            found = call.brain.tasks(query.state, query.module, query.limit + 1, before=query.cursor)
        except UnknownTaskError:
            raise Refusal(422, "invalid_query", "cursor is none of a page of this server.") from None
    shown = found[: query.limit]
    following = shown[-1].id if len(found) > len(shown) else None
    return TaskPage(tuple(_picture(task, call.exposes) for task in shown), following)


def detail(call: Call) -> TaskDetail:
    """One task."""
    task = _find(call)
    picture = _picture(task, call.exposes)
    fields = {name: getattr(picture, name) for name in TaskPicture.__struct_fields__}
    if picture.error is not None and call.exposes:
        fields["error"] = msgspec.structs.replace(picture.error, traceback=_traceback(task))
    result, omitted = _result(task)
    arguments, withheld = _arguments(call, task)
    upstream = upstream_of(task)[:_MOST_RELATED]
    return TaskDetail(
        **fields,
        history=tuple(Step(step.state, step.timestamp, step.detail) for step in task.history),
        arguments=arguments,
        withheld=withheld,
        upstream=tuple(Related(known) if other is None else _related(other) for known, other in upstream),
        downstream=tuple(_related(other) for other in downstream_of(task, _MOST_RELATED)),
        on_upstream_failure=task.more.on_upstream_failure if task.more is not None else "fail",
        result=result,
        omitted=omitted,
    )


def cancel(call: Call) -> Cancelled:
    """Cancel one task. Cancelling one that has ended changes nothing."""
    task = _find(call)
    done = task.cancel("asked for over HTTP")
    return Cancelled(task.id, task.state.value, done)


def _find(call: Call) -> Task[Any]:
    with at_the_door():
        return call.brain.task(call.params["task_id"])


def _picture(task: Task[Any], exposes: bool) -> TaskPicture:
    progress = task.progress
    return TaskPicture(
        id=task.id,
        module=task.module,
        category=task.lane.pool.name,
        target=task.target,
        priority=task.priority.name.lower(),
        state=task.state.value,
        attempt=task.attempt,
        fraction=progress.fraction,
        message=progress.message,
        submitted_at=task.submitted_at,
        started_at=task.started_at,
        finished_at=task.finished_at,
        error=_error(task, exposes),
    )


def _error(task: Task[Any], exposes: bool) -> TaskError | None:
    if task.error is None or task.finished_at is None:
        return None
    return TaskError(
        code=code_of(task.error),
        type=type(task.error).__name__,
        id=task.id,
        timestamp=task.finished_at,
        message=error_text(task.error) if exposes else UNSET,
    )


def _traceback(task: Task[Any]) -> str | UnsetType:
    error: Any = task.error
    trace = task.more.trace if task.more is not None else None
    if trace is None and error.__cause__ is None:
        return UNSET  # it is an error of ours that nothing raised
    text = "".join(traceback.format_exception(type(error), error, trace)).rstrip()
    return text if len(text) <= _LONGEST_TRACE else f"…{text[-_LONGEST_TRACE:]}"


def _arguments(call: Call, task: Task[Any]) -> tuple[tuple[Argument, ...] | None, str | None]:
    if task.module in call.brain.config.security.hidden_arguments:
        return None, "The config hides what this module is called with."
    if not call.exposes:
        return None, "What a task is called with is for operators, where the config has expose_errors."
    if task.lane.offload == "process":
        return None, "It runs in a process of its own, and what it is called with is packed for that."
    shown = shown_of(task)
    if shown is not None:
        return shown, None
    if task.started < 0:
        return None, "It ended before it ran, and what it would have been called with is let go."
    return None, "What completed lets go of its arguments; security.keep_arguments in the config keeps a text of them."


def _related(task: Task[Any]) -> Related:
    return Related(task.id, task.module, task.target, task.state.value)


def _result(task: Task[Any]) -> tuple[Any, str | None]:
    if not task.done() or task.error is not None:
        return None, None
    try:
        encoded = msgspec.json.encode(task.value)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return None, f"The result, of type {type(task.value).__name__}, is no JSON."
    if len(encoded) > _LARGEST_RESULT:
        return None, f"The result is {len(encoded)} bytes of JSON, more than {_LARGEST_RESULT}."
    return msgspec.Raw(encoded), None
