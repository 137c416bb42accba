"""What an error that a run let out is taken for."""

from __future__ import annotations

from typing import Any

from companion_async.errors import TaskCrashedError
from companion_async.offload.frames import has_begun
from companion_async.scheduling.dossier import call_of
from companion_async.scheduling.task import Task
from companion_async.security import never_begun


def failure_of(task: Task[Any], error: BaseException) -> BaseException:
    """`TaskCrashedError` for what would have ended a thread, a loop or a waiter; `WrongArgumentsError` where the call
    itself was refused by the interpreter; every other error is the work's own.
    """
    if _crashes(error):
        raised = error.__cause__ if isinstance(error, RuntimeError) else error
        crash = TaskCrashedError(task.id, task.module, type(raised).__name__)
        crash.__cause__ = error
        return crash
    if type(error) is TypeError and not has_begun(error.__traceback__) and (called := call_of(task)) is not None:
        return never_begun(error, task.module, task.target, *called)
    return error


def _crashes(error: BaseException) -> bool:
    if not isinstance(error, Exception) or isinstance(error, StopIteration):
        return True
    # A coroutine or generator that raises StopIteration has it turned into this by the interpreter (PEP 479).
    return isinstance(error, RuntimeError) and isinstance(error.__cause__, StopIteration)
