"""What is refused, and how an error becomes an answer that tells no secrets."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from loguru import logger

from companion_async.errors import (
    BrainClosedError,
    CompanionError,
    InvalidArgumentError,
    InvalidPathError,
    MissingExtraError,
    ModuleUnavailableError,
    QueueFullError,
    SecurityError,
    TaskCancelledError,
    TaskTimeoutError,
    UnknownModuleError,
    UnknownTargetError,
    UnknownTaskError,
    trace_of,
)
from companion_async.http.answer import Answer, failure


class Refusal(Exception):
    """An answer that is no success. ``message`` goes to whoever asked, so it holds nothing but what they may know."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        closing: bool = False,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers, self.closing = dict(headers or {}), closing

    def answer(self) -> Answer:
        """As it is sent, under an id of its own."""
        return failure(self.status, self.code, self.message, new_id(), headers=self.headers, closing=self.closing)


def new_id() -> str:
    """A name for one failure, the same in the answer and in the log."""
    return uuid.uuid4().hex[:12]


@contextmanager
def at_the_door() -> Iterator[None]:
    """Errors of this block are about what was asked, so their text may be answered; elsewhere it may be the work's."""
    try:
        yield
    except UnknownModuleError as error:
        raise Refusal(404, "unknown_module", error.message) from None
    except UnknownTargetError as error:
        raise Refusal(404, "unknown_target", error.message) from None
    except UnknownTaskError as error:
        raise Refusal(404, "unknown_task", error.message) from None
    except (InvalidArgumentError, InvalidPathError, SecurityError) as error:
        raise Refusal(422, "invalid_argument", error.message) from None


def refusal_of(error: Exception) -> Refusal | None:
    """The refusal that an error stands for wherever it was raised; None for one that nobody may read."""
    match error:
        case Refusal():
            return error
        case QueueFullError():
            wait = {"retry-after": str(max(1, math.ceil(error.retry_after)))}
            return Refusal(429, "queue_full", f"The queue of {error.queue!r} is full. Try again later.", headers=wait)
        case BrainClosedError():
            return not_ready(error.phase)
        case ModuleUnavailableError():
            return Refusal(409, "module_unavailable", f"Module {error.module!r} is {error.state} and takes no work.")
        case TaskTimeoutError():
            return Refusal(504, "task_timeout", f"Task {error.task_id} passed its limit of {error.limit:g} s.")
        case TaskCancelledError():
            return Refusal(503, "task_cancelled", f"Task {error.task_id} was cancelled.", headers={"retry-after": "1"})
        case MissingExtraError():
            return Refusal(501, "missing_extra", error.message)
    return None


def not_ready(phase: str) -> Refusal:
    """For whatever needs a brain that runs."""
    return Refusal(503, "not_ready", f"The brain is {phase}.", headers={"retry-after": "1"})


def answer_to(error: Exception, *, expose: bool) -> Answer:
    """The answer to an error. One that is no refusal goes to the log under an id; ``expose`` answers its text too."""
    refusal = refusal_of(error)
    if refusal is not None:
        return refusal.answer()
    error_id = new_id()
    logger.error("Request {}: {}\n{}", error_id, type(error).__name__, trace_of(error))
    message = (
        f"{type(error).__name__}: {error}" if expose else "The request failed. The log has the details, by the id."
    )
    return failure(500, "internal_error", message, error_id)


def code_of(error: BaseException) -> str:
    """What a task's failure is called: the error's name for errors of ours, ``task_failed`` for those of the work."""
    if not isinstance(error, CompanionError):
        return "task_failed"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__.removesuffix("Error")).lower()
