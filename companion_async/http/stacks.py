"""Where the work stands: the stacks of the busy threads and of the loop's tasks, for operators who may see them."""

from __future__ import annotations

import asyncio
import threading

import msgspec

from companion_async.health.stack import read_stack
from companion_async.http.operation import Call

_MOST_TASKS = 100
_DEEPEST = 20


class ThreadStack(msgspec.Struct, frozen=True, kw_only=True):
    """A busy or abandoned thread; ``stack`` has a line ``file:line function`` for each call, the innermost last."""

    worker: str
    category: str
    state: str
    module: str | None
    task_id: str | None
    seconds: float | None
    stack: tuple[str, ...] = ()


class TaskStack(msgspec.Struct, frozen=True):
    """A task of the event loop and where it waits."""

    name: str
    stack: tuple[str, ...]


class Stacks(msgspec.Struct, frozen=True):
    """``exposed`` is false where the config hides stacks; then only the threads are told, and no tasks."""

    exposed: bool
    threads: tuple[ThreadStack, ...]
    tasks: tuple[TaskStack, ...]


def stacks(call: Call) -> Stacks:
    """The stacks at this moment."""
    exposed = call.exposes
    identities = {thread.native_id: thread.ident for thread in threading.enumerate()} if exposed else {}
    found = []
    for category in call.brain.status().categories.values():
        for worker in category.workers:
            if worker.task_id is None:
                continue
            thread_id = identities.get(worker.native_id)
            read = read_stack(thread_id) if thread_id is not None else None
            found.append(
                ThreadStack(
                    worker=worker.name,
                    category=category.name,
                    state=worker.state,
                    module=worker.module,
                    task_id=worker.task_id,
                    seconds=worker.running_seconds,
                    stack=read[0] if read is not None else (),
                )
            )
    return Stacks(exposed, tuple(found), _tasks() if exposed else ())


def _tasks() -> tuple[TaskStack, ...]:
    tasks = sorted(asyncio.all_tasks(), key=lambda task: task.get_name())[:_MOST_TASKS]
    return tuple(TaskStack(task.get_name(), _stack(task)) for task in tasks)


def _stack(task: asyncio.Task[object]) -> tuple[str, ...]:
    return tuple(
        f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
        for frame in task.get_stack(limit=_DEEPEST)
    )
