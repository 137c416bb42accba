"""What is known of a task to whoever looks into it: what it was called with, whom it waited for, who waits for it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from companion_async.scheduling.task import Task
from companion_async.security import Argument, shown_arguments

MOST_LOOKED_AT = 20_000

Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def call_of(task: Task[Any]) -> Call | None:
    """The callable of a task and its arguments. None once it has ended, since they are let go then; what failed with
    a traceback keeps them, as that does. `shown_of` knows more.
    """
    more = task.more
    if more is not None and more.called is not None:
        return more.called
    if task.ended >= 0:
        return None
    function, args, kwargs = task.function, task.args, task.kwargs
    if more is not None and more.work is not None:
        function, args, kwargs = more.work[:3]
    if task.plan.streams:
        function, args = args[0], args[1:]
    return function, args, kwargs


def shown_of(task: Task[Any]) -> tuple[Argument, ...] | None:
    """A text of a task's arguments, after its end as far as one was kept."""
    if task.more is not None and task.more.shown is not None:
        return task.more.shown
    called = call_of(task)
    return None if called is None else shown_arguments(*called)


def upstream_of(task: Task[Any]) -> list[tuple[str, Task[Any] | None]]:
    """The ids of those that it was to wait for, in the order in which they were named, with those still known."""
    if task.more is None:
        return []
    scheduler = task.owner
    return [(f"{scheduler.prefix}-{number}", scheduler.history.find(number)) for number in task.more.after]


def downstream_of(task: Task[Any], most: int) -> list[Task[Any]]:
    """The first ``most`` of those that wait, or waited, for its end, looked for among the `MOST_LOOKED_AT` that were
    submitted next.
    """
    number, known = task.number, task.owner.history.tasks
    later = (known.get(each) for each in range(number + 1, number + 1 + MOST_LOOKED_AT))
    waiting = (other for other in later if other is not None and other.more is not None and number in other.more.after)
    return list(islice(waiting, most))
